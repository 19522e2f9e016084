/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

char *ac_buf_room(struct ac_buf *b, size_t n)
{
	size_t cap = b->cap != 0 ? b->cap : 64;

	if (b->overflow || n > b->max || b->len > b->max - n) {
		b->overflow = true;
		return NULL;
	}
	while (cap < b->len + n + 1)
		cap *= 2;
	if (cap != b->cap) {
		b->p = ac_xrealloc(b->p, cap, 1);
		b->cap = cap;
	}
	return b->p + b->len;
}

void ac_buf_add(struct ac_buf *b, const void *p, size_t n)
{
	char *to = ac_buf_room(b, n);

	if (to == NULL)
		return;
	if (n != 0)
		memcpy(to, p, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void ac_buf_adds(struct ac_buf *b, const char *s)
{
	ac_buf_add(b, s, strlen(s));
}

void ac_buf_addc(struct ac_buf *b, char c)
{
	ac_buf_add(b, &c, 1);
}

void ac_buf_addf(struct ac_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_list again;
	char *to = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0)
		to = ac_buf_room(b, (size_t)n);
	if (to != NULL) {
		(void)vsnprintf(to, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

const char *ac_buf_str(const struct ac_buf *b)
{
	return b->len != 0 ? b->p : "";
}

int ac_buf_check(const struct ac_buf *b, const char *what, struct ac_err *err)
{
	if (b->overflow)
		return ac_err_set(err, AC_E_LIMIT,
				  "%s is larger than the limit of %zu bytes",
				  what, b->max);
	return 0;
}

void ac_buf_reset(struct ac_buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

void ac_buf_release(struct ac_buf *b)
{
	free(b->p);
	*b = AC_BUF_INIT(b->max);
}

char *ac_buf_steal(struct ac_buf *b)
{
	char *s = b->p != NULL ? b->p : ac_xstrdup("");

	*b = AC_BUF_INIT(b->max);
	return s;
}
