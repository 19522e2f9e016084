/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_ALLOC_H
#define AC_BASE_ALLOC_H

/*
 * Allocation that does not fail: out of memory ends the process with a
 * message.  These are short-lived programs, and it removes one branch in
 * twenty.  It is safe only because input never sizes an allocation by itself:
 * what comes from outside goes through `struct ac_buf` with a maximum, or
 * through a checked count.
 */

#include <stddef.h>

#include "common/base/attr.h"

/* N bytes, uninitialised.  Caller frees. */
AC_MUSTUSE void *ac_xmalloc(size_t n);
/* N elements of SIZE bytes, zeroed; the product is checked.  Caller frees. */
AC_MUSTUSE void *ac_xcalloc(size_t n, size_t size);
/* Resize P to N elements of SIZE bytes; the product is checked. */
AC_MUSTUSE void *ac_xrealloc(void *p, size_t n, size_t size);
/* Copies; the caller frees.  S may be NULL in ac_xstrdup: NULL comes back. */
AC_MUSTUSE char *ac_xstrdup(const char *s);
AC_MUSTUSE char *ac_xstrndup(const char *s, size_t n);
AC_MUSTUSE void *ac_xmemdup(const void *p, size_t n);
/* A formatted string.  Caller frees. */
AC_MUSTUSE char *ac_xasprintf(const char *fmt, ...) AC_PRINTF(1, 2);

#endif
