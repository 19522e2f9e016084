/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp_gpg.h"
#include "common/codec/pgp_in.h"
#include "common/codec/pgp_sigfile.h"

struct ac_pgp_ring *ac_pgp_ring_new(void)
{
	return ac_xcalloc(1, sizeof(struct ac_pgp_ring));
}

void ac_pgp_ring_free(struct ac_pgp_ring *r)
{
	if (r == NULL)
		return;
	ac_pgp_blocks_release(&r->keys);
	ac_gpg_keys_release(&r->known);
	free(r);
}

int ac_pgp_ring_add(struct ac_pgp_ring *r, const void *key, size_t len,
		    const char *what, struct ac_err *err)
{
	ac_gpg_keys_release(&r->known);
	r->asked = false;
	return ac_pgp_blocks_add(&r->keys, key, len, what, err);
}

static const struct ac_pgp_block *find(const struct ac_pgp_ring *r,
				       const char *fingerprint)
{
	return r != NULL ? ac_pgp_blocks_key(&r->keys, fingerprint) : NULL;
}

bool ac_pgp_ring_same(const struct ac_pgp_ring *a, const struct ac_pgp_ring *b,
		      const char *fingerprint)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf x = AC_BUF_INIT(SIZE_MAX);
	AC_CLEANUP(ac_buf_release) struct ac_buf y = AC_BUF_INIT(SIZE_MAX);
	const struct ac_pgp_block *of_a = find(a, fingerprint);
	const struct ac_pgp_block *of_b = find(b, fingerprint);

	if (of_a == NULL || of_b == NULL)
		return false;
	ac_pgp_block_write(of_a, &x);
	ac_pgp_block_write(of_b, &y);
	return x.len == y.len &&
	       memcmp(ac_buf_str(&x), ac_buf_str(&y), x.len) == 0;
}

bool ac_pgp_ring_has(const struct ac_pgp_ring *r, const char *fingerprint)
{
	return find(r, fingerprint) != NULL;
}

int ac_pgp_issuers(const void *sig, size_t len, struct ac_strv *out,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(len);
	struct ac_pgp_sigfile all;

	if (ac_pgp_dearmour(sig, len, &b, err) < 0 ||
	    ac_pgp_sigfile_read(ac_buf_str(&b), b.len, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const char *id = all.v[i].issuer;
		size_t n = strlen(id);

		if (n != 0 && strspn(id, "0") != n)
			ac_strv_push(out, n > 16 ? id + n - 16 : id);
	}
	if (out->n == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "an OpenPGP signature that names no key");
	return 0;
}

static void take_known(struct ac_pgp_key *to, const struct ac_gpg_key *key)
{
	*to = (struct ac_pgp_key){
		.fingerprint = ac_xstrdup(key->v[0].fingerprint),
		.expired = key->v[0].expired,
		.revoked = key->v[0].revoked,
	};
	for (size_t i = 1; i < key->n; i++)
		ac_strv_push(&to->subkeys, key->v[i].fingerprint);
	for (size_t i = 0; i < key->identities.n; i++)
		ac_strv_push(&to->identities, key->identities.v[i]);
}

int ac_pgp_keys(const void *key, size_t len, const char *what,
		struct ac_pgp_key **out, size_t *n, struct ac_err *err)
{
	AC_CLEANUP(ac_pgp_blocks_release)
	struct ac_pgp_blocks b = AC_PGP_BLOCKS_INIT;
	AC_CLEANUP(ac_gpg_keys_release) struct ac_gpg_keys known = {.n = 0};
	AC_CLEANUP(ac_buf_release) struct ac_buf bytes = AC_BUF_INIT(SIZE_MAX);
	struct ac_pgp_key *keys = NULL;
	size_t count = 0;

	if (ac_pgp_blocks_add(&b, key, len, what, err) < 0)
		return -1;
	for (size_t i = 0; i < b.n; i++)
		ac_pgp_block_write(&b.v[i], &bytes);
	if (ac_gpg_list(&bytes, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++) {
		if (known.v[i].v[0].fingerprint[0] == '\0')
			continue;
		keys = ac_xrealloc(keys, count + 1, sizeof(*keys));
		take_known(&keys[count++], &known.v[i]);
	}
	if (count == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "%s: no usable OpenPGP public key in it",
				  what);
	*out = keys;
	*n = count;
	return 0;
}

static void take_block(struct ac_pgp_key *to, const struct ac_pgp_block *b)
{
	*to = (struct ac_pgp_key){.fingerprint =
					  ac_xstrdup(b->v[0].fingerprint)};
	for (size_t i = 1; i < b->n; i++)
		if (b->v[i].tag == TAG_PUBLIC_SUBKEY)
			ac_strv_push(&to->subkeys, b->v[i].fingerprint);
}

int ac_pgp_key_names(const void *key, size_t len, const char *what,
		     struct ac_pgp_key **out, size_t *n, struct ac_err *err)
{
	AC_CLEANUP(ac_pgp_blocks_release)
	struct ac_pgp_blocks b = AC_PGP_BLOCKS_INIT;

	if (ac_pgp_blocks_add(&b, key, len, what, err) < 0)
		return -1;
	*out = ac_xcalloc(b.n, sizeof(**out));
	*n = b.n;
	for (size_t i = 0; i < b.n; i++)
		take_block(&(*out)[i], &b.v[i]);
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
	AC_CLEANUP(ac_pgp_blocks_release)
	struct ac_pgp_blocks b = AC_PGP_BLOCKS_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf bytes = AC_BUF_INIT(SIZE_MAX);
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(SIZE_MAX);
	const struct ac_pgp_block *found;

	if (ac_pgp_blocks_add(&b, key, len, what, err) < 0)
		return -1;
	found = ac_pgp_blocks_key(&b, fingerprint);
	if (found == NULL)
		return ac_err_set(err, AC_E_NOT_FOUND, "%s: no key '%s' in it",
				  what, fingerprint);
	ac_pgp_block_write(found, &bytes);
	ac_pgp_armour_key(ac_buf_str(&bytes), bytes.len, &text);
	*out = ac_buf_steal(&text);
	return 0;
}
