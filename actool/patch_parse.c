/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "actool/patch.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/check.h"
#include "common/image/edit.h"
#include "common/image/name.h"

/* One KEY=VALUE of an element. */
struct param {
	const char *key;
	char *value; /* owned; NULL: not said */
};

enum { MAX_PARAMS = 5 };

struct element {
	char *name;
	struct param params[MAX_PARAMS]; /* up to the first without a key */
};

static void release_element(struct element *e)
{
	free(e->name);
	for (size_t i = 0; i < AC_LEN(e->params); i++)
		free(e->params[i].value);
}

static int take_param(struct element *e, struct ac_str text, const char *kind,
		      struct ac_err *err)
{
	struct ac_str key;
	bool has_value = ac_str_cut(&text, '=', &key);

	for (struct param *p = e->params; p->key != NULL; p++) {
		if (!ac_str_eq(key, p->key))
			continue;
		if (p->value != NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "parameter \"%s\" with multiple "
					  "values",
					  p->key);
		if (!has_value)
			return ac_err_set(err, AC_E_INVALID,
					  "parameter \"%s\" without a value",
					  p->key);
		p->value = ac_xstrndup(text.p, text.len);
		return 0;
	}
	return ac_err_set(err, AC_E_INVALID, "unknown %s parameter \"%.*s\"",
			  kind, AC_STR_FMT(key));
}

/* "NAME,KEY=VALUE,..." */
static int parse_element(struct element *e, struct ac_str text,
			 const char *kind, struct ac_err *err)
{
	struct ac_str one;
	bool more = ac_str_cut(&text, ',', &one);

	if (ac_str_starts(one, "name="))
		one = ac_strn(one.p + 5, one.len - 5);
	e->name = ac_xstrndup(one.p, one.len);
	if (ac_name_check(e->name, AC_NAME_READ, err) < 0)
		return -1;
	while (more) {
		more = ac_str_cut(&text, ',', &one);
		if (take_param(e, one, kind, err) < 0)
			return -1;
	}
	return 0;
}

static int as_flag(const struct param *p, bool *out, struct ac_err *err)
{
	if (p->value == NULL || ac_num_bool(ac_str(p->value), out) == 0)
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "%s: parsing \"%s\": invalid syntax; it is true or "
			  "false",
			  p->key, p->value);
}

static int as_number(const struct param *p, uint64_t *out, struct ac_err *err)
{
	if (p->value == NULL || ac_num_max(ac_str(p->value), 65535, out) == 0)
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "parsing \"%s\": %s must be in 1-65535 range",
			  p->value, p->key);
}

static struct ac_json *mount_of(struct ac_str text, struct ac_err *err)
{
	AC_CLEANUP(release_element)
	struct element e = {.params = {{"path", NULL}, {"readOnly", NULL}}};
	const struct param *p = e.params;
	bool read_only = false;

	if (parse_element(&e, text, "mountpoint", err) < 0 ||
	    as_flag(&p[1], &read_only, err) < 0)
		return NULL;
	if (p[0].value == NULL || p[0].value[0] == '\0') {
		(void)ac_err_set(err, AC_E_INVALID, "path must be set");
		return NULL;
	}
	return ac_edit_mount(e.name, p[0].value, read_only);
}

struct ac_json *patch_mount(struct ac_str text, struct ac_err *err)
{
	struct ac_json *o = mount_of(text, err);

	if (o == NULL)
		(void)ac_err_ctx(err, "cannot parse mount point \"%.*s\"",
				 AC_STR_FMT(text));
	return o;
}

static struct ac_json *port_of(struct ac_str text, struct ac_err *err)
{
	AC_CLEANUP(release_element)
	struct element e = {.params = {{"protocol", NULL},
				       {"port", NULL},
				       {"count", NULL},
				       {"socketActivated", NULL}}};
	const struct param *p = e.params;
	uint64_t port = 0;
	uint64_t count = 1;
	bool activated = false;

	if (parse_element(&e, text, "port", err) < 0 ||
	    as_number(&p[1], &port, err) < 0 ||
	    as_number(&p[2], &count, err) < 0 ||
	    as_flag(&p[3], &activated, err) < 0)
		return NULL;
	if (port == 0 || count == 0) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "%s must be in 1-65535 range",
				 port == 0 ? "port" : "count");
		return NULL;
	}
	return ac_edit_port(e.name, p[0].value != NULL ? p[0].value : "", port,
			    count, activated);
}

struct ac_json *patch_port(struct ac_str text, struct ac_err *err)
{
	struct ac_json *o = port_of(text, err);
	struct ac_port checked;

	if (o != NULL && ac_check_port(o, "", &checked, NULL, err) < 0) {
		ac_json_free(o);
		o = NULL;
	}
	if (o == NULL)
		(void)ac_err_ctx(err, "cannot parse port \"%.*s\"",
				 AC_STR_FMT(text));
	return o;
}

const char *patch_split(const char *text, char **name, struct ac_err *err)
{
	const char *equal = strchr(text, '=');

	if (equal == NULL) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "no '=' in '%s'; it is NAME=VALUE", text);
		return NULL;
	}
	*name = ac_xstrndup(text, (size_t)(equal - text));
	return equal + 1;
}

struct ac_json *patch_words(const char *command)
{
	struct ac_json *list = ac_json_array();
	struct ac_str rest = ac_str(command);
	bool more = true;

	while (more) {
		AC_FREE char *word = NULL;
		struct ac_str one;

		more = ac_str_cut(&rest, ' ', &one);
		word = ac_xstrndup(one.p, one.len);
		ac_json_push_str(list, word);
	}
	return list;
}

struct ac_json *patch_groups(const char *text, struct ac_err *err)
{
	AC_JSON struct ac_json *list = ac_json_array();
	struct ac_str rest = ac_str(text);
	bool more = true;

	while (more) {
		struct ac_str one;
		uint64_t gid;

		more = ac_str_cut(&rest, ',', &one);
		if (ac_num_max(one, UINT32_MAX - 1, &gid) < 0) {
			(void)ac_err_set(err, AC_E_INVALID,
					 "invalid supplementary group "
					 "\"%.*s\": not a group id",
					 AC_STR_FMT(one));
			return NULL;
		}
		ac_json_push(list, ac_json_int((int64_t)gid));
	}
	return ac_steal_ptr(&list);
}

struct ac_json *patch_handler(const char *text, struct ac_err *err)
{
	AC_FREE char *name = NULL;
	const char *command = patch_split(text, &name, err);
	struct ac_json *exec;
	struct ac_json *handler;

	if (command == NULL)
		return NULL;
	if (*command == '\0') {
		(void)ac_err_set(err, AC_E_INVALID, "'%s' has no command",
				 text);
		return NULL;
	}
	exec = command[0] == '[' && command[1] == '"'
		       ? ac_json_parse(command, strlen(command), name, err)
		       : patch_words(command);
	if (exec == NULL)
		return NULL;
	handler = ac_json_object();
	ac_json_set_str(handler, "name", name);
	ac_json_set(handler, "exec", exec);
	return handler;
}

struct ac_json *patch_dependency(const char *text, struct ac_err *err)
{
	struct ac_str rest = ac_str(text);
	AC_FREE char *id = NULL;
	AC_FREE char *name = ac_xstrdup("");
	uint64_t size = 0;
	bool more = true;

	while (more) {
		AC_FREE char *before = NULL;
		struct ac_str one;

		more = ac_str_cut(&rest, ',', &one);
		if (ac_str_starts(one, "imageID=")) {
			free(id);
			id = ac_xstrndup(one.p + 8, one.len - 8);
		} else if (!ac_str_starts(one, "size=")) {
			before = name;
			name = ac_xasprintf("%s%s%.*s", before,
					    *before != '\0' ? "," : "",
					    AC_STR_FMT(one));
		} else if (ac_num_max(ac_strn(one.p + 5, one.len - 5),
				      INT64_MAX, &size) < 0) {
			(void)ac_err_set(err, AC_E_INVALID,
					 "'%.*s' is not a number of bytes",
					 AC_STR_FMT(one));
			return NULL;
		}
	}
	return ac_edit_dependency(name, NULL, id, size, err);
}
