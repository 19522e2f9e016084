/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_ED25519_H
#define AC_CODEC_ED25519_H

/*
 * Ed25519 (RFC 8032) over messages of any size, piece by piece, with the group
 * of libsodium.
 *
 * Libraries want the whole message in memory, because the scheme reads it
 * twice.  A file mapped there may change between the two readings, and two
 * signatures with one nonce give the private key away: here both readings are
 * proved to be of the same bytes before the secret is used.
 */

#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_message;

enum { AC_ED25519_KEY = 32, AC_ED25519_SIG = 64 };

/* Sign M with the private key (RFC 8032's 32 bytes) whose public one is PUB.
 * A message that changes meanwhile is AC_E_INVALID. */
AC_MUSTUSE int ac_ed25519_sign(const uint8_t seed[AC_ED25519_KEY],
			       const uint8_t pub[AC_ED25519_KEY],
			       struct ac_message *m,
			       uint8_t sig[AC_ED25519_SIG], struct ac_err *err);

/* 1: SIG is PUB's of M.  0: not.  -1: M could not be read.  Keys and nonces
 * outside the group's prime part are refused. */
AC_MUSTUSE int ac_ed25519_verify(const uint8_t pub[AC_ED25519_KEY],
				 struct ac_message *m,
				 const uint8_t sig[AC_ED25519_SIG],
				 struct ac_err *err);
/* The same for the pre-hashed variant, Ed25519ph, without a context. */
AC_MUSTUSE int ac_ed25519ph_verify(const uint8_t pub[AC_ED25519_KEY],
				   struct ac_message *m,
				   const uint8_t sig[AC_ED25519_SIG],
				   struct ac_err *err);

#endif
