/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_MESSAGE_H
#define AC_CODEC_MESSAGE_H

/*
 * What a signature is over: a file of any size, or bytes in memory.  Digests
 * are made when they are asked for and kept, so that many keys and signatures
 * cost one reading.
 *
 *	struct ac_message m;
 *
 *	if (ac_message_file(&m, fd, name, err) < 0 ||
 *	    ac_pkey_verify(key, &m, ...) < 0 ||
 *	    ac_message_unchanged(&m, err) < 0)
 *		return -1;
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/sys/stamp.h"

struct ac_err;

struct ac_message {
	const char *what; /* borrowed; in messages */
	int fd;           /* borrowed; -1: bytes in memory */
	const uint8_t *p; /* borrowed: those */
	size_t len;
	struct ac_stamp before;
	struct ac_digest digest[AC_SHA384 + 1];
	bool have[AC_SHA384 + 1];
};

/* The content of FD, a regular file, from its start (AC_E_INVALID for another).
 * WHAT names it.  Both are borrowed. */
AC_MUSTUSE int ac_message_file(struct ac_message *m, int fd, const char *what,
			       struct ac_err *err);
/* LEN bytes at P, borrowed. */
void ac_message_bytes(struct ac_message *m, const void *p, size_t len);

/* Give all of it to ADD, piece by piece. */
AC_MUSTUSE int ac_message_each(struct ac_message *m,
			       void (*add)(void *ctx, const void *p, size_t n),
			       void *ctx, struct ac_err *err);

/* The digest of all of it. */
AC_MUSTUSE int ac_message_digest(struct ac_message *m, enum ac_alg alg,
				 struct ac_digest *out, struct ac_err *err);

/* AC_E_INVALID when the file is not what it was when the message was made: what
 * was read is then no one file. */
AC_MUSTUSE int ac_message_unchanged(const struct ac_message *m,
				    struct ac_err *err);

#endif
