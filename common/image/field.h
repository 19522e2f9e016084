/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_FIELD_H
#define AC_IMAGE_FIELD_H

/*
 * Members of appc documents, read as the original read them: keys are compared
 * without regard to ASCII case, null is like absent, a null in a list is like
 * an empty value.  Two spellings of one key in an object are refused, because
 * readers would differ on which one counts.
 *
 * PATH says where the object stands ("" is the document); messages begin with
 * the member's place: "app.ports[2].port: expected a whole number, found a
 * string".  The getters return 1 found, 0 absent, -1; *out is left alone unless
 * 1.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"

struct ac_err;

/* "PATH.KEY", or "PATH.KEY[I]".  Caller frees. */
AC_MUSTUSE char *ac_field_path(const char *path, const char *key);
AC_MUSTUSE char *ac_field_path_at(const char *path, const char *key, size_t i);

/* 1 when the member is there, null included: *out is it. */
AC_MUSTUSE int ac_field_find(const struct ac_json *o, const char *path,
			     const char *key, struct ac_json **out,
			     struct ac_err *err);
AC_MUSTUSE int ac_field_str(const struct ac_json *o, const char *path,
			    const char *key, const char **out,
			    struct ac_err *err);
AC_MUSTUSE int ac_field_bool(const struct ac_json *o, const char *path,
			     const char *key, bool *out, struct ac_err *err);
AC_MUSTUSE int ac_field_int(const struct ac_json *o, const char *path,
			    const char *key, int64_t *out, struct ac_err *err);
AC_MUSTUSE int ac_field_object(const struct ac_json *o, const char *path,
			       const char *key, struct ac_json **out,
			       struct ac_err *err);
/* A list whose elements are all of type T or null. */
AC_MUSTUSE int ac_field_list(const struct ac_json *o, const char *path,
			     const char *key, enum ac_json_type t,
			     struct ac_json **out, struct ac_err *err);

/* A list of strings, copied behind what *out has. */
AC_MUSTUSE int ac_field_strings(const struct ac_json *o, const char *path,
				const char *key, struct ac_strv *out,
				struct ac_err *err);
/* An object of strings; the caller frees out->v. */
AC_MUSTUSE int ac_field_map(const struct ac_json *o, const char *path,
			    const char *key, struct ac_pairs *out,
			    struct ac_err *err);
/* A list of {name, value}, both optional here; the caller frees out->v. */
AC_MUSTUSE int ac_field_pairs(const struct ac_json *o, const char *path,
			      const char *key, struct ac_pairs *out,
			      struct ac_err *err);

/* A name that comes twice, or NULL. */
const char *ac_pairs_duplicate(const struct ac_pairs *p);
/* The same of an array, which gets sorted. */
const char *ac_names_duplicate(const char **names, size_t n);

#endif
