/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"

struct ac_str ac_str(const char *s)
{
	return ac_strn(s, s != NULL ? strlen(s) : 0);
}

struct ac_str ac_strn(const char *p, size_t len)
{
	return (struct ac_str){.p = p != NULL ? p : "", .len = len};
}

bool ac_str_eq(struct ac_str a, const char *b)
{
	return strlen(b) == a.len && memcmp(a.p, b, a.len) == 0;
}

bool ac_str_eq_any_case(struct ac_str a, const char *b)
{
	return a.len == strlen(b) && strncasecmp(a.p, b, a.len) == 0;
}

bool ac_str_starts(struct ac_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && memcmp(s.p, prefix, n) == 0;
}

bool ac_str_ends(struct ac_str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.len >= n && memcmp(s.p + s.len - n, suffix, n) == 0;
}

bool ac_str_cut(struct ac_str *s, char sep, struct ac_str *head)
{
	const char *at = s->len != 0 ? memchr(s->p, sep, s->len) : NULL;

	if (at == NULL) {
		*head = *s;
		*s = ac_strn(s->p + s->len, 0);
		return false;
	}
	*head = ac_strn(s->p, (size_t)(at - s->p));
	*s = ac_strn(at + 1, s->len - head->len - 1);
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct ac_str ac_str_trim(struct ac_str s)
{
	while (s.len != 0 && is_space(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len != 0 && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

bool ac_str_plain(struct ac_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '\'' ||
		    s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

size_t ac_utf8_len(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n;
	unsigned int cp;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	cp = p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3fU);
	}
	if ((n == 3 && (cp < 0x800 || (cp >= 0xd800 && cp <= 0xdfff))) ||
	    (n == 4 && (cp < 0x10000 || cp > 0x10ffff)))
		return 0;
	return n;
}

bool ac_str_utf8(const char *s)
{
	size_t n = 1;

	for (; *s != '\0' && n != 0; s += n)
		n = ac_utf8_len(s);
	return n != 0;
}

/* What turns the text around it, or ends a line, without being seen: U+061C,
 * U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069. */
static bool turns_text(const unsigned char *p, size_t n)
{
	if (n == 2)
		return p[0] == 0xd8 && p[1] == 0x9c;
	if (n != 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f ||
				 (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

char *ac_str_show(const char *s)
{
	struct ac_buf b = AC_BUF_INIT(1 << 16);
	const unsigned char *p = (const unsigned char *)s;

	while (*p != '\0') {
		size_t n = ac_utf8_len((const char *)p);
		/* C1 controls (U+0080..U+009F) are escapes for terminals. */
		bool c1 = n == 2 && p[0] == 0xc2 && p[1] < 0xa0;

		if (n == 0 || *p < ' ' || *p == 0x7f || c1 ||
		    turns_text(p, n)) {
			ac_buf_addf(&b, "\\x%02x", *p);
			n = 1;
		} else {
			ac_buf_add(&b, p, n);
		}
		p += n;
	}
	return ac_buf_steal(&b);
}

void ac_strv_take(struct ac_strv *v, char *s)
{
	/* There is room for a power of two, the NULL at the end counted. */
	if (v->n == 0 || ((v->n + 1) & v->n) == 0)
		v->v = ac_xrealloc(v->v, (v->n + 1) * 2, sizeof(*v->v));
	v->v[v->n++] = s;
	v->v[v->n] = NULL;
}

void ac_strv_push(struct ac_strv *v, const char *s)
{
	ac_strv_take(v, ac_xstrdup(s));
}

void ac_strv_pushf(struct ac_strv *v, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	ac_strv_take(v, s != NULL ? s : ac_xstrdup(""));
}

void ac_strv_unshift(struct ac_strv *v, const char *s)
{
	ac_strv_push(v, s);
	for (size_t i = v->n - 1; i > 0; i--) {
		char *swap = v->v[i];

		v->v[i] = v->v[i - 1];
		v->v[i - 1] = swap;
	}
}

bool ac_strv_has(const struct ac_strv *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->v[i], s) == 0)
			return true;
	return false;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void ac_strv_sort(struct ac_strv *v)
{
	if (v->n > 1)
		qsort(v->v, v->n, sizeof(*v->v), by_bytes);
}

void ac_strv_wipe(struct ac_strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		explicit_bzero(v->v[i], strlen(v->v[i]));
	ac_strv_release(v);
}

void ac_strv_release(struct ac_strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->v[i]);
	free(v->v);
	*v = AC_STRV_INIT;
}
