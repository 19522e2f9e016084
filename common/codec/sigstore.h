/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_SIGSTORE_H
#define AC_CODEC_SIGSTORE_H

/*
 * Sigstore bundles: the JSON beside a file that holds its signature
 * (protobuf-specs, sigstore_bundle.proto, v0.1 to v0.3), as cosign's
 * sign-blob --key and verify-blob --key write and read them.  Also the bundle
 * that cosign 1 and 2 wrote before there was that format ("base64Signature").
 *
 * A signature is good by a public key that the caller trusts, and by nothing
 * that the bundle says of itself: certificates (keyless signing) are not
 * supported, transparency log entries and timestamps are not looked at.
 *
 * The signature is over the file (messageSignature), or over a DSSE envelope of
 * an in-toto statement that names the file's digest.  Such a statement is a
 * signature only when its predicate says so
 * (https://sigstore.dev/cosign/sign/v1): a statement about how an image was
 * built, or that it is full of holes, is none.
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
struct ac_str;

#define AC_SIGSTORE_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"
#define AC_SIGSTORE_SIGN "https://sigstore.dev/cosign/sign/v1"

struct ac_sigstore {
	char *hint; /* owned: which key, by its maker's word; NULL: none */
	uint8_t *sig;
	size_t sig_len;
	/* Of the file; for finding out early that it is another. */
	bool has_digest;
	struct ac_digest digest;
	/* A DSSE envelope: what is signed instead of the file. */
	bool enveloped;
	char *payload_type;
	uint8_t *payload;
	size_t payload_len;
	bool logged; /* it has entries of a transparency log */
};

/* A file holds one bundle, laid out in any way, or several, one behind the
 * other, each beginning on a line of its own (JSON Lines, as `gh attestation
 * download` writes them).  The first one in REST, which becomes what is behind
 * it; false: there is no more.  Nothing is parsed: it may be garbage. */
enum { AC_SIGSTORE_MAX_BUNDLES = 32 }; /* more are not looked at */
bool ac_sigstore_next(struct ac_str *rest, struct ac_str *one);

/* Read a bundle.  AC_E_INVALID for what is broken, AC_E_UNSUPPORTED for a newer
 * version and for certificates, AC_E_LIMIT for too much. */
AC_MUSTUSE int ac_sigstore_parse(struct ac_sigstore *b, const char *text,
				 size_t len, struct ac_err *err);
void ac_sigstore_release(struct ac_sigstore *b);

/* 1: the bundle is a signature of M by K.  0: not by this key.  -1 with
 * AC_E_VERIFY: by this key, but not a signature of M (of another file, or a
 * statement of another kind); with another code: M could not be read. */
AC_MUSTUSE int ac_sigstore_verify(const struct ac_sigstore *b,
				  const struct ac_pkey *k, struct ac_message *m,
				  struct ac_err *err);

/* What names K in bundles: the base64 of its identity (ac_pkey_id), as cosign
 * writes it.  The caller frees. */
AC_MUSTUSE char *ac_sigstore_hint(const struct ac_pkey *k);

/* Append the bundle of M's signature by the private key K over the digest ALG;
 * one line. */
AC_MUSTUSE int ac_sigstore_sign(const struct ac_pkey *k, struct ac_message *m,
				enum ac_alg alg, struct ac_buf *out,
				struct ac_err *err);

#endif
