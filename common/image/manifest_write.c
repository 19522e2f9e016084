/* SPDX-License-Identifier: Apache-2.0 */

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"

/* The original kept manifests in Go structures and wrote these, so its bytes
 * follow from their declarations: the order, what is left out when empty, and
 * what is written all the same. */

struct shape;

enum member_kind {
	OPTIONAL, /* left out when empty */
	TEXT,     /* "" when missing */
	NUMBER,   /* 0 when missing */
	COUNT,    /* 1 when missing */
	FLAG,     /* false when missing */
	NULLABLE, /* null when missing */
	MAP,      /* an object, its keys sorted; left out when empty */
};

struct member {
	const char *key;
	enum member_kind kind;
	const struct shape *inner; /* of it or of its elements, or NULL */
};

struct shape {
	const struct member *members;
};

#define SHAPE(name, ...)                                                    \
	static const struct member name##_members[] = {__VA_ARGS__,         \
						       {NULL, TEXT, NULL}}; \
	static const struct shape name = {name##_members}

/* Names that are missing stay so: an empty one would be no name at all. */
SHAPE(pair, {"name", OPTIONAL, NULL}, {"value", TEXT, NULL});
SHAPE(handler, {"name", TEXT, NULL}, {"exec", NULLABLE, NULL});
SHAPE(mount, {"name", OPTIONAL, NULL}, {"path", TEXT, NULL},
      {"readOnly", OPTIONAL, NULL});
SHAPE(port, {"name", OPTIONAL, NULL}, {"protocol", TEXT, NULL},
      {"port", NUMBER, NULL}, {"count", COUNT, NULL},
      {"socketActivated", FLAG, NULL});
SHAPE(isolator, {"name", TEXT, NULL}, {"value", NULLABLE, NULL});
SHAPE(dependency, {"imageName", TEXT, NULL}, {"imageID", OPTIONAL, NULL},
      {"labels", OPTIONAL, &pair}, {"size", OPTIONAL, NULL});
SHAPE(app, {"exec", NULLABLE, NULL}, {"eventHandlers", OPTIONAL, &handler},
      {"user", TEXT, NULL}, {"group", TEXT, NULL},
      {"supplementaryGIDs", OPTIONAL, NULL},
      {"workingDirectory", OPTIONAL, NULL}, {"environment", OPTIONAL, &pair},
      {"mountPoints", OPTIONAL, &mount}, {"ports", OPTIONAL, &port},
      {"isolators", OPTIONAL, &isolator}, {"userAnnotations", MAP, NULL},
      {"userLabels", MAP, NULL});
SHAPE(image, {"acKind", TEXT, NULL}, {"acVersion", TEXT, NULL},
      {"name", TEXT, NULL}, {"labels", OPTIONAL, &pair},
      {"app", OPTIONAL, &app}, {"annotations", OPTIONAL, &pair},
      {"dependencies", OPTIONAL, &dependency},
      {"pathWhitelist", OPTIONAL, NULL});

static bool is_empty(const struct ac_json *v)
{
	switch (ac_json_type(v)) {
	case AC_JSON_NULL:
		return true;
	case AC_JSON_BOOL:
		return !ac_json_bool(v);
	case AC_JSON_INT:
		return ac_json_number(v) == 0;
	case AC_JSON_STRING: {
		size_t len;

		(void)ac_json_text(v, &len);
		return len == 0;
	}
	case AC_JSON_ARRAY:
		return ac_json_len(v) == 0;
	default:
		/* An app without anything is still an app. */
		return false;
	}
}

static struct ac_json *missing(enum member_kind kind)
{
	switch (kind) {
	case TEXT:
		return ac_json_str("");
	case NUMBER:
		return ac_json_int(0);
	case COUNT:
		return ac_json_int(1);
	case FLAG:
		return ac_json_new_bool(false);
	default:
		return ac_json_null();
	}
}

static struct ac_json *shaped(const struct ac_json *v, const struct shape *s);

/* A list with each element shaped, or one object. */
static struct ac_json *inner(const struct ac_json *v, const struct shape *s)
{
	struct ac_json *list;

	if (s == NULL || ac_json_type(v) != AC_JSON_ARRAY)
		return shaped(v, s);
	list = ac_json_array();
	for (size_t i = 0; i < ac_json_len(v); i++)
		ac_json_push(list, shaped(ac_json_at(v, i), s));
	return list;
}

static struct ac_json *sorted(const struct ac_json *map)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv keys = AC_STRV_INIT;
	struct ac_json *out = ac_json_object();
	struct ac_json *value;
	const char *key;
	void *it = NULL;

	while (ac_json_each(map, &it, &key, &value))
		ac_strv_push(&keys, key);
	ac_strv_sort(&keys);
	for (size_t i = 0; i < keys.n; i++)
		ac_json_set(out, keys.v[i],
			    ac_json_copy(ac_json_get(map, keys.v[i])));
	return out;
}

static bool is_member(const struct shape *s, const char *key)
{
	for (const struct member *m = s->members; m->key != NULL; m++)
		if (ac_json_same_key(m->key, key))
			return true;
	return false;
}

/* A copy of V: the members of S in order, then the others as they come. */
static struct ac_json *shaped(const struct ac_json *v, const struct shape *s)
{
	struct ac_json *out;
	struct ac_json *value;
	const char *key;
	void *it = NULL;

	if (s == NULL || ac_json_type(v) != AC_JSON_OBJECT)
		return ac_json_copy(v);
	out = ac_json_object();
	for (const struct member *m = s->members; m->key != NULL; m++) {
		bool map = m->kind == MAP;

		value = ac_json_get_nocase(v, m->key);
		if (map && ac_json_type(value) == AC_JSON_OBJECT) {
			if (ac_json_len(value) != 0)
				ac_json_set(out, m->key, sorted(value));
			continue;
		}
		if ((map || m->kind == OPTIONAL) && is_empty(value))
			continue;
		if (ac_json_type(value) == AC_JSON_NULL)
			ac_json_set(out, m->key, missing(m->kind));
		else
			ac_json_set(out, m->key, inner(value, m->inner));
	}
	while (ac_json_each(v, &it, &key, &value))
		if (!is_member(s, key))
			ac_json_set(out, key, ac_json_copy(value));
	return out;
}

void ac_image_write(const struct ac_json *doc, struct ac_buf *out)
{
	struct ac_json *j = shaped(doc, &image);

	ac_json_write(j, 0, true, out);
	ac_json_free(j);
}
