/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/codec/pkey.h"
#include "common/store/keystore.h"

static void wrong_key(const struct ac_trusted *t)
{
	ac_warn("keystore: '%s' does not hold the one key that its name says; "
		"it is not used",
		t->path);
}

/* The key in the file T, when there is one and it is the one that the file's
 * name promises: 1, else 0 with a warning.  One bad file must not keep all
 * others from being used. */
static int open_key(const struct ac_trusted *t, struct ac_pgp_key **key)
{
	struct ac_err err = AC_ERR_INIT;
	size_t n = 0;

	if (ac_pgp_key_names(t->key, t->len, t->path, key, &n, &err) < 0) {
		ac_warn("keystore: %s; it is not used", err.msg);
		return 0;
	}
	if (n == 1 && strcmp((*key)->fingerprint, t->fingerprint) == 0)
		return 1;
	wrong_key(t);
	ac_pgp_keys_free(*key, n);
	*key = NULL;
	return 0;
}

int ac_trust_ring(const struct ac_trust *t, struct ac_pgp_ring *ring,
		  struct ac_pgp_key **keys, size_t *n, struct ac_err *err)
{
	*keys = NULL;
	*n = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct ac_trusted *one = &t->v[i];
		struct ac_pgp_key *key = NULL;

		if (one->kind != AC_KEY_PGP || open_key(one, &key) == 0)
			continue;
		*keys = ac_xrealloc(*keys, *n + 1, sizeof(**keys));
		(*keys)[(*n)++] = *key;
		free(key);
		if (ac_pgp_ring_add(ring, one->key, one->len, one->path, err) <
		    0) {
			ac_pgp_keys_free(*keys, *n);
			*keys = NULL;
			*n = 0;
			return -1;
		}
	}
	return 0;
}

struct ac_pkey *ac_trust_pem(const struct ac_trusted *t, bool tell)
{
	struct ac_err err = AC_ERR_INIT;
	AC_PKEY struct ac_pkey *k = ac_pkey_public(t->key, t->len, &err);
	char id[AC_DIGEST_TEXT];

	if (k == NULL) {
		if (tell)
			ac_warn("keystore: '%s': %s; it is not used", t->path,
				err.msg);
		return NULL;
	}
	ac_digest_hex(ac_pkey_id(k), id);
	if (strcmp(id, t->fingerprint) == 0)
		return ac_steal_ptr(&k);
	if (tell)
		wrong_key(t);
	return NULL;
}
