/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGPCRYPT_H
#define AC_CODEC_PGPCRYPT_H

/*
 * OpenPGP messages encrypted with a passphrase (RFC 4880 and 9580), as streams:
 * bytes are fed in, bytes come out at a sink, in memory that does not depend on
 * their number.  What `gpg --symmetric` makes with AES is read, and what is
 * written gpg reads.
 *
 * Written: SKESK version 4 (iterated and salted SHA-512, the largest count),
 * SEIPD version 1 (AES-256 in CFB, SHA-1 as its modification detection code),
 * in it literal data without a name or time; binary, not compressed.
 * Read besides: AES-128 and AES-192, other strings to keys, a session key of
 * its own, ASCII armour, compressed data (ZIP, ZLIB, BZip2), marker packets.
 * Refused by name: no integrity protection (tag 9), other ciphers, AEAD
 * (SEIPD version 2, tag 20), public keys alone, signatures inside, encryption
 * inside encryption, anything that follows.
 *
 * gpg itself is not executed: a stream goes through the thread that has it, and
 * the passphrase stays in this process.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/codec/unzip.h"

struct ac_err;
struct ac_secret;

enum { AC_PGP_HEAD = 32 }; /* bytes that tell */

/* Do these first bytes begin an encrypted message?  No image, archive,
 * compressed stream or JSON begins like it. */
bool ac_pgp_is_encrypted(const void *p, size_t n);

struct ac_pgp_decrypt;

/* SECRET (borrowed; NULL: an error that says it is encrypted) may ask the
 * agent, up to three times; WHAT is named in the question.  What the sink gets
 * must not be believed before finish: only then it is known not to be
 * changed. */
AC_MUSTUSE struct ac_pgp_decrypt *ac_pgp_decrypt_new(struct ac_secret *secret,
						     const char *what,
						     ac_sink_fn sink,
						     void *ctx);
/* A wrong passphrase is AC_E_DENIED, damage AC_E_VERIFY or AC_E_INVALID. */
AC_MUSTUSE int ac_pgp_decrypt_feed(struct ac_pgp_decrypt *d, const void *p,
				   size_t n, struct ac_err *err);
/* No more bytes: was the message whole, and unchanged? */
AC_MUSTUSE int ac_pgp_decrypt_finish(struct ac_pgp_decrypt *d,
				     struct ac_err *err);
void ac_pgp_decrypt_free(struct ac_pgp_decrypt *d);
static inline void ac_pgp_decrypt_freep(struct ac_pgp_decrypt **d)
{
	ac_pgp_decrypt_free(*d);
}

struct ac_pgp_encrypt;

/* Asks the agent for a new passphrase when SECRET does not know one.  NULL on
 * failure. */
AC_MUSTUSE struct ac_pgp_encrypt *ac_pgp_encrypt_new(struct ac_secret *secret,
						     const char *what,
						     ac_sink_fn sink, void *ctx,
						     struct ac_err *err);
AC_MUSTUSE int ac_pgp_encrypt_feed(struct ac_pgp_encrypt *e, const void *p,
				   size_t n, struct ac_err *err);
AC_MUSTUSE int ac_pgp_encrypt_finish(struct ac_pgp_encrypt *e,
				     struct ac_err *err);
void ac_pgp_encrypt_free(struct ac_pgp_encrypt *e);
static inline void ac_pgp_encrypt_freep(struct ac_pgp_encrypt **e)
{
	ac_pgp_encrypt_free(*e);
}

#endif
