/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_HEX_H
#define AC_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a hex digit, upper or lower case; -1 when C is none. */
int ac_hex_digit(char c);

/* Is S just N lower-case hex digits, and behind them SUFFIX, which begins with
 * none? */
bool ac_hex_is(const char *s, size_t n, const char *suffix);

/* Decode exactly 2*n lower-case hex digits.  Returns 0, or -1 on any other
 * character or length, leaving OUT unspecified. */
int ac_hex_decode(uint8_t *out, size_t n, const char *hex, size_t len);

/* Write 2*n lower-case digits and a NUL: OUT has room for 2*n+1. */
void ac_hex_encode(char *out, const uint8_t *p, size_t n);

#endif
