/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/field.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"

char *ac_field_path(const char *path, const char *key)
{
	return ac_xasprintf("%s%s%s", path, path[0] != '\0' ? "." : "", key);
}

char *ac_field_path_at(const char *path, const char *key, size_t i)
{
	return ac_xasprintf("%s%s%s[%zu]", path, path[0] != '\0' ? "." : "",
			    key, i);
}

int ac_field_find(const struct ac_json *o, const char *path, const char *key,
		  struct ac_json **out, struct ac_err *err)
{
	struct ac_json *found = NULL;
	struct ac_json *v;
	const char *spelt = NULL;
	const char *name;
	void *it = NULL;

	while (ac_json_each(o, &it, &name, &v)) {
		AC_FREE char *at = NULL;

		if (!ac_json_same_key(name, key))
			continue;
		if (found == NULL) {
			found = v;
			spelt = name;
			continue;
		}
		at = ac_field_path(path, key);
		return ac_err_at(err, "T10", at,
				 "duplicate key, as '%s' and as '%s'", spelt,
				 name);
	}
	if (found == NULL)
		return 0;
	*out = found;
	return 1;
}

static int wrong_type(const char *at, const char *wanted,
		      const struct ac_json *v, struct ac_err *err)
{
	return ac_err_at(err, "", at, "expected %s, found %s", wanted,
			 ac_json_type_name(ac_json_type(v)));
}

/* The member when it is there, not null and of type T. */
static int typed(const struct ac_json *o, const char *path, const char *key,
		 enum ac_json_type t, struct ac_json **out, struct ac_err *err)
{
	struct ac_json *v = NULL;
	AC_FREE char *at = NULL;
	int ret = ac_field_find(o, path, key, &v, err);

	if (ret <= 0)
		return ret;
	if (ac_json_type(v) == AC_JSON_NULL)
		return 0;
	if (ac_json_type(v) == t) {
		*out = v;
		return 1;
	}
	at = ac_field_path(path, key);
	return wrong_type(at,
			  t == AC_JSON_INT ? "a whole number (64 bits)"
					   : ac_json_type_name(t),
			  v, err);
}

/* The text of a string or null; NULL when it has a NUL in it. */
static const char *text_of(const struct ac_json *v)
{
	return ac_json_type(v) == AC_JSON_NULL ? "" : ac_json_text(v, NULL);
}

static int has_nul(const char *at, struct ac_err *err)
{
	return ac_err_at(err, "", at, "a string with a NUL character");
}

int ac_field_str(const struct ac_json *o, const char *path, const char *key,
		 const char **out, struct ac_err *err)
{
	struct ac_json *v = NULL;
	int ret = typed(o, path, key, AC_JSON_STRING, &v, err);
	AC_FREE char *at = NULL;

	if (ret <= 0)
		return ret;
	if (ac_json_text(v, NULL) == NULL) {
		at = ac_field_path(path, key);
		return has_nul(at, err);
	}
	*out = ac_json_text(v, NULL);
	return 1;
}

int ac_field_bool(const struct ac_json *o, const char *path, const char *key,
		  bool *out, struct ac_err *err)
{
	struct ac_json *v = NULL;
	int ret = typed(o, path, key, AC_JSON_BOOL, &v, err);

	if (ret > 0)
		*out = ac_json_bool(v);
	return ret;
}

int ac_field_int(const struct ac_json *o, const char *path, const char *key,
		 int64_t *out, struct ac_err *err)
{
	struct ac_json *v = NULL;
	int ret = typed(o, path, key, AC_JSON_INT, &v, err);

	if (ret > 0)
		*out = ac_json_number(v);
	return ret;
}

int ac_field_object(const struct ac_json *o, const char *path, const char *key,
		    struct ac_json **out, struct ac_err *err)
{
	return typed(o, path, key, AC_JSON_OBJECT, out, err);
}

int ac_field_list(const struct ac_json *o, const char *path, const char *key,
		  enum ac_json_type t, struct ac_json **out, struct ac_err *err)
{
	struct ac_json *list = NULL;
	int ret = typed(o, path, key, AC_JSON_ARRAY, &list, err);

	if (ret <= 0)
		return ret;
	for (size_t i = 0; i < ac_json_len(list); i++) {
		const struct ac_json *v = ac_json_at(list, i);
		AC_FREE char *at = NULL;

		if (ac_json_type(v) == t || ac_json_type(v) == AC_JSON_NULL)
			continue;
		at = ac_field_path_at(path, key, i);
		return wrong_type(at, ac_json_type_name(t), v, err);
	}
	*out = list;
	return 1;
}

int ac_field_strings(const struct ac_json *o, const char *path, const char *key,
		     struct ac_strv *out, struct ac_err *err)
{
	struct ac_json *list = NULL;
	int ret = ac_field_list(o, path, key, AC_JSON_STRING, &list, err);

	if (ret <= 0)
		return ret;
	for (size_t i = 0; i < ac_json_len(list); i++) {
		const char *s = text_of(ac_json_at(list, i));
		AC_FREE char *at = NULL;

		if (s != NULL) {
			ac_strv_push(out, s);
			continue;
		}
		at = ac_field_path_at(path, key, i);
		return has_nul(at, err);
	}
	return 1;
}

int ac_field_map(const struct ac_json *o, const char *path, const char *key,
		 struct ac_pairs *out, struct ac_err *err)
{
	AC_FREE char *at = ac_field_path(path, key);
	AC_FREE struct ac_pair *pairs = NULL;
	struct ac_json *map = NULL;
	struct ac_json *v;
	const char *name;
	void *it = NULL;
	size_t n = 0;
	int ret = typed(o, path, key, AC_JSON_OBJECT, &map, err);

	if (ret <= 0)
		return ret;
	pairs = ac_xcalloc(ac_json_len(map) + 1, sizeof(*pairs));
	while (ac_json_each(map, &it, &name, &v)) {
		AC_FREE char *sub = NULL;

		pairs[n] = (struct ac_pair){name, text_of(v)};
		if (pairs[n++].value != NULL)
			continue;
		sub = ac_field_path(at, name);
		if (ac_json_type(v) == AC_JSON_STRING)
			return has_nul(sub, err);
		return wrong_type(sub, "a string", v, err);
	}
	*out = (struct ac_pairs){.v = ac_steal_ptr(&pairs), .n = n};
	return 1;
}

int ac_field_pairs(const struct ac_json *o, const char *path, const char *key,
		   struct ac_pairs *out, struct ac_err *err)
{
	AC_FREE struct ac_pair *pairs = NULL;
	struct ac_json *list = NULL;
	int ret = ac_field_list(o, path, key, AC_JSON_OBJECT, &list, err);
	size_t n;

	if (ret <= 0)
		return ret;
	n = ac_json_len(list);
	pairs = ac_xcalloc(n + 1, sizeof(*pairs));
	for (size_t i = 0; i < n; i++) {
		const struct ac_json *e = ac_json_at(list, i);
		AC_FREE char *at = ac_field_path_at(path, key, i);

		pairs[i] = (struct ac_pair){"", ""};
		if (ac_field_str(e, at, "name", &pairs[i].name, err) < 0 ||
		    ac_field_str(e, at, "value", &pairs[i].value, err) < 0)
			return -1;
	}
	*out = (struct ac_pairs){.v = ac_steal_ptr(&pairs), .n = n};
	return 1;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *ac_names_duplicate(const char **names, size_t n)
{
	if (n < 2)
		return NULL;
	qsort(names, n, sizeof(*names), compare);
	for (size_t i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			return names[i];
	return NULL;
}

const char *ac_pairs_duplicate(const struct ac_pairs *p)
{
	AC_FREE const char **names = ac_xcalloc(p->n + 1, sizeof(*names));

	for (size_t i = 0; i < p->n; i++)
		names[i] = p->v[i].name;
	return ac_names_duplicate(names, p->n);
}
