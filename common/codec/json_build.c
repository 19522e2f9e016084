/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/own.h"
#include "common/base/str.h"

/* Making documents, changing them, writing them.  Writing is ours because the
 * library prints 0.1 as 0.10000000000000001 and cannot escape as Go does. */

static json_t *raw(const struct ac_json *j)
{
	return (json_t *)(uintptr_t)j;
}

static struct ac_json *wrap(json_t *j)
{
	return (struct ac_json *)j;
}

struct ac_json *ac_json_object(void)
{
	return wrap(json_object());
}

struct ac_json *ac_json_array(void)
{
	return wrap(json_array());
}

/* S with U+FFFD for each byte that is not UTF-8; caller frees. */
static char *only_utf8(const char *s)
{
	struct ac_buf b = AC_BUF_INIT(3 * strlen(s) + 1);

	for (size_t n; *s != '\0'; s += n) {
		n = ac_utf8_len(s);
		if (n != 0) {
			ac_buf_add(&b, s, n);
			continue;
		}
		ac_buf_adds(&b, "\xef\xbf\xbd");
		n = 1;
	}
	return ac_buf_steal(&b);
}

struct ac_json *ac_json_str(const char *s)
{
	json_t *j = json_string(s);

	if (j == NULL) {
		AC_FREE char *clean = only_utf8(s);

		j = json_string(clean);
	}
	return wrap(j);
}

struct ac_json *ac_json_int(int64_t v)
{
	return wrap(json_integer(v));
}

struct ac_json *ac_json_new_bool(bool v)
{
	return wrap(json_boolean(v));
}

struct ac_json *ac_json_null(void)
{
	return wrap(json_null());
}

void ac_json_set(struct ac_json *object, const char *key, struct ac_json *value)
{
	AC_FREE char *clean = only_utf8(key);

	(void)json_object_set_new(raw(object), clean, raw(value));
}

void ac_json_set_str(struct ac_json *object, const char *key, const char *s)
{
	ac_json_set(object, key, ac_json_str(s));
}

void ac_json_set_int(struct ac_json *object, const char *key, int64_t v)
{
	ac_json_set(object, key, ac_json_int(v));
}

void ac_json_del(struct ac_json *object, const char *key)
{
	(void)json_object_del(raw(object), key);
}

void ac_json_push(struct ac_json *array, struct ac_json *value)
{
	(void)json_array_append_new(raw(array), raw(value));
}

void ac_json_push_str(struct ac_json *array, const char *s)
{
	ac_json_push(array, ac_json_str(s));
}

void ac_json_remove(struct ac_json *array, size_t i)
{
	(void)json_array_remove(raw(array), i);
}

void ac_json_replace(struct ac_json *array, size_t i, struct ac_json *value)
{
	(void)json_array_set_new(raw(array), i, raw(value));
}

struct writer {
	struct ac_buf *out;
	int indent;
	bool html;
};

/* The escape of the character at P (N bytes), or NULL when it stands for
 * itself.  TMP holds what has no short form. */
static const char *escape(const struct writer *w, const char *p, size_t n,
			  char tmp[8])
{
	unsigned char c = (unsigned char)*p;

	if (c == '"')
		return "\\\"";
	if (c == '\\')
		return "\\\\";
	if (c == '\n')
		return "\\n";
	if (c == '\r')
		return "\\r";
	if (c == '\t')
		return "\\t";
	if (c < ' ' || (w->html && (c == '<' || c == '>' || c == '&'))) {
		(void)snprintf(tmp, 8, "\\u%04x", c);
		return tmp;
	}
	if (w->html && n == 3 && memcmp(p, "\xe2\x80\xa8", 3) == 0)
		return "\\u2028";
	if (w->html && n == 3 && memcmp(p, "\xe2\x80\xa9", 3) == 0)
		return "\\u2029";
	return NULL;
}

static void write_string(const struct writer *w, const char *s, size_t len)
{
	const char *end = s + len;
	const char *from = s;
	char tmp[8];

	ac_buf_addc(w->out, '"');
	while (s < end) {
		/* Inside the library only valid UTF-8 is kept. */
		size_t n = *s == '\0' ? 1 : ac_utf8_len(s);
		const char *esc = escape(w, s, n, tmp);

		n = n != 0 ? n : 1;
		if (esc != NULL) {
			ac_buf_add(w->out, from, (size_t)(s - from));
			ac_buf_adds(w->out, esc);
			from = s + n;
		}
		s += n;
	}
	ac_buf_add(w->out, from, (size_t)(s - from));
	ac_buf_addc(w->out, '"');
}

/* The shortest text that reads back as the same number. */
static void write_real(const struct writer *w, json_t *real)
{
	char text[64];

	for (size_t digits = 15; digits <= 17; digits++) {
		size_t n = json_dumpb(real, text, sizeof(text) - 1,
				      JSON_ENCODE_ANY |
					      JSON_REAL_PRECISION(digits));
		json_t *back = json_loadb(text, n, JSON_DECODE_ANY, NULL);
		bool same = back != NULL && json_equal(back, real) != 0;

		json_decref(back);
		text[n < sizeof(text) ? n : 0] = '\0';
		if (same)
			break;
	}
	ac_buf_adds(w->out, text);
}

static void new_line(const struct writer *w, unsigned int level)
{
	if (w->indent == 0)
		return;
	ac_buf_addc(w->out, '\n');
	for (unsigned int i = 0; i < level; i++)
		ac_buf_addf(w->out, "%*s", w->indent < 0 ? 1 : w->indent,
			    w->indent < 0 ? "\t" : "");
}

static void write_value(const struct writer *w, json_t *j, unsigned int level);

static void write_array(const struct writer *w, json_t *j, unsigned int level)
{
	size_t n = json_array_size(j);

	ac_buf_addc(w->out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i != 0)
			ac_buf_addc(w->out, ',');
		new_line(w, level + 1);
		write_value(w, json_array_get(j, i), level + 1);
	}
	if (n != 0)
		new_line(w, level);
	ac_buf_addc(w->out, ']');
}

static void write_object(const struct writer *w, json_t *j, unsigned int level)
{
	const char *sep = "";
	const char *key;
	json_t *value;

	ac_buf_addc(w->out, '{');
	json_object_foreach(j, key, value)
	{
		ac_buf_adds(w->out, sep);
		sep = ",";
		new_line(w, level + 1);
		write_string(w, key, strlen(key));
		ac_buf_adds(w->out, w->indent != 0 ? ": " : ":");
		write_value(w, value, level + 1);
	}
	if (sep[0] != '\0')
		new_line(w, level);
	ac_buf_addc(w->out, '}');
}

/* As deep as the document: parsing limits that. */
static void write_value(const struct writer *w, json_t *j, unsigned int level)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		write_object(w, j, level);
		break;
	case JSON_ARRAY:
		write_array(w, j, level);
		break;
	case JSON_STRING:
		write_string(w, json_string_value(j), json_string_length(j));
		break;
	case JSON_INTEGER:
		ac_buf_addf(w->out, "%lld", (long long)json_integer_value(j));
		break;
	case JSON_REAL:
		write_real(w, j);
		break;
	case JSON_TRUE:
		ac_buf_adds(w->out, "true");
		break;
	case JSON_FALSE:
		ac_buf_adds(w->out, "false");
		break;
	default:
		ac_buf_adds(w->out, "null");
		break;
	}
}

void ac_json_write(const struct ac_json *j, int indent, bool escape_html,
		   struct ac_buf *out)
{
	struct writer w = {
		.out = out,
		.indent = indent < 0 ? -1 : (indent > 8 ? 8 : indent),
		.html = escape_html,
	};

	write_value(&w, raw(j), 0);
}
