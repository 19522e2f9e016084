/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGP_SYM_H
#define AC_CODEC_PGP_SYM_H

/* Behind pgpcrypt.h: strings to keys (RFC 9580, 3.7) and OpenPGP's CFB, by
 * OpenSSL.  Nobody else includes this. */

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_secret;

enum {
	AC_PGP_BLOCK = 16,                /* AES's */
	AC_PGP_PREFIX = AC_PGP_BLOCK + 2, /* random, its end twice */
	AC_PGP_MDC_SIZE = 2 + 20,         /* its packet */
	AC_PGP_SALT = 8,
	AC_PGP_AES256 = 9,
	AC_PGP_SHA512 = 10,
	AC_PGP_S2K_ITERATED = 3,
	AC_PGP_COUNT_MAX = 255, /* 65011712 bytes are hashed */
	AC_PGP_MAX_KEY = 32,
};

struct ac_pgp_s2k {
	uint8_t type; /* 0 simple, 1 salted, 3 iterated and salted */
	uint8_t hash;
	uint8_t salt[AC_PGP_SALT];
	uint8_t count; /* as it is coded */
};

/* Bytes of the key of CIPHER (its OpenPGP number): 16, 24, 32; 0: not AES. */
size_t ac_pgp_key_size(int cipher);
/* "CAST5"; "unknown". */
const char *ac_pgp_cipher_name(int cipher);
/* Is HASH (its OpenPGP number) one that a string to key may use here? */
bool ac_pgp_hash_known(int hash);

/* The N bytes of KEY that the passphrase gives. */
AC_MUSTUSE int ac_pgp_s2k(const struct ac_pgp_s2k *s,
			  const struct ac_secret *secret, uint8_t *key,
			  size_t n, struct ac_err *err);

/* AES-256 in CFB, to encrypt, from an IV of zeros; NULL on failure. */
AC_MUSTUSE EVP_CIPHER_CTX *ac_pgp_cfb_new(const uint8_t *key,
					  struct ac_err *err);
/* In place will do. */
AC_MUSTUSE int ac_pgp_cfb_run(EVP_CIPHER_CTX *c, const uint8_t *in,
			      uint8_t *out, size_t n, struct ac_err *err);

/* CIPHER in CFB, to decrypt: OpenSSL's takes block after block, while all
 * blocks at once are several times faster. */
struct ac_pgp_uncfb;
AC_MUSTUSE struct ac_pgp_uncfb *ac_pgp_uncfb_new(int cipher, const uint8_t *key,
						 struct ac_err *err);
/* In place will not do. */
AC_MUSTUSE int ac_pgp_uncfb_run(struct ac_pgp_uncfb *c, const uint8_t *in,
				uint8_t *out, size_t n, struct ac_err *err);
void ac_pgp_uncfb_free(struct ac_pgp_uncfb *c);

/* SHA-1 of a stream; NULL on failure. */
AC_MUSTUSE EVP_MD_CTX *ac_pgp_sha1(struct ac_err *err);
AC_MUSTUSE int ac_pgp_sha1_add(EVP_MD_CTX *h, const void *p, size_t n,
			       struct ac_err *err);
AC_MUSTUSE int ac_pgp_sha1_final(EVP_MD_CTX *h, uint8_t out[20],
				 struct ac_err *err);

#endif
