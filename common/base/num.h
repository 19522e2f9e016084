/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_NUM_H
#define AC_BASE_NUM_H

/* Numbers from text: the only place that parses one.  All digits are used or
 * it fails; no sign unless said, no white space, no overflow.  Each returns 0
 * and sets *out, or returns -1 and leaves it. */

#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

AC_MUSTUSE int ac_num_u64(struct ac_str s, uint64_t *out);   /* decimal */
AC_MUSTUSE int ac_num_i64(struct ac_str s, int64_t *out);    /* "-" allowed */
AC_MUSTUSE int ac_num_octal(struct ac_str s, uint64_t *out); /* "0755", "755" */
/* As Go reads it: true, True, TRUE, t, T, 1, and so for false. */
AC_MUSTUSE int ac_num_bool(struct ac_str s, bool *out);

/* Decimal in [0, max]. */
AC_MUSTUSE int ac_num_max(struct ac_str s, uint64_t max, uint64_t *out);

/* A size: decimal with an optional K, M, G, T (1024) suffix. */
AC_MUSTUSE int ac_num_size(struct ac_str s, uint64_t *out);

#endif
