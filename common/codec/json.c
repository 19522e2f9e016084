/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/json.h"

#include <jansson.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json_walk.h"

/* Out of memory ends the process here too (base/alloc.h), so the library's
 * NULLs need no branches. */
__attribute__((constructor)) static void use_our_memory(void)
{
	json_set_alloc_funcs(ac_xmalloc, free);
}

/* The library counts references in its values, const or not. */
static json_t *raw(const struct ac_json *j)
{
	return (json_t *)(uintptr_t)j;
}

static struct ac_json *wrap(json_t *j)
{
	return (struct ac_json *)j;
}

/* What a text holds, found before the library allocates for it. */
struct scan {
	const char *text, *at, *end;
	size_t depth, values, containers;
	const char *copied;   /* up to here the text is in `fixed` */
	struct ac_buf *fixed; /* the text with huge integers made real */
	const char *what;
};

static int placed(struct ac_err *err, const char *what, unsigned int line,
		  unsigned int column)
{
	err->line = line;
	err->column = column;
	return ac_err_ctx(err, "%s: line %u, column %u", what, line, column);
}

static int too_many(const struct scan *s, const char *of, size_t max,
		    struct ac_err *err)
{
	size_t at = (size_t)(s->at - s->text);
	struct ac_json_place p =
		ac_json_place_of(s->text, (size_t)(s->end - s->text), at);

	(void)ac_err_set(err, AC_E_LIMIT, "more than %zu %s", max, of);
	return placed(err, s->what, p.line, p.column);
}

static void scan_string(struct scan *s)
{
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++)
		if (*s->at == '\\')
			s->at++;
	if (s->at < s->end)
		s->at++;
}

static bool in_number(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' ||
	       c == 'e' || c == 'E';
}

static void scan_number(struct scan *s)
{
	const char *p = s->at;
	bool whole = true;
	int64_t v;

	for (; s->at < s->end && in_number(*s->at); s->at++)
		if (*s->at == '.' || *s->at == 'e' || *s->at == 'E')
			whole = false;
	if (!whole || ac_num_i64(ac_strn(p, (size_t)(s->at - p)), &v) == 0)
		return;
	ac_buf_add(s->fixed, s->copied, (size_t)(s->at - s->copied));
	ac_buf_adds(s->fixed, ".0");
	s->copied = s->at;
}

/* Count without judging: what is not JSON the library will refuse. */
static int scan(struct scan *s, struct ac_err *err)
{
	while (s->at < s->end) {
		switch (*s->at) {
		case '"':
			scan_string(s);
			continue;
		case '[':
		case '{':
			s->containers++;
			s->depth++;
			break;
		case ']':
		case '}':
			if (s->depth != 0)
				s->depth--;
			break;
		case ',':
			s->values++;
			break;
		default:
			if (in_number(*s->at) && *s->at != 'e') {
				scan_number(s);
				continue;
			}
		}
		if (s->depth > AC_JSON_MAX_DEPTH)
			return too_many(s, "levels", AC_JSON_MAX_DEPTH, err);
		if (s->containers > AC_JSON_MAX_CONTAINERS)
			return too_many(s, "arrays and objects",
					AC_JSON_MAX_CONTAINERS, err);
		if (s->values > AC_JSON_MAX_VALUES)
			return too_many(s, "values", AC_JSON_MAX_VALUES, err);
		s->at++;
	}
	return 0;
}

/* Where AT bytes of the text with huge integers made real were in the text
 * itself. */
static size_t unfixed(const struct scan *s, size_t at)
{
	const char *p = s->text;

	if (s->fixed->len == 0)
		return at;
	for (size_t i = 0; i < at && p < s->end; i++)
		p += s->fixed->p[i] == *p;
	return (size_t)(p - s->text);
}

/* The library said no: say why, and where.  It tells the end of the token that
 * it did not want, and of keys that come twice only that. */
static void explain(const struct scan *s, const json_error_t *je,
		    struct ac_err *err)
{
	size_t len = (size_t)(s->end - s->text);
	size_t at = unfixed(s, (size_t)je->position);
	struct ac_json_place p;
	AC_FREE char *why = NULL;

	if (json_error_code(je) != json_error_duplicate_key &&
	    ac_json_walk(s->text, len, NULL, NULL, err) < 0) {
		(void)placed(err, s->what, err->line, err->column);
		return;
	}
	at = at > 0 ? at - 1 : 0;
	/* To the quote that began the key. */
	while (json_error_code(je) == json_error_duplicate_key && at > 0 &&
	       (s->text[at - 1] != '"' || (at > 1 && s->text[at - 2] == '\\')))
		at--;
	p = ac_json_place_of(s->text, len, at > 0 ? at - 1 : 0);
	why = ac_str_show(je->text);
	(void)ac_err_set(err, AC_E_INVALID, "%s", why);
	(void)placed(err, s->what, p.line, p.column);
}

struct ac_json *ac_json_parse(const char *text, size_t len, const char *what,
			      struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf fixed = AC_BUF_INIT(2UL * AC_JSON_MAX_BYTES);
	struct scan s = {
		.text = text,
		.at = text,
		.end = text + len,
		.copied = text,
		.fixed = &fixed,
		.what = what,
	};
	json_error_t je = {.line = 0};
	json_t *j;

	if (len > AC_JSON_MAX_BYTES) {
		(void)ac_err_set(err, AC_E_LIMIT,
				 "%s: %zu bytes of JSON, at most %d", what, len,
				 AC_JSON_MAX_BYTES);
		return NULL;
	}
	if (scan(&s, err) < 0)
		return NULL;
	if (fixed.len != 0) {
		ac_buf_add(&fixed, s.copied, (size_t)(s.end - s.copied));
		text = fixed.p;
		len = fixed.len;
	}
	j = json_loadb(text, len,
		       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
			       JSON_ALLOW_NUL,
		       &je);
	/* The library takes a NUL behind the document for its end. */
	if (j != NULL && memchr(text, '\0', len) != NULL) {
		json_decref(j);
		j = NULL;
	}
	if (j == NULL)
		explain(&s, &je, err);
	return wrap(j);
}

void ac_json_free(struct ac_json *j)
{
	json_decref(raw(j));
}

/* Depth is bounded by the parser's, and by what the constructors were made to
 * build. */
static void overwrite(json_t *j)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_string(j)) {
		explicit_bzero((char *)(uintptr_t)json_string_value(j),
			       json_string_length(j));
	} else if (json_is_array(j)) {
		json_array_foreach(j, i, v) overwrite(v);
	} else if (json_is_object(j)) {
		json_object_foreach(j, key, v) overwrite(v);
	}
}

void ac_json_wipe(struct ac_json *j)
{
	overwrite(raw(j));
	ac_json_free(j);
}

struct ac_json *ac_json_copy(const struct ac_json *j)
{
	return wrap(json_deep_copy(raw(j)));
}

bool ac_json_equal(const struct ac_json *a, const struct ac_json *b)
{
	return json_equal(raw(a), raw(b)) != 0;
}

enum ac_json_type ac_json_type(const struct ac_json *j)
{
	if (j == NULL)
		return AC_JSON_NULL;
	switch (json_typeof(raw(j))) {
	case JSON_OBJECT:
		return AC_JSON_OBJECT;
	case JSON_ARRAY:
		return AC_JSON_ARRAY;
	case JSON_STRING:
		return AC_JSON_STRING;
	case JSON_INTEGER:
		return AC_JSON_INT;
	case JSON_REAL:
		return AC_JSON_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return AC_JSON_BOOL;
	default:
		return AC_JSON_NULL;
	}
}

const char *ac_json_type_name(enum ac_json_type t)
{
	static const char *const names[] = {
		[AC_JSON_NULL] = "null",
		[AC_JSON_BOOL] = "true or false",
		[AC_JSON_INT] = "a number",
		[AC_JSON_REAL] = "a fractional number",
		[AC_JSON_STRING] = "a string",
		[AC_JSON_ARRAY] = "an array",
		[AC_JSON_OBJECT] = "an object",
	};

	return names[t];
}

const char *ac_json_text(const struct ac_json *j, size_t *len)
{
	const char *s = json_string_value(raw(j));

	if (len != NULL)
		*len = json_string_length(raw(j));
	else if (s != NULL && strlen(s) != json_string_length(raw(j)))
		return NULL;
	return s;
}

int64_t ac_json_number(const struct ac_json *j)
{
	return json_integer_value(raw(j));
}

double ac_json_real(const struct ac_json *j)
{
	return json_number_value(raw(j));
}

bool ac_json_bool(const struct ac_json *j)
{
	return json_is_true(raw(j));
}

size_t ac_json_len(const struct ac_json *j)
{
	return json_is_object(raw(j)) ? json_object_size(raw(j))
				      : json_array_size(raw(j));
}

struct ac_json *ac_json_at(const struct ac_json *array, size_t i)
{
	return wrap(json_array_get(raw(array), i));
}

struct ac_json *ac_json_get(const struct ac_json *object, const char *key)
{
	return wrap(json_object_get(raw(object), key));
}

/* The next character of *S, folded, when one that keys have; else its byte. */
static unsigned char folded(const char **s)
{
	static const char long_s[] = "\xc5\xbf";
	static const char kelvin[] = "\xe2\x84\xaa";
	unsigned char c = (unsigned char)**s;

	if (strncmp(*s, long_s, 2) == 0) {
		*s += 2;
		return 's';
	}
	if (strncmp(*s, kelvin, 3) == 0) {
		*s += 3;
		return 'k';
	}
	*s += c != '\0';
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

bool ac_json_same_key(const char *a, const char *b)
{
	unsigned char c;

	do {
		c = folded(&a);
		if (c != folded(&b))
			return false;
	} while (c != '\0');
	return true;
}

struct ac_json *ac_json_get_nocase(const struct ac_json *object,
				   const char *key)
{
	struct ac_json *value = ac_json_get(object, key);
	const char *name;
	void *it = NULL;

	if (value != NULL)
		return value;
	while (ac_json_each(object, &it, &name, &value))
		if (ac_json_same_key(name, key))
			return value;
	return NULL;
}

bool ac_json_each(const struct ac_json *object, void **it, const char **key,
		  struct ac_json **value)
{
	*it = *it == NULL ? json_object_iter(raw(object))
			  : json_object_iter_next(raw(object), *it);
	if (*it == NULL)
		return false;
	*key = json_object_iter_key(*it);
	*value = wrap(json_object_iter_value(*it));
	return true;
}

static int wrong_type(const char *path, const char *key, const char *expected,
		      const char *found, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID, "%s%s%s: expected %s, found %s",
			  path != NULL ? path : "",
			  path != NULL && path[0] != '\0' ? "." : "", key,
			  expected, found);
}

/* Member KEY when it has type T: 1, 0 when absent, -1. */
static int member(const struct ac_json *o, const char *path, const char *key,
		  enum ac_json_type t, struct ac_json **out, struct ac_err *err)
{
	struct ac_json *v = ac_json_get(o, key);
	enum ac_json_type found = ac_json_type(v);

	if (found == AC_JSON_NULL)
		return 0;
	if (found != t)
		return wrong_type(path, key,
				  t == AC_JSON_INT ? "a whole number"
						   : ac_json_type_name(t),
				  ac_json_type_name(found), err);
	*out = v;
	return 1;
}

int ac_json_get_str(const struct ac_json *o, const char *path, const char *key,
		    const char **out, struct ac_err *err)
{
	struct ac_json *v = NULL;
	int ret = member(o, path, key, AC_JSON_STRING, &v, err);

	if (ret <= 0)
		return ret;
	if (ac_json_text(v, NULL) == NULL)
		return wrong_type(path, key, "a string",
				  "one with a NUL character", err);
	*out = ac_json_text(v, NULL);
	return 1;
}

int ac_json_get_int(const struct ac_json *o, const char *path, const char *key,
		    int64_t *out, struct ac_err *err)
{
	struct ac_json *v = NULL;
	int ret = member(o, path, key, AC_JSON_INT, &v, err);

	if (ret > 0)
		*out = ac_json_number(v);
	return ret;
}

int ac_json_get_bool(const struct ac_json *o, const char *path, const char *key,
		     bool *out, struct ac_err *err)
{
	struct ac_json *v = NULL;
	int ret = member(o, path, key, AC_JSON_BOOL, &v, err);

	if (ret > 0)
		*out = ac_json_bool(v);
	return ret;
}

int ac_json_get_array(const struct ac_json *o, const char *path,
		      const char *key, struct ac_json **out, struct ac_err *err)
{
	return member(o, path, key, AC_JSON_ARRAY, out, err);
}

int ac_json_get_object(const struct ac_json *o, const char *path,
		       const char *key, struct ac_json **out,
		       struct ac_err *err)
{
	return member(o, path, key, AC_JSON_OBJECT, out, err);
}
