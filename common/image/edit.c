/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/edit.h"

#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/name.h"
#include "common/image/ref.h"

struct ac_json *ac_edit_member(const struct ac_json *o, const char *name)
{
	struct ac_json *v = ac_json_get_nocase(o, name);

	return v != NULL && ac_json_type(v) != AC_JSON_NULL ? v : NULL;
}

/* NAME as O spells it. */
static const char *spelling(const struct ac_json *o, const char *name)
{
	struct ac_json *value;
	const char *key;
	void *it = NULL;

	if (ac_json_get(o, name) != NULL)
		return name;
	while (ac_json_each(o, &it, &key, &value))
		if (ac_json_same_key(key, name))
			return key;
	return name;
}

void ac_edit_set(struct ac_json *o, const char *name, struct ac_json *value)
{
	/* A copy: the key may belong to what is replaced. */
	AC_FREE char *key = ac_xstrdup(spelling(o, name));

	ac_json_set(o, key, value);
}

void ac_edit_set_str(struct ac_json *o, const char *name, const char *value)
{
	AC_FREE char *key = ac_xstrdup(spelling(o, name));

	ac_json_set_str(o, key, value);
}

void ac_edit_del(struct ac_json *o, const char *name)
{
	AC_FREE char *key = ac_xstrdup(spelling(o, name));

	ac_json_del(o, key);
}

struct ac_json *ac_edit_list(struct ac_json *o, const char *name, bool create,
			     struct ac_err *err)
{
	struct ac_json *list = o != NULL ? ac_edit_member(o, name) : NULL;

	if (list == NULL && o != NULL && create) {
		list = ac_json_array();
		ac_edit_set(o, name, list);
	}
	if (list != NULL && ac_json_type(list) != AC_JSON_ARRAY) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "%s: expected an array, found %s", name,
				 ac_json_type_name(ac_json_type(list)));
		return NULL;
	}
	return list;
}

bool ac_edit_is(const struct ac_json *element, const char *key,
		const char *value)
{
	const struct ac_json *v =
		key != NULL ? ac_edit_member(element, key) : NULL;
	const char *text = ac_json_text(v, NULL);
	uint64_t number;

	if (text != NULL)
		return strcmp(text, value) == 0;
	return v != NULL && ac_json_type(v) == AC_JSON_INT &&
	       ac_num_u64(ac_str(value), &number) == 0 &&
	       ac_json_number(v) == (int64_t)number;
}

size_t ac_edit_drop(struct ac_json *list, const char *key, const char *value)
{
	size_t n = 0;

	for (size_t i = ac_json_len(list); i-- > 0;)
		if (ac_edit_is(ac_json_at(list, i), key, value)) {
			ac_json_remove(list, i);
			n++;
		}
	return n;
}

void ac_edit_put(struct ac_json *list, const char *key, const char *value,
		 struct ac_json *element)
{
	size_t at = 0;

	while (at < ac_json_len(list) &&
	       !ac_edit_is(ac_json_at(list, at), key, value))
		at++;
	if (at == ac_json_len(list)) {
		ac_json_push(list, element);
		return;
	}
	for (size_t i = ac_json_len(list); i-- > at + 1;)
		if (ac_edit_is(ac_json_at(list, i), key, value))
			ac_json_remove(list, i);
	ac_json_replace(list, at, element);
}

struct ac_json *ac_edit_pair(const char *name, const char *value)
{
	struct ac_json *pair = ac_json_object();

	ac_json_set_str(pair, "name", name);
	ac_json_set_str(pair, "value", value);
	return pair;
}

struct ac_json *ac_edit_mount(const char *name, const char *path,
			      bool read_only)
{
	struct ac_json *mount = ac_json_object();

	ac_json_set_str(mount, "name", name);
	ac_json_set_str(mount, "path", path);
	if (read_only)
		ac_json_set(mount, "readOnly", ac_json_new_bool(true));
	return mount;
}

struct ac_json *ac_edit_port(const char *name, const char *protocol,
			     uint64_t port, uint64_t count,
			     bool socket_activated)
{
	struct ac_json *o = ac_json_object();

	ac_json_set_str(o, "name", name);
	ac_json_set_str(o, "protocol", protocol);
	ac_json_set_int(o, "port", (int64_t)port);
	ac_json_set_int(o, "count", (int64_t)count);
	ac_json_set(o, "socketActivated", ac_json_new_bool(socket_activated));
	return o;
}

/* Add NAME=VALUE to the labels of a dependency. */
static int add_label(struct ac_json *labels, struct ac_str name,
		     const char *value, struct ac_err *err)
{
	AC_FREE char *key = ac_xstrndup(name.p, name.len);

	for (size_t i = 0; i < ac_json_len(labels); i++)
		if (ac_edit_is(ac_json_at(labels, i), "name", key))
			return ac_err_set(err, AC_E_INVALID,
					  "multiple %s labels specified", key);
	ac_json_push(labels, ac_edit_pair(key, value));
	return 0;
}

/* The labels of "name:version,label=value" and of TEXTS. */
static int dependency_labels(const struct ac_ref *ref,
			     const struct ac_strv *texts,
			     struct ac_json *labels, struct ac_err *err)
{
	for (size_t i = 0; i < ref->labels.n; i++)
		if (add_label(labels, ac_str(ref->labels.v[i].name),
			      ref->labels.v[i].value, err) < 0)
			return -1;
	for (size_t i = 0; texts != NULL && i < texts->n; i++) {
		struct ac_str value = ac_str(texts->v[i]);
		struct ac_str name;

		if (!ac_str_cut(&value, '=', &name))
			return ac_err_set(err, AC_E_USAGE,
					  "invalid argument \"%s\" for "
					  "--label: no '=' character in \"%s\"",
					  texts->v[i], texts->v[i]);
		if (add_label(labels, name, value.p, err) < 0)
			return -1;
	}
	return 0;
}

struct ac_json *ac_edit_dependency(const char *name,
				   const struct ac_strv *labels,
				   const char *image_id, uint64_t size,
				   struct ac_err *err)
{
	AC_JSON struct ac_json *list = ac_json_array();
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	struct ac_json *dep;

	/* A file of this name is none of our business. */
	if (strstr(name, "://") == NULL &&
	    ac_ref_parse_name(&ref, name, err) < 0)
		return NULL;
	if (ref.name == NULL) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "'%s' is not an image name; a dependency is "
				 "named as in 'example.com/base:1.0'",
				 name);
		return NULL;
	}
	if (ac_identifier_check(ref.name, AC_NAME_STRICT, err) < 0 ||
	    dependency_labels(&ref, labels, list, err) < 0)
		return NULL;
	dep = ac_json_object();
	ac_json_set_str(dep, "imageName", ref.name);
	if (image_id != NULL)
		ac_json_set_str(dep, "imageID", image_id);
	if (ac_json_len(list) != 0)
		ac_json_set(dep, "labels", ac_steal_ptr(&list));
	if (size != 0)
		ac_json_set_int(dep, "size", (int64_t)size);
	return dep;
}

/* What is to be said about DOC, whether or not it is valid. */
static void findings_of(const struct ac_json *doc, struct ac_findings *f)
{
	struct ac_err ignored = AC_ERR_INIT;
	struct ac_image m = AC_IMAGE_INIT;

	if (doc != NULL &&
	    ac_image_load(&m, ac_json_copy(doc), f, &ignored) == 0)
		ac_image_release(&m);
}

static bool found_in(const struct ac_findings *all, const struct ac_finding *f)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].rule, f->rule) == 0 &&
		    strcmp(all->v[i].text, f->text) == 0)
			return true;
	return false;
}

int ac_edit_check(const struct ac_json *doc, const struct ac_json *old,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_findings_release)
	struct ac_findings before = {.v = NULL}, after = {.v = NULL};
	struct ac_image m = AC_IMAGE_INIT;

	if (ac_image_load(&m, ac_json_copy(doc), &after, err) < 0)
		return -1;
	ac_image_release(&m);
	if (after.n != 0)
		findings_of(old, &before);
	for (size_t i = 0; i < after.n; i++)
		if (!found_in(&before, &after.v[i]))
			ac_warn("%s: %s", after.v[i].path, after.v[i].text);
	return 0;
}
