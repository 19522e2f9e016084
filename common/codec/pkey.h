/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PKEY_H
#define AC_CODEC_PKEY_H

/*
 * Plain key pairs in PEM files, and their signatures, as openssl(1) and cosign
 * make them: ECDSA on P-256, P-384 and P-521, Ed25519, and RSA (PKCS #1 v1.5)
 * of 2048 to 8192 bits.  Weaker keys and other curves are refused.
 *
 * The digest of a key's signatures is SHA-256 for P-256 and RSA, SHA-384 for
 * P-384, SHA-512 for P-521 (the algorithm registry of Sigstore); Ed25519 signs
 * the message itself (RFC 8032, not the pre-hashed variant).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"

struct ac_buf;
struct ac_err;
struct ac_message;
struct ac_pkey;
struct ac_secret;

enum { AC_PKEY_MAX_FILE = 64 << 10, AC_PKEY_MAX_SIGNATURE = 1024 };

/* Has the text a PEM block, and none of OpenPGP's? */
bool ac_pkey_is_pem(const char *text, size_t len);

/* The public key in LEN bytes of PEM: "PUBLIC KEY" (SubjectPublicKeyInfo), "RSA
 * PUBLIC KEY" (PKCS #1).  Exactly one key.  AC_E_INVALID for what is no key,
 * AC_E_UNSUPPORTED for one that is weak or of another kind.  NULL on failure.
 */
AC_MUSTUSE struct ac_pkey *ac_pkey_public(const char *pem, size_t len,
					  struct ac_err *err);

/* Asked for the passphrase, once, and only when the key is encrypted. */
struct ac_pkey_ask {
	int (*ask)(void *ctx, const char *what, struct ac_secret *out,
		   struct ac_err *err);
	void *ctx;
};

/* The private key in LEN bytes of PEM: PKCS #8 plain or encrypted (PBES2), "EC
 * PRIVATE KEY", "RSA PRIVATE KEY", or cosign's own (cosignkey.h).  ASK is told
 * WHAT is to be opened.  A wrong passphrase is AC_E_DENIED. */
AC_MUSTUSE struct ac_pkey *ac_pkey_private(const char *pem, size_t len,
					   const struct ac_pkey_ask *ask,
					   const char *what,
					   struct ac_err *err);
/* A new ECDSA P-256 key pair. */
AC_MUSTUSE struct ac_pkey *ac_pkey_generate(struct ac_err *err);
void ac_pkey_free(struct ac_pkey *k); /* NULL is fine */

static inline void ac_pkey_freep(struct ac_pkey **k)
{
	ac_pkey_free(*k);
}
#define AC_PKEY AC_CLEANUP(ac_pkey_freep)

const char *ac_pkey_name(const struct ac_pkey *k); /* "ECDSA P-256" */
/* The SHA-256 of its SubjectPublicKeyInfo (DER, points uncompressed): one key
 * has one identity, however its file spells it. */
const struct ac_digest *ac_pkey_id(const struct ac_pkey *k);
/* The digest its signatures are over; for Ed25519, SHA-256, which bundles give
 * beside the signature. */
enum ac_alg ac_pkey_digest(const struct ac_pkey *k);
bool ac_pkey_is_ed25519(const struct ac_pkey *k);

/* Append the public key as PEM. */
AC_MUSTUSE int ac_pkey_write_public(const struct ac_pkey *k, struct ac_buf *out,
				    struct ac_err *err);
/* Append the private key as PKCS #8 DER: the caller wipes OUT. */
AC_MUSTUSE int ac_pkey_write_der(const struct ac_pkey *k, struct ac_buf *out,
				 struct ac_err *err);

/* Append the signature of M: DER for ECDSA, as it is for others.  ALG is
 * ignored by Ed25519.  It is verified before it is returned: a private key that
 * does not fit its public half, or a fault, is AC_E_INVALID. */
AC_MUSTUSE int ac_pkey_sign(const struct ac_pkey *k, struct ac_message *m,
			    enum ac_alg alg, struct ac_buf *out,
			    struct ac_err *err);

/* 1: SIG is the signature of M by K, over any of the three digests, HINT being
 * the likeliest; for Ed25519 the pre-hashed variant counts too.  0: it is not.
 * -1: M could not be read. */
AC_MUSTUSE int ac_pkey_verify(const struct ac_pkey *k, struct ac_message *m,
			      enum ac_alg hint, const uint8_t *sig, size_t len,
			      struct ac_err *err);

#endif
