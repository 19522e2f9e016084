/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/image/check.h"
#include "common/image/field.h"
#include "common/image/name.h"
#include "common/image/pod.h"

static int check_host(const struct ac_volume *v, const struct ac_json *doc,
		      const char *path, struct ac_err *err)
{
	static const char *const refused[] = {"mode", "uid", "gid"};
	struct ac_json *value = NULL;

	if (v->source == NULL)
		return ac_err_at(err, "P4", path,
				 "source for host volume cannot be empty");
	for (size_t i = 0; i < AC_LEN(refused); i++) {
		int ret = ac_field_find(doc, path, refused[i], &value, err);

		if (ret < 0)
			return -1;
		if (ret > 0 && ac_json_type(value) != AC_JSON_NULL)
			return ac_err_at(err, "P4", path,
					 "%s for host volume cannot be set",
					 refused[i]);
	}
	if (v->source[0] != '/')
		return ac_err_at(
			err, "P4", path,
			"source for host volume must be absolute path, not "
			"'%s'",
			v->source);
	return 0;
}

/* Member KEY, an optional flag: 1, 0, or -1 when it is not there. */
static int flag(const struct ac_json *doc, const char *path, const char *key,
		int *out, struct ac_err *err)
{
	bool b = false;
	int ret = ac_field_bool(doc, path, key, &b, err);

	if (ret < 0)
		return -1;
	*out = ret > 0 ? b : -1;
	return 0;
}

static int load(struct ac_volume *v, const struct ac_json *doc,
		const char *path, struct ac_err *err)
{
	const char *kind = "";

	if (ac_check_name_field(doc, path, "name", true, &v->name, NULL, err) <
		    0 ||
	    ac_field_str(doc, path, "kind", &kind, err) < 0 ||
	    ac_field_str(doc, path, "source", &v->source, err) < 0 ||
	    flag(doc, path, "readOnly", &v->read_only, err) < 0 ||
	    flag(doc, path, "recursive", &v->recursive, err) < 0 ||
	    ac_field_str(doc, path, "mode", &v->mode, err) < 0 ||
	    ac_field_int(doc, path, "uid", &v->uid, err) < 0 ||
	    ac_field_int(doc, path, "gid", &v->gid, err) < 0)
		return -1;
	if (v->name == NULL)
		return ac_err_at(err, "P4", path, "name must be set");
	if (v->source != NULL && v->source[0] == '\0')
		v->source = NULL;
	v->host = strcmp(kind, "host") == 0;
	if (v->host)
		return check_host(v, doc, path, err);
	if (strcmp(kind, "empty") != 0)
		return ac_err_at(err, "P4", path,
				 "unrecognized volume kind: should be one of "
				 "\"empty\", \"host\"");
	if (v->source != NULL)
		return ac_err_at(err, "P4", path,
				 "source for empty volume must be empty");
	return 0;
}

int ac_volume_load(struct ac_volume *v, const struct ac_json *doc,
		   const char *path, struct ac_err *err)
{
	*v = (struct ac_volume){.read_only = -1, .recursive = -1};
	return load(v, doc, path, err);
}

/* Set the member that KEY=VALUE stands for. */
static int set_param(struct ac_json *o, struct ac_str key, struct ac_str value,
		     struct ac_err *err)
{
	AC_FREE char *k = ac_xstrndup(key.p, key.len);
	AC_FREE char *v = ac_xstrndup(value.p, value.len);
	int64_t number;
	bool b;

	if (ac_json_get(o, k) != NULL)
		return ac_err_set(
			err, AC_E_INVALID,
			"label %s with multiple values, one is \"%s\"", k, v);
	if (ac_str_eq(key, "kind") || ac_str_eq(key, "source") ||
	    ac_str_eq(key, "mode")) {
		ac_json_set_str(o, k, v);
	} else if (ac_str_eq(key, "readOnly") || ac_str_eq(key, "recursive")) {
		if (ac_num_bool(value, &b) < 0)
			return ac_err_set(err, AC_E_INVALID,
					  "%s='%s': expected true or false", k,
					  v);
		ac_json_set(o, k, ac_json_new_bool(b));
	} else if (ac_str_eq(key, "uid") || ac_str_eq(key, "gid")) {
		if (ac_num_i64(value, &number) < 0)
			return ac_err_set(err, AC_E_INVALID,
					  "%s='%s': expected a number", k, v);
		ac_json_set_int(o, k, number);
	} else {
		return ac_err_set(
			err, AC_E_INVALID,
			"unknown volume parameter \"%s\"; known are kind, "
			"source, readOnly, recursive, mode, uid and gid",
			k);
	}
	return 0;
}

struct ac_json *ac_volume_from_string(const char *text, struct ac_err *err)
{
	struct ac_json *o = ac_json_object();
	struct ac_str rest = ac_str(text);
	struct ac_str part;
	bool more = ac_str_cut(&rest, ',', &part);
	AC_FREE char *name = ac_xstrndup(part.p, part.len);
	struct ac_volume v;
	int ret = ac_name_check(name, AC_NAME_READ, err);

	ac_json_set_str(o, "name", name);
	while (ret == 0 && more) {
		struct ac_str key;

		more = ac_str_cut(&rest, ',', &part);
		(void)ac_str_cut(&part, '=', &key);
		ret = set_param(o, key, part, err);
	}
	if (ret == 0)
		ret = ac_volume_load(&v, o, name, err);
	if (ret == 0)
		return o;
	(void)ac_err_ctx(err, "volume '%s'", text);
	ac_json_free(o);
	return NULL;
}
