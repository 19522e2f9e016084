/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGP_INLINE_H
#define AC_CODEC_PGP_INLINE_H

/*
 * Behind pgp.h: detached signatures and the bytes that they are over as one
 * signed message (RFC 9580, 10.3): one-pass signatures, literal data, the
 * signatures.  What is hashed is the same (5.2.4: the content of the literal
 * data, none of its header), but gpg (2.2) hashes a message in blocks, and a
 * file with a detached signature byte by byte, which takes 2.5 times as long.
 * Nobody else includes this.
 */

#include <stddef.h>

#include "common/base/attr.h"
#include "common/codec/pgp_sigfile.h"

struct ac_err;
struct ac_gpg_data;

/* Write that message to the pipe PIPE: D and its signatures P[0..N), of version
 * 3 or 4 and over bytes.  Also 0 when the reader ends before the end. */
AC_MUSTUSE int ac_pgp_inline_write(const struct ac_pgp_sigpacket *const *p,
				   size_t n, const struct ac_gpg_data *d,
				   int pipe, struct ac_err *err);

#endif
