/* SPDX-License-Identifier: Apache-2.0 */
#include "run/init/sys.h"

/* The loops below must not be turned into calls of themselves: the Makefile
 * says -ffreestanding and -fno-tree-loop-distribute-patterns. */

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	char *t = to;
	const char *f = from;

	while (n-- != 0)
		*t++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	if ((uintptr_t)t <= (uintptr_t)f)
		return memcpy(to, from, n);
	while (n-- != 0)
		t[n] = f[n];
	return to;
}

void *memset(void *p, int c, size_t n)
{
	char *t = p;

	while (n-- != 0)
		*t++ = (char)c;
	return p;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a;
	const unsigned char *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

int str_eq(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n == strlen(b) && memcmp(a, b, n) == 0;
}

size_t str_add(char *buf, size_t size, size_t at, const char *s)
{
	while (*s != '\0' && at + 1 < size)
		buf[at++] = *s++;
	buf[at] = '\0';
	return at;
}

size_t str_num(char *buf, size_t size, size_t at, uint64_t v)
{
	char digits[24];
	size_t n = sizeof(digits);

	digits[--n] = '\0';
	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	return str_add(buf, size, at, digits + n);
}

int str_dec(const char *s, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (len == 0 || len > 19)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v > max)
		return 0;
	*out = v;
	return 1;
}
