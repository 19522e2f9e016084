/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp_gpgme.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"

enum { CLOCK_SKEW = 24 * 60 * 60 };

struct ac_pgp_ring {
	char *dir; /* owned; an absolute path */
	gpgme_ctx_t ctx;
};

/* What gpg does with our ring: look at signatures with the keys that are in it,
 * and nothing else.  Whether a key is to be trusted the caller has decided by
 * adding it.  Nothing is started beside gpg, so nothing is left running. */
static const char ring_conf[] = "batch\n"
				"no-autostart\n"
				"no-auto-key-retrieve\n"
				"no-auto-key-locate\n"
				"no-auto-check-trustdb\n"
				"no-random-seed-file\n"
				"keyid-format long\n";

static int write_conf(const char *dir, struct ac_err *err)
{
	AC_FREE char *name = ac_xasprintf("%s/gpg.conf", dir);
	AC_CLOSE int fd =
		open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return ac_err_sys(err, errno, "create '%s'", name);
	return ac_io_write(fd, ring_conf, sizeof(ring_conf) - 1, name, err);
}

struct ac_pgp_ring *ac_pgp_ring_new(struct ac_err *err)
{
	struct ac_pgp_ring *r = ac_xcalloc(1, sizeof(*r));
	const char *tmp = getenv("TMPDIR");
	char *name = ac_xasprintf("%s/acutils-pgp-XXXXXX",
				  tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");

	if (mkdtemp(name) == NULL) {
		(void)ac_err_sys(err, errno, "make the directory '%s'", name);
		free(name);
	} else {
		r->dir = name;
		if (write_conf(name, err) == 0)
			r->ctx = ac_gpgme_ctx(name, err);
	}
	if (r->ctx == NULL) {
		ac_pgp_ring_free(r);
		return NULL;
	}
	gpgme_set_offline(r->ctx, 1);
	return r;
}

void ac_pgp_ring_free(struct ac_pgp_ring *r)
{
	struct ac_err ignored; /* a temporary directory stays: no harm */

	if (r == NULL)
		return;
	gpgme_release(r->ctx);
	if (r->dir != NULL && ac_tree_remove(AT_FDCWD, r->dir, &ignored) < 0)
		errno = 0;
	free(r->dir);
	free(r);
}

static void ring_freep(struct ac_pgp_ring **r)
{
	ac_pgp_ring_free(*r);
}
#define AC_RING AC_CLEANUP(ring_freep) struct ac_pgp_ring

int ac_pgp_ring_add(struct ac_pgp_ring *r, const void *key, size_t len,
		    const char *what, struct ac_err *err)
{
	AC_GPGME_DATA data = ac_gpgme_mem(key, len, err);
	gpgme_import_result_t result;
	gpgme_error_t e;

	if (data == NULL)
		return -1;
	e = gpgme_op_import(r->ctx, data);
	if (e != 0 && gpgme_err_code(e) != GPG_ERR_NO_DATA)
		return ac_gpgme_err(err, e, what);
	result = gpgme_op_import_result(r->ctx);
	/* A key, a known one, or something new about one. */
	if (e != 0 || result == NULL ||
	    result->imported + result->unchanged + result->new_revocations +
			    result->new_signatures + result->new_sub_keys +
			    result->new_user_ids ==
		    0)
		return ac_err_set(err, AC_E_INVALID,
				  "%s: no usable OpenPGP public key in it",
				  what);
	return 0;
}

/* Hex digits in lower case, as we write them.  Caller frees. */
static char *lower(const char *s)
{
	char *copy = ac_xstrdup(s != NULL ? s : "");

	for (char *p = copy; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static void free_sigs(struct ac_pgp_sig *sigs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(sigs[i].fingerprint);
		free(sigs[i].subkey);
		free(sigs[i].identity);
	}
	free(sigs);
}

void ac_pgp_result_release(struct ac_pgp_result *r)
{
	free_sigs(r->sigs, r->n);
	free_sigs(r->rejected, r->n_rejected);
	*r = (struct ac_pgp_result){.sigs = NULL};
}

static void add_sig(struct ac_pgp_sig **list, size_t *n, struct ac_pgp_sig s)
{
	*list = ac_xrealloc(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = s;
}

static const char not_ours[] = "the key is not among the trusted ones";

/* Why S does not count, or NULL when it is good. */
static const char *fault(gpgme_signature_t s)
{
	const unsigned int bad =
		GPGME_SIGSUM_RED | GPGME_SIGSUM_KEY_REVOKED |
		GPGME_SIGSUM_KEY_EXPIRED | GPGME_SIGSUM_SIG_EXPIRED |
		GPGME_SIGSUM_KEY_MISSING | GPGME_SIGSUM_BAD_POLICY |
		GPGME_SIGSUM_SYS_ERROR;

	switch (gpgme_err_code(s->status)) {
	case GPG_ERR_NO_ERROR:
		break;
	case GPG_ERR_NO_PUBKEY:
		return not_ours;
	case GPG_ERR_BAD_SIGNATURE:
		return "it does not match the content";
	case GPG_ERR_SIG_EXPIRED:
		return "the signature has expired";
	case GPG_ERR_KEY_EXPIRED:
		return "the key has expired";
	case GPG_ERR_CERT_REVOKED:
		return "the key was revoked";
	case GPG_ERR_DIGEST_ALGO:
		return "made with a digest that is weak or unknown";
	default:
		return gpgme_strerror(s->status);
	}
	if (!ac_gpgme_hash_is_strong(s->hash_algo))
		return "made with a digest that is weak or unknown";
	if (s->wrong_key_usage)
		return "made by a key that is not for signing";
	if ((time_t)s->timestamp > time(NULL) + CLOCK_SKEW)
		return "made in the future; is the clock right?";
	/* Nothing is said of trust in the key: the ring is the trusted ones. */
	if ((s->summary & bad) != 0)
		return "not valid";
	return NULL;
}

/* Take the signature S. */
static int take_sig(struct ac_pgp_ring *r, gpgme_signature_t s,
		    struct ac_pgp_result *out, struct ac_err *err)
{
	AC_GPGME_KEY key = NULL;
	gpgme_error_t e = gpgme_get_key(r->ctx, s->fpr, &key, 0);
	gpgme_user_id_t uid = e == 0 ? key->uids : NULL;
	struct ac_pgp_sig sig = {.fault = fault(s),
				 .code = AC_E_VERIFY,
				 .created = (int64_t)s->timestamp};

	if (e != 0 && sig.fault == NULL)
		return ac_gpgme_err(err, e, "the key of a signature");
	if (sig.fault == not_ours)
		sig.code = AC_E_NOT_FOUND;
	sig.fingerprint = lower(e == 0 ? key->subkeys->fpr : "");
	sig.subkey = lower(s->fpr);
	sig.identity =
		ac_xstrdup(uid != NULL && uid->uid != NULL ? uid->uid : "");
	if (sig.fault == NULL)
		add_sig(&out->sigs, &out->n, sig);
	else
		add_sig(&out->rejected, &out->n_rejected, sig);
	return 0;
}

int ac_pgp_check(struct ac_pgp_ring *r, const void *sig, size_t len, int fd,
		 const char *what, struct ac_pgp_result *out,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_pgp_result_release) struct ac_pgp_result all = {0};
	AC_GPGME_DATA sig_data = ac_gpgme_mem(sig, len, err);
	AC_GPGME_DATA data = NULL;
	struct ac_gpgme_file file = {.fd = fd};
	gpgme_verify_result_t result;
	gpgme_error_t e;
	int ret = 0;

	if (sig_data == NULL)
		return -1;
	data = ac_gpgme_from(&file, err);
	if (data == NULL)
		return -1;
	e = gpgme_op_verify(r->ctx, sig_data, data, NULL);
	result = e == 0 ? gpgme_op_verify_result(r->ctx) : NULL;
	if (e != 0 && gpgme_err_code(e) != GPG_ERR_NO_DATA &&
	    gpgme_err_code(e) != GPG_ERR_BAD_DATA)
		return ac_gpgme_err(err, e, what);
	if (result == NULL || result->signatures == NULL) {
		add_sig(&all.rejected, &all.n_rejected,
			(struct ac_pgp_sig){.fingerprint = ac_xstrdup(""),
					    .subkey = ac_xstrdup(""),
					    .identity = ac_xstrdup(""),
					    .created = -1,
					    .code = AC_E_INVALID,
					    .fault = "not an OpenPGP "
						     "signature"});
	} else {
		/* The list is gone once the context looks for a key. */
		gpgme_result_ref(result);
		for (gpgme_signature_t s = result->signatures;
		     s != NULL && ret == 0; s = s->next)
			ret = take_sig(r, s, &all, err);
		gpgme_result_unref(result);
	}
	if (ret == 0) {
		*out = all;
		all = (struct ac_pgp_result){.sigs = NULL};
	}
	return ret;
}

/* Why there is no good one: the first fault that is not a missing key. */
static int explain(const struct ac_pgp_result *all, const char *what,
		   struct ac_err *err)
{
	const struct ac_pgp_sig *s = &all->rejected[0];

	for (size_t i = 0; i < all->n_rejected; i++)
		if (all->rejected[i].code != AC_E_NOT_FOUND) {
			s = &all->rejected[i];
			break;
		}
	if (s->code == AC_E_INVALID)
		return ac_err_set(err, s->code, "%s: %s", what, s->fault);
	return ac_err_set(err, s->code, "%s: signature by key %s: %s", what,
			  s->subkey, s->fault);
}

int ac_pgp_verify(struct ac_pgp_ring *r, const void *sig, size_t len, int fd,
		  const char *what, struct ac_pgp_result *out,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_pgp_result_release) struct ac_pgp_result all = {0};

	if (ac_pgp_check(r, sig, len, fd, what, &all, err) < 0)
		return -1;
	if (all.n == 0)
		return explain(&all, what, err);
	*out = all;
	all = (struct ac_pgp_result){.sigs = NULL};
	return 0;
}

int ac_pgp_issuers(const void *sig, size_t len, struct ac_strv *out,
		   struct ac_err *err)
{
	AC_RING *r = ac_pgp_ring_new(err);
	AC_GPGME_DATA sig_data = NULL;
	AC_GPGME_DATA data = NULL;
	gpgme_verify_result_t result;
	gpgme_error_t e;

	if (r == NULL)
		return -1;
	/* With no key at hand gpg says whose it would need. */
	sig_data = ac_gpgme_mem(sig, len, err);
	data = sig_data != NULL ? ac_gpgme_mem("", 0, err) : NULL;
	if (data == NULL)
		return -1;
	e = gpgme_op_verify(r->ctx, sig_data, data, NULL);
	result = e == 0 ? gpgme_op_verify_result(r->ctx) : NULL;
	if (result == NULL || result->signatures == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "not an OpenPGP signature");
	for (gpgme_signature_t s = result->signatures; s != NULL; s = s->next) {
		AC_FREE char *id = lower(s->fpr);
		size_t n = strlen(id);

		/* Zeros stand for a packet that names nobody. */
		if (strspn(id, "0") != n)
			ac_strv_push(out, n > 16 ? id + n - 16 : id);
	}
	if (out->n == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "an OpenPGP signature that names no key");
	return 0;
}

static void take_key(struct ac_pgp_key *to, gpgme_key_t key)
{
	*to = (struct ac_pgp_key){
		.fingerprint = lower(key->subkeys->fpr),
		.expired = key->expired,
		.revoked = key->revoked,
	};
	for (gpgme_subkey_t s = key->subkeys->next; s != NULL; s = s->next) {
		AC_FREE char *fpr = lower(s->fpr);

		ac_strv_push(&to->subkeys, fpr);
	}
	for (gpgme_user_id_t u = key->uids; u != NULL; u = u->next)
		ac_strv_push(&to->identities, u->uid != NULL ? u->uid : "");
}

int ac_pgp_keys(const void *key, size_t len, const char *what,
		struct ac_pgp_key **out, size_t *n, struct ac_err *err)
{
	AC_RING *r = ac_pgp_ring_new(err);
	AC_GPGME_DATA data = NULL;
	struct ac_pgp_key *keys = NULL;
	size_t count = 0;
	gpgme_error_t e;

	if (r == NULL)
		return -1;
	data = ac_gpgme_mem(key, len, err);
	if (data == NULL)
		return -1;
	e = gpgme_op_keylist_from_data_start(r->ctx, data, 0);
	while (e == 0) {
		AC_GPGME_KEY k = NULL;

		e = gpgme_op_keylist_next(r->ctx, &k);
		if (e != 0 || k->subkeys == NULL || k->subkeys->fpr == NULL)
			continue;
		keys = ac_xrealloc(keys, count + 1, sizeof(*keys));
		take_key(&keys[count++], k);
	}
	if (gpgme_err_code(e) != GPG_ERR_EOF || count == 0) {
		ac_pgp_keys_free(keys, count);
		return ac_err_set(err, AC_E_INVALID,
				  "%s: no usable OpenPGP public key in it",
				  what);
	}
	*out = keys;
	*n = count;
	return 0;
}

void ac_pgp_keys_free(struct ac_pgp_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(keys[i].fingerprint);
		ac_strv_release(&keys[i].subkeys);
		ac_strv_release(&keys[i].identities);
	}
	free(keys);
}

int ac_pgp_extract(const void *key, size_t len, const char *what,
		   const char *fingerprint, char **out, struct ac_err *err)
{
	AC_RING *r = ac_pgp_ring_new(err);
	gpgme_data_t data = NULL;
	gpgme_error_t e;
	size_t n = 0;
	char *text;

	if (r == NULL || ac_pgp_ring_add(r, key, len, what, err) < 0)
		return -1;
	e = gpgme_data_new(&data);
	if (e != 0)
		return ac_gpgme_err(err, e, what);
	gpgme_set_armor(r->ctx, 1);
	e = gpgme_op_export(r->ctx, fingerprint, 0, data);
	text = gpgme_data_release_and_get_mem(data, &n);
	if (e == 0 && n != 0)
		*out = ac_xstrndup(text, n);
	gpgme_free(text);
	if (e != 0)
		return ac_gpgme_err(err, e, what);
	return n != 0 ? 0
		      : ac_err_set(err, AC_E_NOT_FOUND, "%s: no key '%s' in it",
				   what, fingerprint);
}
