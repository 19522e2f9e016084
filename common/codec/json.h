/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_JSON_H
#define AC_CODEC_JSON_H

/*
 * JSON documents (RFC 8259) with limits.  The one module that knows the
 * library behind it (jansson).  Refused when parsing: duplicate keys, more
 * than the limits, invalid UTF-8, trailing text, NUL in keys.  The order of
 * keys and unknown fields are kept.  A whole number beyond int64_t becomes a
 * real one.
 *
 * A `struct ac_json *` is a reference.  Documents (from parse and the
 * constructors) are owned and freed with ac_json_free; what the getters
 * return is borrowed from its document.
 *
 * Getters that take `err` speak of the place: `app.exec[0]: expected a string,
 * found a number`; PATH is the caller's prefix for that, such as "app".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_buf;
struct ac_err;
struct ac_json;

enum ac_json_type {
	AC_JSON_NULL,
	AC_JSON_BOOL,
	AC_JSON_INT, /* fits int64_t */
	AC_JSON_REAL,
	AC_JSON_STRING,
	AC_JSON_ARRAY,
	AC_JSON_OBJECT,
};

/* More is AC_E_LIMIT.  Values and containers (arrays, objects) are counted
 * because a document needs far more memory than its text. */
enum {
	AC_JSON_MAX_DEPTH = 64,
	AC_JSON_MAX_BYTES = 8 << 20,
	AC_JSON_MAX_VALUES = 1 << 19,
	AC_JSON_MAX_CONTAINERS = 1 << 17,
};

/* Parse LEN bytes.  WHAT names the text in messages ("manifest"); errors
 * have line and column, in *err and in their message.  NULL on failure. */
AC_MUSTUSE struct ac_json *ac_json_parse(const char *text, size_t len,
					 const char *what, struct ac_err *err);
void ac_json_free(struct ac_json *j); /* NULL is fine */
/* The same for a document that has secrets: its strings are overwritten
 * first. */
void ac_json_wipe(struct ac_json *j);
AC_MUSTUSE struct ac_json *ac_json_copy(const struct ac_json *j); /* deep */
bool ac_json_equal(const struct ac_json *a, const struct ac_json *b);

static inline void ac_json_freep(struct ac_json **j)
{
	ac_json_free(*j);
}
#define AC_JSON AC_CLEANUP(ac_json_freep)

/* Append the text: compact with INDENT 0, or indented by INDENT spaces (at
 * most 8; -1: a tab).  With ESCAPE_HTML, < > & U+2028 U+2029 become \u00xx as
 * Go writes them (appc manifests).  No newline at the end. */
void ac_json_write(const struct ac_json *j, int indent, bool escape_html,
		   struct ac_buf *out);

enum ac_json_type ac_json_type(const struct ac_json *j);
const char *ac_json_type_name(enum ac_json_type t); /* "a string" */

/* Values; the wrong type (and NULL) gives the zero value.  A string with a NUL
 * in it is of the wrong type for ac_json_text when LEN is NULL: nobody takes
 * its beginning for all of it. */
const char *ac_json_text(const struct ac_json *j, size_t *len);
int64_t ac_json_number(const struct ac_json *j);
double ac_json_real(const struct ac_json *j); /* of an integer too */
bool ac_json_bool(const struct ac_json *j);

/* Arrays and objects. */
size_t ac_json_len(const struct ac_json *j);
struct ac_json *ac_json_at(const struct ac_json *array, size_t i);
struct ac_json *ac_json_get(const struct ac_json *object, const char *key);
/* Are two keys one to the original appc tools?  They compare without regard to
 * case, by Unicode's simple folding: the long s (U+017F) is an s, the Kelvin
 * sign (U+212A) a k. */
bool ac_json_same_key(const char *a, const char *b);
/* The same as ac_json_get, falling back to a key that is one to them. */
struct ac_json *ac_json_get_nocase(const struct ac_json *object,
				   const char *key);
/* Iterate: *it starts as NULL; false at the end. */
bool ac_json_each(const struct ac_json *object, void **it, const char **key,
		  struct ac_json **value);

/* Typed members: 1 found, 0 absent (or null), -1 wrong type.  *out is left
 * alone unless 1.  PATH may be "" at the top of a document. */
AC_MUSTUSE int ac_json_get_str(const struct ac_json *o, const char *path,
			       const char *key, const char **out,
			       struct ac_err *err);
AC_MUSTUSE int ac_json_get_int(const struct ac_json *o, const char *path,
			       const char *key, int64_t *out,
			       struct ac_err *err);
AC_MUSTUSE int ac_json_get_bool(const struct ac_json *o, const char *path,
				const char *key, bool *out, struct ac_err *err);
AC_MUSTUSE int ac_json_get_array(const struct ac_json *o, const char *path,
				 const char *key, struct ac_json **out,
				 struct ac_err *err);
AC_MUSTUSE int ac_json_get_object(const struct ac_json *o, const char *path,
				  const char *key, struct ac_json **out,
				  struct ac_err *err);

/* Building.  Each returns an owned value. */
AC_MUSTUSE struct ac_json *ac_json_object(void);
AC_MUSTUSE struct ac_json *ac_json_array(void);
AC_MUSTUSE struct ac_json *ac_json_str(const char *s); /* valid UTF-8 */
AC_MUSTUSE struct ac_json *ac_json_int(int64_t v);
AC_MUSTUSE struct ac_json *ac_json_new_bool(bool v);
AC_MUSTUSE struct ac_json *ac_json_null(void);
/* Change in place; VALUE is taken over.  Text that is not UTF-8 is stored with
 * U+FFFD in the bad places. */
void ac_json_set(struct ac_json *object, const char *key,
		 struct ac_json *value);
void ac_json_set_str(struct ac_json *object, const char *key, const char *s);
void ac_json_set_int(struct ac_json *object, const char *key, int64_t v);
void ac_json_del(struct ac_json *object, const char *key);
void ac_json_push(struct ac_json *array, struct ac_json *value);
void ac_json_push_str(struct ac_json *array, const char *s);
void ac_json_remove(struct ac_json *array, size_t i);
void ac_json_replace(struct ac_json *array, size_t i, struct ac_json *value);

#endif
