/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/cosign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/oci.h"
#include "common/net/registry_referrers.h"
#include "common/store/keystore.h"
#include "common/store/policy.h"
#include "common/store/sig.h"
#include "common/sys/io.h"

#define SIMPLE     "application/vnd.dev.cosign.simplesigning.v1+json"
#define BUNDLE     "application/vnd.dev.sigstore.bundle."
#define ANNOTATION "dev.cosignproject.cosign/signature"

enum {
	MAX_LIST = 4 << 20,
	MAX_PAYLOAD = 1 << 20,
	MAX_SIGNATURES = 32,
	MAX_PAGES = 16, /* of referrers, of all kinds */
	MAX_TEXT = 700,
	SIGSTORE = 1, /* in ac_sig_methods */
	BARE = 2,
};

/* One image whose signatures are looked at. */
struct job {
	const struct cosign *c;
	struct ac_sig_keys keys;
	struct ac_policy policy;
	struct ac_sigs sigs;
	size_t seen;    /* signatures that were fetched */
	size_t fetched; /* manifests of bundles */
};

static int load(struct job *j, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust t = AC_TRUST_INIT;
	const struct ac_keystore ks = keystore(j->c->g);

	if (ac_keystore_load(&ks, j->c->name, &t, err) < 0 ||
	    ac_policy_find(&ks, j->c->name, &j->policy, err) < 0)
		return -1;
	return ac_sig_keys_trust(&j->keys, &t, err);
}

int cosign_wanted(const struct globals *g, const char *name, bool *policy,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust t = AC_TRUST_INIT;
	AC_CLEANUP(ac_policy_release) struct ac_policy p = AC_POLICY_INIT;
	const struct ac_keystore ks = keystore(g);

	if (ac_keystore_load(&ks, name, &t, err) < 0 ||
	    ac_policy_find(&ks, name, &p, err) < 0)
		return -1;
	*policy = p.path != NULL;
	return *policy || ac_trust_has_kind(&t, AC_KEY_PEM) ? 1 : 0;
}

static void reject(struct job *j, size_t kind, const char *reason)
{
	ac_sigs_add(&j->sigs,
		    (struct ac_sig){.kind = ac_sig_methods[kind]->kind,
				    .created = -1,
				    .reason = ac_xstrdup(reason)});
}

/* What could not be fetched is a signature less, not the end of all others: but
 * where the registry cannot be talked to, nobody knows what there is. */
static int lost(struct job *j, size_t kind, struct ac_err *err)
{
	if (err->code == AC_E_NET || err->code == AC_E_SYS)
		return -1;
	reject(j, kind, err->msg);
	*err = AC_ERR_INIT;
	return 0;
}

/* Is TEXT a signature of the N bytes at P? */
static int check(struct job *j, size_t kind, const char *text, size_t len,
		 const void *p, size_t n, struct ac_err *err)
{
	AC_CLOSE int fd = memfd_create("signed", MFD_CLOEXEC);
	const struct ac_sig_file f = {.name = j->c->what, .fd = fd};

	if (fd < 0)
		return ac_err_sys(err, errno, "memory for a signature");
	if (ac_io_write(fd, p, n, "what is signed", err) < 0)
		return -1;
	return ac_sig_methods[kind]->check(j->keys.of[kind], &f, text, len,
					   "the registry's", &j->sigs, err);
}

static int append(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_buf *b = ctx;

	ac_buf_add(b, p, n);
	return ac_buf_check(b, "a signature", err);
}

static int get_blob(const struct job *j, const struct ac_oci_desc *d,
		    struct ac_buf *out, struct ac_err *err)
{
	struct ac_digest is;

	if (d->size > out->max)
		return ac_err_set(err, AC_E_LIMIT,
				  "%llu bytes are no signature",
				  (unsigned long long)d->size);
	if (ac_registry_blob(j->c->reg, d, append, out, err) < 0)
		return -1;
	ac_digest_of(d->digest.alg, ac_buf_str(out), out->len, &is);
	if (!ac_digest_equal(&is, &d->digest))
		return ac_err_set(err, AC_E_VERIFY,
				  "digest of a signature does not match");
	return 0;
}

static const char *text_at(const struct ac_json *o, const char *key)
{
	return ac_json_text(ac_json_get(o, key), NULL);
}

/* Why the text PAYLOAD, if it is signed, is no signature of the image; or
 * NULL. */
static const char *payload_fault(const struct job *j,
				 const struct ac_buf *payload)
{
	struct ac_err ignored = AC_ERR_INIT;
	AC_JSON struct ac_json *doc =
		ac_json_parse(ac_buf_str(payload), payload->len, "payload",
			      &ignored);
	const struct ac_json *critical = ac_json_get(doc, "critical");
	const char *type = text_at(critical, "type");
	const char *of = text_at(ac_json_get(critical, "image"),
				 "docker-manifest-digest");
	char want[AC_DIGEST_TEXT];

	if (type == NULL || of == NULL ||
	    strcmp(type, "cosign container image signature") != 0)
		return "what is signed is no statement about an image";
	ac_digest_print(j->c->digest, ':', want);
	return strcmp(of, want) == 0 ? NULL
				     : "it is the signature of another image";
}

/* A descriptor, of a kind that no image has. */
static int read_desc(const struct ac_json *o, struct ac_oci_desc *d,
		     struct ac_err *err)
{
	const char *digest = "";
	int64_t size = 0;

	*d = (struct ac_oci_desc){.media_type = ""};
	if (ac_json_get_str(o, "", "mediaType", &d->media_type, err) < 0 ||
	    ac_json_get_str(o, "", "digest", &digest, err) < 0 ||
	    ac_json_get_int(o, "", "size", &size, err) < 0 ||
	    ac_digest_parse(&d->digest, digest, ':', err) < 0)
		return -1;
	if (size < 0)
		return ac_err_set(err, AC_E_INVALID, "size: negative");
	d->size = (uint64_t)size;
	return 0;
}

/* A layer of the manifest at the tag: a payload, its signature beside it. */
static int check_simple(struct job *j, const struct ac_oci_desc *d,
			const struct ac_json *layer, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf payload = AC_BUF_INIT(MAX_PAYLOAD);
	const char *sig =
		text_at(ac_json_get(layer, "annotations"), ANNOTATION);
	const char *fault;

	if (strcmp(d->media_type, SIMPLE) != 0 || sig == NULL)
		return 0;
	j->seen++;
	if (get_blob(j, d, &payload, err) < 0)
		return lost(j, BARE, err);
	fault = payload_fault(j, &payload);
	if (fault == NULL)
		return check(j, BARE, sig, strlen(sig), ac_buf_str(&payload),
			     payload.len, err);
	reject(j, BARE, fault);
	return 0;
}

/* A layer of a manifest that refers to ours: a bundle. */
static int check_bundle(struct job *j, const struct ac_oci_desc *d,
			const struct ac_json *layer, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf bundle = AC_BUF_INIT(ac_sig_methods[SIGSTORE]->max);

	(void)layer;
	if (!ac_str_starts(ac_str(d->media_type), BUNDLE))
		return 0;
	j->seen++;
	if (get_blob(j, d, &bundle, err) < 0)
		return lost(j, SIGSTORE, err);
	return check(j, SIGSTORE, ac_buf_str(&bundle), bundle.len,
		     ac_buf_str(j->c->manifest), j->c->manifest->len, err);
}

typedef int (*check_fn)(struct job *j, const struct ac_oci_desc *d,
			const struct ac_json *entry, struct ac_err *err);

/* Each descriptor of the list KEY in a manifest or index.  A list that is
 * broken has no signature; what cannot be fetched ends it. */
static int check_list(struct job *j, size_t kind, const struct ac_buf *text,
		      const char *key, check_fn one, struct ac_err *err)
{
	struct ac_err bad = AC_ERR_INIT;
	AC_JSON struct ac_json *doc = ac_json_parse(ac_buf_str(text), text->len,
						    "list of signatures", &bad);
	struct ac_json *list = NULL;

	if (doc == NULL || ac_json_get_array(doc, "", key, &list, &bad) < 0) {
		reject(j, kind, bad.msg);
		return 0;
	}
	for (size_t i = 0; i < ac_json_len(list); i++) {
		struct ac_oci_desc d;

		if (j->seen >= MAX_SIGNATURES)
			break;
		if (read_desc(ac_json_at(list, i), &d, &bad) < 0)
			reject(j, kind, bad.msg);
		else if (one(j, &d, ac_json_at(list, i), err) < 0)
			return -1;
	}
	return 0;
}

/* An entry of the index of what refers to ours: its manifest's layers. */
static int check_referrer(struct job *j, const struct ac_oci_desc *d,
			  const struct ac_json *entry, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_LIST);
	const char *type = text_at(entry, "artifactType");
	char digest[AC_DIGEST_TEXT];
	struct ac_digest ignored;

	if (type == NULL || !ac_str_starts(ac_str(type), BUNDLE))
		return 0;
	ac_digest_print(&d->digest, ':', digest);
	if (++j->fetched > MAX_SIGNATURES)
		return 0;
	if (ac_registry_manifest(j->c->reg, digest, &text, &ignored, err) < 0)
		return lost(j, SIGSTORE, err);
	return check_list(j, SIGSTORE, &text, "layers", check_bundle, err);
}

/* The tag that cosign gives to the signatures of a manifest. */
static int by_tag(struct job *j, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_LIST);
	char digest[AC_DIGEST_TEXT];
	AC_FREE char *tag = NULL;
	struct ac_digest ignored;

	ac_digest_print(j->c->digest, '-', digest);
	tag = ac_xasprintf("%s.sig", digest);
	if (ac_registry_manifest(j->c->reg, tag, &text, &ignored, err) == 0)
		return check_list(j, BARE, &text, "layers", check_simple, err);
	if (err->code != AC_E_NOT_FOUND)
		return -1;
	*err = AC_ERR_INIT;
	return 0;
}

static int by_reference(struct job *j, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_LIST);
	AC_FREE char *page = NULL;

	for (size_t n = 0; n < MAX_PAGES; n++) {
		int r = ac_registry_referrers(j->c->reg, j->c->digest, &page,
					      &text, err);

		if (r <= 0)
			return r;
		if (check_list(j, SIGSTORE, &text, "manifests", check_referrer,
			       err) < 0)
			return -1;
		if (page == NULL)
			return 0;
	}
	ac_debug("%s: there are more pages of referrers than are looked at",
		 j->c->what);
	return 0;
}

/* The reasons why signatures do not count, as warnings or for a message. */
static void reasons(const struct job *j, struct ac_buf *out)
{
	for (size_t i = 0; i < j->sigs.n; i++) {
		const struct ac_sig *s = &j->sigs.v[i];
		AC_FREE char *shown =
			s->reason != NULL ? ac_str_show(s->reason) : NULL;

		if (shown != NULL && out != NULL)
			ac_buf_addf(out, "; %s", shown);
		else if (shown != NULL)
			ac_warn("%s: a signature does not count: %s",
				j->c->what, shown);
	}
}

static int decide(const struct job *j, struct ac_strv *signers,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf why = AC_BUF_INIT(MAX_TEXT);

	ac_sigs_signers(&j->sigs, signers);
	if (ac_policy_met(&j->policy, signers, &why)) {
		for (size_t i = 0; i < signers->n; i++)
			ac_log("signature verified: key %s", signers->v[i]);
		reasons(j, NULL);
		return 0;
	}
	if (j->seen == 0 && j->sigs.n == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "no signature for '%s' in the registry, "
				  "where keys are trusted for '%s'; sign it "
				  "with 'cosign sign --key', or take it "
				  "unverified with --insecure-options=image",
				  j->c->what, j->c->name);
	reasons(j, &why);
	return ac_err_set(err, AC_E_VERIFY, "%s: %s", j->c->what,
			  ac_buf_str(&why));
}

int cosign_verify(const struct cosign *c, struct ac_strv *signers,
		  struct ac_err *err)
{
	struct job j = {.c = c,
			.keys = AC_SIG_KEYS_INIT,
			.policy = AC_POLICY_INIT,
			.sigs = AC_SIGS_INIT};
	int r = load(&j, err);

	if (r == 0 && j.keys.of[BARE] != NULL)
		r = by_tag(&j, err) < 0 || by_reference(&j, err) < 0 ? -1 : 0;
	if (r == 0)
		r = decide(&j, signers, err);
	ac_sigs_release(&j.sigs);
	ac_policy_release(&j.policy);
	ac_sig_keys_release(&j.keys);
	return r;
}
