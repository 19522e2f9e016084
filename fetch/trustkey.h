/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_TRUSTKEY_H
#define AC_FETCH_TRUSTKEY_H

/* The public keys in a file that somebody offers: OpenPGP keys, or one plain
 * key in PEM. */

#include <stdio.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/store/keystore.h"

struct ac_buf;
struct ac_err;
struct ac_pgp_key;

struct trust_keys {
	enum ac_key_kind kind;
	size_t n;
	struct ac_pgp_key *pgp; /* n of them, or NULL */
	struct ac_pkey *pem;    /* the one, or NULL */
	char pem_id[AC_DIGEST_TEXT];
};
#define TRUST_KEYS_INIT ((struct trust_keys){.n = 0})
void trust_keys_release(struct trust_keys *k);

/* What is in TEXT, which came from LOCATION.  Nothing, a private key in PEM, or
 * keys of both kinds: AC_E_INVALID. */
AC_MUSTUSE int trust_keys_read(struct trust_keys *k, const struct ac_buf *text,
			       const char *location, struct ac_err *err);

/* What the keystore calls the key I; borrowed from K. */
struct ac_key_name trust_keys_name(const struct trust_keys *k, size_t i);

/* Show fingerprints and names for review. */
void trust_keys_show(const struct trust_keys *k, FILE *out);

/* The key I alone as the keystore has it, out of the same TEXT: never anything
 * secret that may be beside it.  The caller frees *out. */
AC_MUSTUSE int trust_keys_extract(const struct trust_keys *k, size_t i,
				  const struct ac_buf *text,
				  const char *location, char **out,
				  struct ac_err *err);

#endif
