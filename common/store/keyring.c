/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/store/keystore.h"

enum { KEY_ID = 16 }; /* hex digits: the end of a fingerprint */

/* The key in the file T, when there is one and it is the one that the file's
 * name promises: 1, else 0 with a warning.  One bad file must not keep all
 * others from being used. */
static int open_key(const struct ac_trusted *t, struct ac_pgp_key **key)
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

int ac_keystore_knows(const struct ac_keystore *ks, const char *name,
		      const struct ac_strv *ids, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust keys = AC_TRUST_INIT;

	if (ac_keystore_load(ks, name, &keys, err) < 0)
		return -1;
	for (size_t i = 0; i < keys.n; i++) {
		struct ac_pgp_key *key = NULL;
		bool found;

		if (open_key(&keys.v[i], &key) == 0)
			continue;
		found = is_issuer(key, ids);
		ac_pgp_keys_free(key, 1);
		if (found)
			return 1;
	}
	return 0;
}

int ac_keystore_ring(const struct ac_keystore *ks, const char *name,
		     struct ac_pgp_ring *ring, size_t *n, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust keys = AC_TRUST_INIT;

	*n = 0;
	if (ac_keystore_load(ks, name, &keys, err) < 0)
		return -1;
	for (size_t i = 0; i < keys.n; i++) {
		const struct ac_trusted *t = &keys.v[i];
		struct ac_pgp_key *key = NULL;

		if (open_key(t, &key) == 0)
			continue;
		ac_pgp_keys_free(key, 1);
		if (ac_pgp_ring_add(ring, t->key, t->len, t->path, err) < 0)
			return -1;
		*n += 1;
	}
	return 0;
}
