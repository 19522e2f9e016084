/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "actool/diff.h"
#include "common/base/buf.h"
#include "common/base/map.h"
#include "common/codec/json.h"

/* Where we are, and who wants to know. */
struct walker {
	struct ac_buf path;
	diff_field_fn fn;
	void *ctx;
};

static void compare(struct walker *w, const struct ac_json *a,
		    const struct ac_json *b);

/* Compare what is at the end of the path, and take that off again, back to
 * AT. */
static void compare_at(struct walker *w, size_t at, const struct ac_json *a,
		       const struct ac_json *b)
{
	compare(w, a, b);
	w->path.len = at;
	w->path.overflow = false;
}

static void add_key(struct walker *w, const char *key)
{
	ac_buf_addf(&w->path, "%s%s", w->path.len != 0 ? "." : "", key);
}

static void compare_objects(struct walker *w, const struct ac_json *a,
			    const struct ac_json *b)
{
	size_t at = w->path.len;
	struct ac_json *v;
	const char *key;
	void *it = NULL;

	while (ac_json_each(a, &it, &key, &v)) {
		add_key(w, key);
		compare_at(w, at, v, ac_json_get(b, key));
	}
	it = NULL;
	while (ac_json_each(b, &it, &key, &v)) {
		if (ac_json_get(a, key) != NULL)
			continue;
		add_key(w, key);
		compare_at(w, at, NULL, v);
	}
}

static const char *name_of(const struct ac_json *o)
{
	struct ac_json *name = ac_json_type(o) == AC_JSON_OBJECT
				       ? ac_json_get(o, "name")
				       : NULL;

	return name != NULL && ac_json_type(name) == AC_JSON_STRING
		       ? ac_json_text(name, NULL)
		       : NULL;
}

/* The elements by their names; false when not all have one of their own. */
static bool by_name(const struct ac_json *array, struct ac_map *names)
{
	for (size_t i = 0; i < ac_json_len(array); i++) {
		struct ac_json *v = ac_json_at(array, i);
		const char *name = name_of(v);

		if (name == NULL ||
		    ac_map_get(names, name, strlen(name)) != NULL)
			return false;
		ac_map_put(names, name, strlen(name), v);
	}
	return true;
}

static void compare_named(struct walker *w, const struct ac_json *a,
			  const struct ac_map *in_a, const struct ac_json *b,
			  const struct ac_map *in_b)
{
	size_t at = w->path.len;

	for (size_t i = 0; i < ac_json_len(a); i++) {
		struct ac_json *v = ac_json_at(a, i);
		const char *name = name_of(v);

		ac_buf_addf(&w->path, "[%s]", name);
		compare_at(w, at, v, ac_map_get(in_b, name, strlen(name)));
	}
	for (size_t i = 0; i < ac_json_len(b); i++) {
		struct ac_json *v = ac_json_at(b, i);
		const char *name = name_of(v);

		if (ac_map_get(in_a, name, strlen(name)) != NULL)
			continue;
		ac_buf_addf(&w->path, "[%s]", name);
		compare_at(w, at, NULL, v);
	}
}

static void compare_arrays(struct walker *w, const struct ac_json *a,
			   const struct ac_json *b)
{
	AC_CLEANUP(ac_map_release) struct ac_map in_a = AC_MAP_INIT;
	AC_CLEANUP(ac_map_release) struct ac_map in_b = AC_MAP_INIT;
	size_t na = ac_json_len(a);
	size_t nb = ac_json_len(b);
	size_t at = w->path.len;

	if (by_name(a, &in_a) && by_name(b, &in_b)) {
		compare_named(w, a, &in_a, b, &in_b);
		return;
	}
	for (size_t i = 0; i < na || i < nb; i++) {
		ac_buf_addf(&w->path, "[%zu]", i);
		compare_at(w, at, i < na ? ac_json_at(a, i) : NULL,
			   i < nb ? ac_json_at(b, i) : NULL);
	}
}

/* Either may be NULL, not both.  As deep as JSON is allowed to be. */
static void compare(struct walker *w, const struct ac_json *a,
		    const struct ac_json *b)
{
	if (a != NULL && b != NULL) {
		if (ac_json_equal(a, b))
			return;
		if (ac_json_type(a) == AC_JSON_OBJECT &&
		    ac_json_type(b) == AC_JSON_OBJECT) {
			compare_objects(w, a, b);
			return;
		}
		if (ac_json_type(a) == AC_JSON_ARRAY &&
		    ac_json_type(b) == AC_JSON_ARRAY) {
			compare_arrays(w, a, b);
			return;
		}
	}
	/* A path that is too long is told as far as it goes. */
	if (w->path.p != NULL)
		w->path.p[w->path.len] = '\0';
	w->fn(w->ctx, ac_buf_str(&w->path), a, b);
}

void diff_manifests(const struct ac_json *a, const struct ac_json *b,
		    diff_field_fn fn, void *ctx)
{
	struct walker w = {.path = AC_BUF_INIT(1 << 20), .fn = fn, .ctx = ctx};

	compare(&w, a, b);
	ac_buf_release(&w.path);
}
