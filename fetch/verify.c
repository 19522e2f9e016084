/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/verify.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "fetch/keystore.h"

enum { KEY_ID = 16 }; /* hex digits: the end of a fingerprint */

/* The key in the file T, when there is one and it is the one that the file's
 * name promises: 1, else 0 with a warning.  One bad file must not keep all
 * others from being used. */
static int open_key(const struct trusted *t, struct ac_pgp_key **key)
{
	struct ac_err err = AC_ERR_INIT;
	size_t n = 0;

	if (ac_pgp_keys(t->key, t->len, t->path, key, &n, &err) < 0) {
		ac_warn("keystore: %s; it is not used", err.msg);
		return 0;
	}
	if (n == 1 && strcmp((*key)->fingerprint, t->fingerprint) == 0)
		return 1;
	ac_warn("keystore: '%s' does not hold the one key that its name says; "
		"it is not used",
		t->path);
	ac_pgp_keys_free(*key, n);
	*key = NULL;
	return 0;
}

static bool ends_with_id(const char *fingerprint, const char *id)
{
	size_t n = strlen(fingerprint);

	return n >= KEY_ID && strcmp(fingerprint + n - KEY_ID, id) == 0;
}

static bool is_issuer(const struct ac_pgp_key *k, const struct ac_strv *ids)
{
	for (size_t i = 0; i < ids->n; i++) {
		if (ends_with_id(k->fingerprint, ids->v[i]))
			return true;
		for (size_t s = 0; s < k->subkeys.n; s++)
			if (ends_with_id(k->subkeys.v[s], ids->v[i]))
				return true;
	}
	return false;
}

static int unknown_key(const char *name, const struct ac_strv *ids,
		       const char *what, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf list = AC_BUF_INIT(256);

	for (size_t i = 0; i < ids->n; i++)
		ac_buf_addf(&list, "%s%s", i != 0 ? ", " : "", ids->v[i]);
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "%s is signed by key %s, which is not trusted%s%s; "
			  "if you expect this key, run: acfetch trust --prefix "
			  "\"%s\"",
			  what, ac_buf_str(&list), name != NULL ? " for " : "",
			  name != NULL ? name : "",
			  name != NULL ? name : "NAME");
}

int verify_key_known(const struct globals *g, const char *name, const void *sig,
		     size_t len, const char *what, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	AC_CLEANUP(keys_release) struct keys keys = KEYS_INIT;

	if (ac_pgp_issuers(sig, len, &ids, err) < 0)
		return ac_err_ctx(err, "signature of %s", what);
	if (ids.n == 0)
		return 0; /* it does not say: verification will tell */
	if (keystore_load(g, name, &keys, err) < 0)
		return -1;
	for (size_t i = 0; i < keys.n; i++) {
		struct ac_pgp_key *key = NULL;
		bool found;

		if (open_key(&keys.v[i], &key) == 0)
			continue;
		found = is_issuer(key, &ids);
		ac_pgp_keys_free(key, 1);
		if (found)
			return 0;
	}
	return unknown_key(name, &ids, what, err);
}

/* A ring of the keys trusted for NAME; *n gets how many. */
static struct ac_pgp_ring *make_ring(const struct globals *g, const char *name,
				     size_t *n, struct ac_err *err)
{
	AC_CLEANUP(keys_release) struct keys keys = KEYS_INIT;
	struct ac_pgp_ring *ring;

	*n = 0;
	if (keystore_load(g, name, &keys, err) < 0)
		return NULL;
	ring = ac_pgp_ring_new(err);
	if (ring == NULL)
		return NULL;
	for (size_t i = 0; i < keys.n; i++) {
		struct trusted *t = &keys.v[i];
		struct ac_pgp_key *key = NULL;

		if (open_key(t, &key) == 0)
			continue;
		ac_pgp_keys_free(key, 1);
		if (ac_pgp_ring_add(ring, t->key, t->len, t->path, err) < 0) {
			ac_pgp_ring_free(ring);
			return NULL;
		}
		*n += 1;
	}
	return ring;
}

int verify_image(const struct globals *g, const char *name, const void *sig,
		 size_t len, int fd, const char *what,
		 struct ac_pgp_result *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	struct ac_pgp_ring *ring;
	size_t n;
	int r;

	if (ac_pgp_issuers(sig, len, &ids, err) < 0)
		return ac_err_ctx(err, "signature of %s", what);
	ring = make_ring(g, name, &n, err);
	if (ring == NULL)
		return -1;
	ac_debug("%s: %zu keys are trusted for '%s'", what, n, name);
	if (n == 0)
		r = unknown_key(name, &ids, what, err);
	else
		r = ac_pgp_verify(ring, sig, len, fd, what, out, err);
	if (r < 0 && n != 0 && err->code == AC_E_NOT_FOUND)
		r = unknown_key(name, &ids, what, err);
	ac_pgp_ring_free(ring);
	return r;
}
