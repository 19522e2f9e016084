/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_BASE64_H
#define AC_BASE_BASE64_H

/* Base64 (RFC 4648, section 4): the standard alphabet, no line breaks. */

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_buf;

/* Bytes that N characters can decode to, at most. */
#define AC_BASE64_ROOM(n) ((n) / 4 * 3 + 3)

/* The value of a character of the alphabet, or -1. */
int ac_base64_digit(char c);

/* Append the text of N bytes, with padding. */
void ac_base64_encode(struct ac_buf *out, const void *p, size_t n);

/* Decode LEN characters into OUT (AC_BASE64_ROOM(LEN) bytes) and *N.  Returns
 * -1, leaving OUT unspecified, for any other character, padding that is missing
 * or too much, and bits that no encoder leaves behind: each value has one text.
 */
AC_MUSTUSE int ac_base64_decode(const char *text, size_t len, uint8_t *out,
				size_t *n);
/* The same for text whose padding may be missing. */
AC_MUSTUSE int ac_base64_decode_bare(const char *text, size_t len, uint8_t *out,
				     size_t *n);

#endif
