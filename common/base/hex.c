/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int ac_hex_digit(char c)
{
	return digit(c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c);
}

bool ac_hex_is(const char *s, size_t n, const char *suffix)
{
	return strspn(s, digits) == n && strcmp(s + n, suffix) == 0;
}

int ac_hex_decode(uint8_t *out, size_t n, const char *hex, size_t len)
{
	if (len % 2 != 0 || len / 2 != n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int hi = digit(hex[2 * i]);
		int lo = digit(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

void ac_hex_encode(char *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}
