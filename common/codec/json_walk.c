/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/json_walk.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"

enum { MAX_PATH_LEN = 64 << 10 }; /* what is deeper is not told */

struct frame {
	bool array;
	bool lost; /* its path is too long */
	size_t path_len;
	size_t i; /* of an array: elements so far */
};

struct walk {
	const char *text;
	size_t len, at;
	struct ac_json_place mark; /* a place before `at` */
	ac_json_visit_fn visit;
	void *ctx;
	struct ac_buf path, key;
	struct frame stack[AC_JSON_MAX_DEPTH];
	size_t depth;
};

static void release(struct walk *w)
{
	ac_buf_release(&w->path);
	ac_buf_release(&w->key);
}

static void advance(struct ac_json_place *p, const char *text, size_t offset)
{
	for (; p->offset < offset; p->offset++) {
		if (text[p->offset] == '\n') {
			p->line++;
			p->column = 1;
		} else if (((unsigned char)text[p->offset] & 0xc0) != 0x80) {
			p->column++;
		}
	}
}

struct ac_json_place ac_json_place_of(const char *text, size_t len,
				      size_t offset)
{
	struct ac_json_place p = {.line = 1, .column = 1};

	advance(&p, text, offset < len ? offset : len);
	return p;
}

/* The character at AT cannot be there. */
static int wrong_at(struct walk *w, size_t at, const char *why,
		    struct ac_err *err)
{
	char c[5] = {0};
	AC_FREE char *show = NULL;

	if (at > w->len)
		at = w->len;
	advance(&w->mark, w->text, at);
	if (at == w->len) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "unexpected end of JSON input %s", why);
	} else {
		memcpy(c, w->text + at, w->len - at < 4 ? w->len - at : 4);
		c[ac_utf8_len(c) != 0 ? ac_utf8_len(c) : 1] = '\0';
		if (strcmp(c, "\xef\xbb\xbf") == 0)
			why = "(a byte order mark); JSON begins without one";
		show = ac_str_show(c);
		(void)ac_err_set(err, AC_E_INVALID, "invalid character '%s' %s",
				 c[0] == '\0' ? "\\x00" : show, why);
	}
	err->line = w->mark.line;
	err->column = w->mark.column;
	return -1;
}

static int wrong(struct walk *w, const char *why, struct ac_err *err)
{
	return wrong_at(w, w->at, why, err);
}

static void skip_space(struct walk *w)
{
	while (w->at < w->len &&
	       (w->text[w->at] == ' ' ||
		(w->text[w->at] >= '\t' && w->text[w->at] <= '\r' &&
		 w->text[w->at] != '\v' && w->text[w->at] != '\f')))
		w->at++;
}

static int peek(const struct walk *w)
{
	return w->at < w->len ? (unsigned char)w->text[w->at] : -1;
}

/* The four digits of "\u0041": its code, or -1. */
static int scan_unit(struct walk *w, struct ac_err *err)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int d = ac_hex_digit((char)peek(w));

		if (d < 0)
			return wrong(w,
				     "in a \\u escape: four hex digits are "
				     "expected",
				     err);
		v = v * 16 + d;
		w->at++;
	}
	return v;
}

static void add_utf8(struct ac_buf *b, unsigned int c)
{
	if (c < 0x80) {
		ac_buf_addc(b, (char)c);
		return;
	}
	if (c < 0x800) {
		ac_buf_addc(b, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			ac_buf_addc(b, (char)(0xe0 | c >> 12));
		} else {
			ac_buf_addc(b, (char)(0xf0 | c >> 18));
			ac_buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		ac_buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	ac_buf_addc(b, (char)(0x80 | (c & 0x3f)));
}

/* Behind "\u". */
static int scan_unicode(struct walk *w, struct ac_err *err)
{
	size_t from = w->at - 2;
	int c = scan_unit(w, err);
	int low;

	if (c < 0)
		return -1;
	if (c < 0xd800 || c > 0xdfff) {
		add_utf8(&w->key, (unsigned int)c);
		return 0;
	}
	if (c < 0xdc00 && w->len - w->at >= 2 &&
	    memcmp(w->text + w->at, "\\u", 2) == 0) {
		w->at += 2;
		low = scan_unit(w, err);
		if (low < 0)
			return -1;
		if (low >= 0xdc00 && low <= 0xdfff) {
			add_utf8(&w->key,
				 0x10000U + (((unsigned int)c & 0x3ff) << 10) +
					 ((unsigned int)low & 0x3ff));
			return 0;
		}
	}
	return wrong_at(w, from,
			"begins half of a surrogate pair, which is "
			"not Unicode",
			err);
}

static int scan_escape(struct walk *w, struct ac_err *err)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	int c;
	const char *p;

	w->at++;
	c = peek(w);
	if (c == 'u') {
		w->at++;
		return scan_unicode(w, err);
	}
	p = c > 0 ? strchr(from, c) : NULL;
	if (p == NULL)
		return wrong(w, "behind a backslash in a string", err);
	ac_buf_addc(&w->key, to[p - from]);
	w->at++;
	return 0;
}

/* A string, also decoded into w->key. */
static int scan_string(struct walk *w, struct ac_err *err)
{
	ac_buf_reset(&w->key);
	w->at++;
	for (;;) {
		size_t n = 1;
		int c = peek(w);

		if (c < 0x20)
			return wrong(w,
				     c < 0 ? "within a string"
					   : "(a control character) in a "
					     "string; write it as an escape",
				     err);
		if (c == '"') {
			w->at++;
			return 0;
		}
		if (c == '\\') {
			if (scan_escape(w, err) < 0)
				return -1;
			continue;
		}
		if (c >= 0x80) {
			char s[5] = {0};

			memcpy(s, w->text + w->at,
			       w->len - w->at < 4 ? w->len - w->at : 4);
			n = ac_utf8_len(s);
			if (n == 0)
				return wrong(w, "in a string: not UTF-8", err);
		}
		ac_buf_add(&w->key, w->text + w->at, n);
		w->at += n;
	}
}

static bool digits(struct walk *w)
{
	size_t from = w->at;

	while (peek(w) >= '0' && peek(w) <= '9')
		w->at++;
	return w->at != from;
}

static int scan_number(struct walk *w, struct ac_err *err)
{
	static const char why[] = "in a number";

	if (peek(w) == '-')
		w->at++;
	if (peek(w) == '0')
		w->at++;
	else if (!digits(w))
		return wrong(w, why, err);
	if (peek(w) == '.') {
		w->at++;
		if (!digits(w))
			return wrong(w, why, err);
	}
	if (peek(w) == 'e' || peek(w) == 'E') {
		w->at++;
		if (peek(w) == '+' || peek(w) == '-')
			w->at++;
		if (!digits(w))
			return wrong(w, why, err);
	}
	return 0;
}

static int scan_word(struct walk *w, struct ac_err *err)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < AC_LEN(words); i++) {
		size_t n = strlen(words[i]);

		if (w->len - w->at >= n &&
		    memcmp(w->text + w->at, words[i], n) == 0) {
			w->at += n;
			return 0;
		}
	}
	return wrong(w,
		     peek(w) == ']' || peek(w) == '}'
			     ? "where a value is expected; is there a "
			       "comma too many?"
			     : "where a value is expected",
		     err);
}

static void tell(struct walk *w, size_t from)
{
	if (w->visit == NULL || w->path.overflow)
		return;
	advance(&w->mark, w->text, from);
	w->visit(w->ctx, ac_buf_str(&w->path), &w->mark);
}

/* Back to the path of what F is. */
static void cut_path(struct walk *w, const struct frame *f)
{
	if (w->path.p != NULL && w->path.len > f->path_len) {
		w->path.len = f->path_len;
		w->path.p[f->path_len] = '\0';
	}
	w->path.overflow = f->lost;
}

/* A value, or the beginning of one that has others in it: *open. */
static int scan_value(struct walk *w, bool *open, struct ac_err *err)
{
	int c = peek(w);

	*open = c == '[' || c == '{';
	if (*open) {
		if (w->depth == AC_JSON_MAX_DEPTH)
			return wrong(w, "opens too many levels", err);
		w->stack[w->depth++] = (struct frame){
			.array = c == '[',
			.lost = w->path.overflow,
			.path_len = w->path.len,
		};
		w->at++;
		return 0;
	}
	if (c == '"')
		return scan_string(w, err);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(w, err);
	return scan_word(w, err);
}

/* The name of the next member or element behind the path. */
static int scan_name(struct walk *w, struct frame *f, size_t *from,
		     struct ac_err *err)
{
	cut_path(w, f);
	skip_space(w);
	*from = w->at;
	if (f->array) {
		ac_buf_addf(&w->path, "[%zu]", f->i++);
		return 0;
	}
	if (peek(w) != '"')
		return wrong(w,
			     peek(w) == '}'
				     ? "where a key is expected; is there a "
				       "comma too many?"
				     : "where a key in double quotes is "
				       "expected",
			     err);
	if (scan_string(w, err) < 0)
		return -1;
	if (w->path.len != 0)
		ac_buf_addc(&w->path, '.');
	ac_buf_add(&w->path, w->key.p != NULL ? w->key.p : "", w->key.len);
	w->path.overflow = w->path.overflow || w->key.overflow;
	skip_space(w);
	if (peek(w) != ':')
		return wrong(w, "behind a key, where ':' is expected", err);
	w->at++;
	return 0;
}

/* Behind a value or an opening bracket: 1 when another value comes, 0 at the
 * end of the document. */
static int go_on(struct walk *w, bool opened, struct ac_err *err)
{
	while (w->depth != 0) {
		const struct frame *f = &w->stack[w->depth - 1];

		skip_space(w);
		if (peek(w) == (f->array ? ']' : '}')) {
			w->at++;
			w->depth--;
			opened = false;
			continue;
		}
		if (opened)
			return 1;
		if (peek(w) != ',')
			return wrong(w,
				     f->array ? "behind an array element, "
						"where ',' or ']' is "
						"expected"
					      : "behind an object member, "
						"where ',' or '}' is "
						"expected",
				     err);
		w->at++;
		return 1;
	}
	skip_space(w);
	return w->at == w->len ? 0
			       : wrong(w, "after the end of the document", err);
}

int ac_json_walk(const char *text, size_t len, ac_json_visit_fn visit,
		 void *ctx, struct ac_err *err)
{
	AC_CLEANUP(release)
	struct walk w = {
		.text = text,
		.len = len,
		.mark = {.line = 1, .column = 1},
		.visit = visit,
		.ctx = ctx,
		.path = AC_BUF_INIT(MAX_PATH_LEN),
		.key = AC_BUF_INIT(MAX_PATH_LEN),
	};
	size_t from;
	int more = 1;

	skip_space(&w);
	from = w.at;
	while (more > 0) {
		bool opened = false;

		skip_space(&w);
		tell(&w, from);
		if (scan_value(&w, &opened, err) < 0)
			return -1;
		more = go_on(&w, opened, err);
		if (more > 0 &&
		    scan_name(&w, &w.stack[w.depth - 1], &from, err) < 0)
			return -1;
	}
	return more;
}

/* --- excerpts --- */

enum { BEFORE = 48, AFTER = 24 }; /* characters shown around the column */

static size_t char_len(const char *p, size_t left)
{
	char s[5] = {0};
	size_t n;

	memcpy(s, p, left < 4 ? left : 4);
	n = ac_utf8_len(s);
	return n != 0 ? n : 1;
}

/* Control characters beyond ASCII. */
static bool is_c1(const char *p)
{
	return (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0;
}

char *ac_json_excerpt(const char *text, size_t len, unsigned int line,
		      unsigned int column)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(4096);
	const char *p = text;
	const char *end = text + len;
	unsigned int from = column > BEFORE ? column - BEFORE : 1;
	unsigned int at = 1;

	ac_buf_addf(&out, "%5u: ", line);
	for (; line > 1 && p < end; p++)
		line -= *p == '\n';
	for (; p < end && *p != '\n' && at < column + AFTER; at++) {
		size_t n = char_len(p, (size_t)(end - p));

		if (at >= from && (unsigned char)*p < 0x20)
			ac_buf_addc(&out, ' ');
		else if (at >= from &&
			 (n > 1 ? !is_c1(p) : *p > 0 && *p < 0x7f))
			ac_buf_add(&out, p, n);
		else if (at >= from)
			ac_buf_addc(&out, '?');
		p += n;
	}
	ac_buf_addf(&out, "\n%*s^", 7 + (int)(column - from), "");
	return ac_buf_steal(&out);
}
