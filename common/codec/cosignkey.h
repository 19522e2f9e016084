/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_COSIGNKEY_H
#define AC_CODEC_COSIGNKEY_H

/*
 * cosign's private key file: PEM "ENCRYPTED SIGSTORE PRIVATE KEY" (or, older,
 * "ENCRYPTED COSIGN PRIVATE KEY") around JSON, which names scrypt with its
 * parameters, NaCl's secretbox with its nonce, and the ciphertext of a PKCS #8
 * key.  (cosign's `generate-key-pair`; go-securesystemslib, `encrypted`.)
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_buf;
struct ac_err;
struct ac_pkey;
struct ac_secret;

#define AC_COSIGNKEY_PEM     "ENCRYPTED SIGSTORE PRIVATE KEY"
#define AC_COSIGNKEY_PEM_OLD "ENCRYPTED COSIGN PRIVATE KEY"

/* What is inside the PEM, read and checked. */
struct ac_cosignkey {
	uint64_t n, r, p; /* of scrypt: at most 128 MiB of memory */
	uint8_t salt[64];
	size_t salt_len;
	uint8_t nonce[24];
	uint8_t *box; /* owned: 16 bytes of tag, then the ciphertext */
	size_t box_len;
};

/* Read the JSON.  AC_E_INVALID for what is broken, AC_E_UNSUPPORTED for other
 * algorithms, AC_E_LIMIT when opening it would cost too much. */
AC_MUSTUSE int ac_cosignkey_parse(struct ac_cosignkey *k, const char *json,
				  size_t len, struct ac_err *err);
void ac_cosignkey_release(struct ac_cosignkey *k);

/* Append the PKCS #8 DER, which the caller wipes.  A wrong passphrase (or a
 * file that was changed) is AC_E_DENIED. */
AC_MUSTUSE int ac_cosignkey_open(const struct ac_cosignkey *k,
				 const struct ac_secret *passphrase,
				 struct ac_buf *der, struct ac_err *err);

/* Append the file for a private key. */
AC_MUSTUSE int ac_cosignkey_write(const struct ac_pkey *key,
				  const struct ac_secret *passphrase,
				  struct ac_buf *out, struct ac_err *err);

#endif
