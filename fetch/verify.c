/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/verify.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/store/keystore.h"
#include "common/sys/growing.h"

enum {
	MAX_TEXT = 700,   /* an error holds little more */
	STEP = 256 << 10, /* wake the thread for that much */
};

/* A verification that goes on while the file comes. */
struct verify_run {
	const struct verify *v;
	struct ac_growing file;
	uint64_t told; /* how far it was said to have grown */
	int fd;
	pthread_t thread;

	/* The thread's, until it is joined. */
	struct ac_sigs sigs;
	int rc;
	struct ac_err err;
};

void verify_release(struct verify *v)
{
	verify_abort(v);
	for (size_t i = 0; i < v->n; i++) {
		ac_buf_release(&v->files[i].text);
		free(v->files[i].source);
	}
	free(v->files);
	free(v->name);
	free(v->what);
	ac_sig_keys_release(&v->keys);
	ac_policy_release(&v->policy);
	*v = VERIFY_INIT;
}

/* The keys and the policy for NAME in place of those before. */
static int take_name(struct verify *v, const char *name, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust t = AC_TRUST_INIT;
	const struct ac_keystore ks = keystore(v->g);

	free(v->name);
	v->name = ac_xstrdup(name);
	ac_policy_release(&v->policy);
	if (ac_keystore_load(&ks, name, &t, err) < 0 ||
	    (name != NULL && ac_policy_find(&ks, name, &v->policy, err) < 0) ||
	    ac_sig_keys_trust(&v->keys, &t, err) < 0)
		return -1;
	ac_debug("%s: %zu key files for '%s', signatures by %zu keys needed",
		 v->what, t.n, name != NULL ? name : "any name",
		 v->policy.require);
	return 0;
}

int verify_start(struct verify *v, const struct globals *g, const char *name,
		 const char *what, struct ac_err *err)
{
	v->g = g;
	v->what = ac_xstrdup(what);
	return take_name(v, name, err);
}

bool verify_wants(const struct verify *v, size_t kind)
{
	if (ac_sig_methods[kind] == &ac_sig_bare)
		return false;
	if (v->keys.of[kind] != NULL)
		return true;
	return ac_sig_methods[kind] == &ac_sig_openpgp &&
	       !ac_sig_keys_any(&v->keys);
}

int verify_add(struct verify *v, size_t kind, struct ac_buf *text,
	       const char *source, struct ac_err *err)
{
	if (kind == AC_SIG_KINDS &&
	    ac_sig_kind(&v->keys, ac_buf_str(text), text->len, source, &kind,
			err) < 0) {
		if (err->code != AC_E_NOT_FOUND)
			return ac_err_ctx(err, "signature of %s", v->what);
		*err = AC_ERR_INIT; /* whose key is missing is said later */
	}
	v->files = ac_xrealloc(v->files, v->n + 1, sizeof(*v->files));
	v->files[v->n++] = (struct verify_file){.kind = kind,
						.text = *text,
						.source = ac_xstrdup(source)};
	*text = AC_BUF_INIT(text->max);
	return 0;
}

static void join(struct ac_buf *b, const struct ac_strv *list)
{
	for (size_t i = 0; i < list->n; i++)
		ac_buf_addf(b, "%s%s", i != 0 ? ", " : "", list->v[i]);
}

/* None of them is ours. */
static int unknown_key(const struct verify *v, const struct ac_strv *ids,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf list = AC_BUF_INIT(MAX_TEXT);
	const char *name = v->name;

	join(&list, ids);
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "%s is signed by key %s, which is not trusted%s%s; "
			  "if you expected the signing key to change, try "
			  "running: acfetch trust --prefix \"%s\"",
			  v->what, ac_buf_str(&list),
			  name != NULL ? " for " : "", name != NULL ? name : "",
			  name != NULL ? name : "NAME");
}

/* Some are ours, and they are too few. */
static int too_few(const struct verify *v, const struct ac_buf *why,
		   const struct ac_sig_claims *c, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf list = AC_BUF_INIT(MAX_TEXT);

	join(&list, &c->unknown);
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "%s: %s (policy '%s')%s%s; more keys are trusted by: "
			  "acfetch trust --prefix \"%s\"",
			  v->what, ac_buf_str(why), v->policy.path,
			  c->unknown.n != 0 ? "; signatures by untrusted keys: "
					    : "",
			  ac_buf_str(&list), v->name);
}

/* What each file claims, together. */
static int claims(const struct verify *v, struct ac_sig_claims *out,
		  struct ac_err *err)
{
	struct ac_err bad = AC_ERR_INIT;
	size_t good = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct verify_file *f = &v->files[i];
		struct ac_err one = AC_ERR_INIT;

		if (ac_sig_methods[f->kind]->claims(v->keys.of[f->kind],
						    ac_buf_str(&f->text),
						    f->text.len, out,
						    &one) == 0) {
			good++;
		} else if (bad.code == AC_OK) {
			(void)ac_err_ctx(&one, "signature of %s", v->what);
			bad = one;
		}
	}
	if (good != 0 || v->n == 0)
		return 0;
	*err = bad;
	return -1;
}

int verify_known(const struct verify *v, struct ac_err *err)
{
	AC_CLEANUP(ac_sig_claims_release)
	struct ac_sig_claims c = AC_SIG_CLAIMS_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf why = AC_BUF_INIT(MAX_TEXT);

	if (claims(v, &c, err) < 0)
		return -1;
	if (c.unsaid != 0) /* only the check itself can tell */
		return 0;
	if (c.known.n == 0)
		return unknown_key(v, &c.unknown, err);
	if (ac_policy_met(&v->policy, &c.known, &why))
		return 0;
	return too_few(v, &why, &c, err);
}

/* GROWS is NULL when all of FD is there. */
static int check(const struct verify *v, int fd, struct ac_growing *grows,
		 struct ac_sigs *out, struct ac_err *err)
{
	const struct ac_sig_file f = {.name = v->what,
				      .fd = fd,
				      .grows = grows};

	for (size_t i = 0; i < v->n; i++) {
		const struct verify_file *file = &v->files[i];
		const struct ac_sig_method *m = ac_sig_methods[file->kind];
		void *keys = v->keys.of[file->kind];

		/* No key of this kind is trusted for the name that came. */
		if (keys != NULL &&
		    m->check(keys, &f, ac_buf_str(&file->text), file->text.len,
			     file->source, out, err) < 0)
			return -1;
	}
	return 0;
}

static const char *maker(const struct ac_sig *s)
{
	if (s->key != NULL)
		return s->key;
	return s->subkey != NULL ? s->subkey : "";
}

/* "signature by key 0123: why"; caller frees. */
static char *reason(const struct ac_sig *s)
{
	const char *who = maker(s);
	AC_FREE char *text =
		ac_xasprintf("%s%s%s%s",
			     *who != '\0' ? "signature by key " : "", who,
			     *who != '\0' ? ": " : "", s->reason);

	return ac_str_show(text);
}

static void tell(const struct verify *v, const struct ac_sigs *sigs)
{
	for (size_t i = 0; i < sigs->n; i++) {
		const struct ac_sig *s = &sigs->v[i];
		AC_FREE char *shown = s->reason != NULL
					      ? reason(s)
					      : ac_str_show(s->identity);

		if (s->reason == NULL)
			ac_log("signature verified: %s",
			       s->identity != NULL ? shown : s->key);
		else if (!s->stranger)
			ac_warn("%s: %s; it does not count", v->what, shown);
	}
}

/* Too few are good: why.  That a key is not trusted is said only when nothing
 * else is wrong. */
static int refuse(const struct verify *v, const struct ac_sigs *sigs,
		  const struct ac_buf *missing, struct ac_err *err)
{
	AC_CLEANUP(ac_sig_claims_release)
	struct ac_sig_claims c = AC_SIG_CLAIMS_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_TEXT);
	struct ac_err ignored = AC_ERR_INIT;
	bool plain = v->policy.require <= 1 && v->policy.keys.n == 0;

	if (!plain)
		ac_buf_addf(&b, "%s (policy '%s')", ac_buf_str(missing),
			    v->policy.path);
	for (size_t i = 0; i < sigs->n; i++) {
		AC_FREE char *text = NULL;

		if (sigs->v[i].reason == NULL || sigs->v[i].stranger)
			continue;
		text = reason(&sigs->v[i]);
		ac_buf_addf(&b, "%s%s", b.len != 0 ? "; " : "", text);
	}
	if (b.len == 0 && claims(v, &c, &ignored) == 0 && c.unknown.n != 0)
		return unknown_key(v, &c.unknown, err);
	return ac_err_set(err, AC_E_VERIFY, "%s: %s", v->what,
			  b.len != 0 ? ac_buf_str(&b)
				     : "no good signature by a trusted key");
}

static void *work(void *ctx)
{
	struct verify_run *r = ctx;

	r->rc = check(r->v, r->fd, &r->file, &r->sigs, &r->err);
	return NULL;
}

void verify_begin(struct verify *v, int fd)
{
	struct verify_run *r;

	verify_abort(v);
	r = ac_xcalloc(1, sizeof(*r));
	r->v = v;
	r->fd = fd;
	r->sigs = AC_SIGS_INIT;
	ac_growing_init(&r->file);
	ac_growing_patient(&r->file);
	if (pthread_create(&r->thread, NULL, work, r) != 0) {
		ac_growing_release(&r->file);
		free(r);
		return;
	}
	v->run = r;
}

void verify_more(struct verify *v, uint64_t size)
{
	struct verify_run *r = v->run;

	if (r == NULL || size < r->told + STEP)
		return;
	r->told = size;
	ac_growing_to(&r->file, size);
}

/* Wait for the thread; what it found is OUT's. */
static int join_run(struct verify *v, struct ac_sigs *out, struct ac_err *err)
{
	struct verify_run *r = ac_steal_ptr(&v->run);
	int rc;

	(void)pthread_join(r->thread, NULL);
	rc = r->rc;
	*out = r->sigs;
	if (rc < 0)
		*err = r->err;
	ac_growing_release(&r->file);
	free(r);
	return rc;
}

void verify_abort(struct verify *v)
{
	AC_CLEANUP(ac_sigs_release) struct ac_sigs sigs = AC_SIGS_INIT;
	struct ac_err ignored = AC_ERR_INIT;

	if (v->run == NULL)
		return;
	ac_growing_abort(&v->run->file);
	(void)!join_run(v, &sigs, &ignored);
}

static const struct ac_sig_method *method(const struct ac_sig *s, size_t *kind)
{
	for (*kind = 0; strcmp(ac_sig_methods[*kind]->kind, s->kind) != 0;)
		(*kind)++;
	return ac_sig_methods[*kind];
}

/* Is what was found with the keys BEFORE what would be found with those of now?
 * It is made so where that needs no look at the file. */
static bool still(const struct verify *v, const struct ac_sig_keys *before,
		  struct ac_sigs *sigs)
{
	for (size_t i = 0; i < sigs->n; i++) {
		size_t k;
		const struct ac_sig_method *m = method(&sigs->v[i], &k);

		if (!m->recheck(before->of[k], v->keys.of[k], &sigs->v[i]))
			return false;
	}
	return true;
}

/* What the signatures are: as the thread found it, when there is one, for the
 * keys of NAME. */
static int look(struct verify *v, const char *name, int fd, struct ac_sigs *out,
		struct ac_err *err)
{
	AC_CLEANUP(ac_sig_keys_release)
	struct ac_sig_keys before = AC_SIG_KEYS_INIT;
	bool have = v->run != NULL;
	bool other = v->name == NULL || strcmp(v->name, name) != 0;

	if (have) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			return ac_err_sys(err, errno, "size of '%s'", v->what);
		ac_growing_to(&v->run->file, (uint64_t)st.st_size);
		ac_growing_end(&v->run->file);
		if (join_run(v, out, err) < 0)
			return -1;
	}
	if (other) {
		before = v->keys;
		v->keys = AC_SIG_KEYS_INIT;
		if (take_name(v, name, err) < 0)
			return -1;
	}
	if (have && (!other || still(v, &before, out)))
		return 0;
	ac_sigs_release(out);
	return check(v, fd, NULL, out, err);
}

int verify_image(struct verify *v, const char *name, int fd,
		 struct ac_strv *signers, struct ac_err *err)
{
	AC_CLEANUP(ac_sigs_release) struct ac_sigs sigs = AC_SIGS_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf why = AC_BUF_INIT(MAX_TEXT);

	if (look(v, name, fd, &sigs, err) < 0)
		return -1;
	ac_sigs_signers(&sigs, signers);
	if (!ac_policy_met(&v->policy, signers, &why))
		return refuse(v, &sigs, &why, err);
	tell(v, &sigs);
	return 0;
}

bool verify_recorded(const struct globals *g, const char *name,
		     const struct ac_strv *signers)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust t = AC_TRUST_INIT;
	AC_CLEANUP(ac_policy_release) struct ac_policy p = AC_POLICY_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv still = AC_STRV_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf why = AC_BUF_INIT(MAX_TEXT);
	const struct ac_keystore ks = keystore(g);
	struct ac_err err = AC_ERR_INIT;

	if (ac_keystore_load(&ks, name, &t, &err) < 0 ||
	    ac_policy_find(&ks, name, &p, &err) < 0)
		return false;
	for (size_t i = 0; i < t.n; i++)
		if (ac_strv_has(signers, t.v[i].fingerprint) &&
		    !ac_strv_has(&still, t.v[i].fingerprint))
			ac_strv_push(&still, t.v[i].fingerprint);
	return ac_policy_met(&p, &still, &why);
}

int verify_has_keys(const struct globals *g, const char *name,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust t = AC_TRUST_INIT;
	const struct ac_keystore ks = keystore(g);

	if (ac_keystore_load(&ks, name, &t, err) < 0)
		return -1;
	return t.n != 0 ? 1 : 0;
}
