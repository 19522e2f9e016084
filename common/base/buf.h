/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_BUF_H
#define AC_BASE_BUF_H

/*
 * A growable array of bytes with a maximum: no buffer here grows without
 * bound.  It is always followed by a NUL, so `b.p` is a C string once anything
 * was added (and "" from ac_buf_str on an empty one).
 *
 * Overflow is sticky: after the first append that would exceed the maximum all
 * appends do nothing, and one check at the end tells.
 *
 *	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
 *
 *	ac_buf_adds(&b, "a");
 *	ac_buf_addf(&b, "%d", 7);
 *	if (ac_buf_check(&b, "the manifest", err) < 0)
 *		return -1;
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;

struct ac_buf {
	char *p; /* owned; NULL until something was added */
	size_t len;
	size_t cap;
	size_t max;
	bool overflow;
};

#define AC_BUF_INIT(limit) ((struct ac_buf){.max = (limit)})

void ac_buf_add(struct ac_buf *b, const void *p, size_t n);
void ac_buf_adds(struct ac_buf *b, const char *s);
void ac_buf_addc(struct ac_buf *b, char c);
void ac_buf_addf(struct ac_buf *b, const char *fmt, ...) AC_PRINTF(2, 3);

/* Make room for N more bytes and return where they go, or NULL on overflow.
 * The caller writes at most N there and then adds to b->len. */
char *ac_buf_room(struct ac_buf *b, size_t n);

/* The contents as a string; "" when empty.  Borrowed. */
const char *ac_buf_str(const struct ac_buf *b);

/* 0, or -1 with AC_E_LIMIT naming WHAT when the maximum was exceeded. */
AC_MUSTUSE int ac_buf_check(const struct ac_buf *b, const char *what,
			    struct ac_err *err);

/* Empty it, keep the memory. */
void ac_buf_reset(struct ac_buf *b);
/* Free it; the maximum stays, so it can be used again. */
void ac_buf_release(struct ac_buf *b);
/* Hand the string over to the caller, who frees it; never NULL. */
AC_MUSTUSE char *ac_buf_steal(struct ac_buf *b);

#endif
