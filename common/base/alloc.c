/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

AC_NORETURN static void out_of_memory(void)
{
	static const char msg[] = "acutils: out of memory\n";

	(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
	abort();
}

static void *must(void *p)
{
	if (p == NULL)
		out_of_memory();
	return p;
}

void *ac_xmalloc(size_t n)
{
	return must(malloc(n != 0 ? n : 1));
}

void *ac_xcalloc(size_t n, size_t size)
{
	return must(calloc(n != 0 ? n : 1, size != 0 ? size : 1));
}

void *ac_xrealloc(void *p, size_t n, size_t size)
{
	return must(reallocarray(p, n != 0 ? n : 1, size != 0 ? size : 1));
}

char *ac_xstrdup(const char *s)
{
	return s != NULL ? must(strdup(s)) : NULL;
}

char *ac_xstrndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

void *ac_xmemdup(const void *p, size_t n)
{
	void *copy = ac_xmalloc(n);

	if (n != 0)
		memcpy(copy, p, n);
	return copy;
}

char *ac_xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	return s;
}
