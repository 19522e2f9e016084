/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "actool/patch.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/image/name.h"

#define CAPS_REMOVE    "os/linux/capabilities-remove-set"
#define CAPS_RETAIN    "os/linux/capabilities-retain-set"
#define SECCOMP_REMOVE "os/linux/seccomp-remove-set"
#define SECCOMP_RETAIN "os/linux/seccomp-retain-set"

/* One option: what each of its values does to which member of what (the
 * document, or the app in it). */
struct edit {
	const char *flag;
	size_t offset; /* in struct patch_edits */
	int (*apply)(struct ac_json *o, const struct edit *e, const char *value,
		     struct ac_err *err);
	bool in_app;
	bool skip_empty; /* as the original did: "" is not said at all */
	const char *member;
	const char *key; /* of the elements of a list */
};

static const struct ac_strv *values(const struct patch_edits *o,
				    const struct edit *e)
{
	return (const void *)((const char *)o + e->offset);
}

/* Would VALUE (taken over) be valid for the member of E, in a manifest with
 * nothing else?  So that what is wrong can be said of the option. */
static int check_member(const struct edit *e, struct ac_json *value,
			struct ac_err *err)
{
	struct ac_json *doc = ac_image_new("x");
	struct ac_json *app = ac_json_object();
	struct ac_image m;

	ac_json_del(doc, "labels");
	ac_json_set_str(app, "user", "0");
	ac_json_set_str(app, "group", "0");
	ac_json_set(doc, "app", app);
	ac_json_set(e->in_app ? app : doc, e->member, value);
	if (ac_image_load(&m, doc, NULL, err) < 0)
		return -1;
	ac_image_release(&m);
	return 0;
}

/* Put ELEMENT (taken over) into the list, by its key. */
static int put(struct ac_json *o, const struct edit *e, struct ac_json *element,
	       struct ac_err *err)
{
	AC_JSON struct ac_json *mine = element;
	struct ac_json *alone = ac_json_array();
	struct ac_json *list;
	AC_FREE char *name = NULL;

	ac_json_push(alone, ac_json_copy(element));
	if (check_member(e, alone, err) < 0)
		return -1;
	list = ac_edit_list(o, e->member, true, err);
	if (list == NULL)
		return -1;
	name = ac_xstrdup(ac_json_text(ac_json_get(element, e->key), NULL));
	ac_edit_put(list, e->key, name, ac_steal_ptr(&mine));
	return 0;
}

static int not_there(const char *value, struct ac_err *err)
{
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "element to be removed does not exist in this ACI: "
			  "'%s'",
			  value);
}

static int remove_element(struct ac_json *o, const struct edit *e,
			  const char *value, struct ac_err *err)
{
	struct ac_json *list = ac_edit_list(o, e->member, false, err);

	if (list == NULL && err->code != AC_OK)
		return -1;
	if (list == NULL || ac_edit_drop(list, e->key, value) == 0)
		return not_there(value, err);
	if (ac_json_len(list) == 0)
		ac_edit_del(o, e->member);
	return 0;
}

static int put_pair(struct ac_json *o, const struct edit *e, const char *value,
		    struct ac_err *err)
{
	AC_FREE char *name = NULL;
	const char *v = patch_split(value, &name, err);

	return v != NULL ? put(o, e, ac_edit_pair(name, v), err) : -1;
}

static int set_name(struct ac_json *o, const struct edit *e, const char *value,
		    struct ac_err *err)
{
	if (ac_identifier_check(value, AC_NAME_STRICT, err) < 0)
		return -1;
	ac_edit_set_str(o, e->member, value);
	return 0;
}

static int set_text(struct ac_json *o, const struct edit *e, const char *value,
		    struct ac_err *err)
{
	if (check_member(e, ac_json_str(value), err) < 0)
		return -1;
	ac_edit_set_str(o, e->member, value);
	return 0;
}

static int set_directory(struct ac_json *o, const struct edit *e,
			 const char *value, struct ac_err *err)
{
	if (*value != '\0')
		return set_text(o, e, value, err);
	ac_edit_del(o, e->member);
	return 0;
}

static int set_groups(struct ac_json *o, const struct edit *e,
		      const char *value, struct ac_err *err)
{
	struct ac_json *list = patch_groups(value, err);

	if (list == NULL)
		return -1;
	ac_edit_set(o, e->member, list);
	return 0;
}

static int put_handler(struct ac_json *o, const struct edit *e,
		       const char *value, struct ac_err *err)
{
	struct ac_json *handler = patch_handler(value, err);

	return handler != NULL ? put(o, e, handler, err) : -1;
}

static int put_dependency(struct ac_json *o, const struct edit *e,
			  const char *value, struct ac_err *err)
{
	struct ac_json *dep = patch_dependency(value, err);

	return dep != NULL ? put(o, e, dep, err) : -1;
}

static int set_exec(struct ac_json *o, const struct edit *e, const char *value,
		    struct ac_err *err)
{
	(void)err;
	ac_edit_set(o, e->member, patch_words(value));
	return 0;
}

/* Where the path VALUE is in the list of strings, or its length. */
static size_t find_path(const struct ac_json *list, const char *value)
{
	size_t n = list != NULL ? ac_json_len(list) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *s = ac_json_text(ac_json_at(list, i), NULL);

		if (s != NULL && strcmp(s, value) == 0)
			return i;
	}
	return n;
}

static int add_path(struct ac_json *o, const struct edit *e, const char *value,
		    struct ac_err *err)
{
	struct ac_json *list = ac_edit_list(o, e->member, true, err);

	if (list == NULL)
		return -1;
	if (value[0] != '/')
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not an absolute path", value);
	if (find_path(list, value) == ac_json_len(list))
		ac_json_push_str(list, value);
	return 0;
}

static int remove_path(struct ac_json *o, const struct edit *e,
		       const char *value, struct ac_err *err)
{
	struct ac_json *list = ac_edit_list(o, e->member, false, err);
	size_t at = find_path(list, value);

	if (list == NULL && err->code != AC_OK)
		return -1;
	if (list == NULL || at == ac_json_len(list))
		return not_there(value, err);
	ac_json_remove(list, at);
	if (ac_json_len(list) == 0)
		ac_edit_del(o, e->member);
	return 0;
}

/* The member of E, which is an object of strings; NULL (and err->code AC_OK
 * when there is none). */
static struct ac_json *map_of(struct ac_json *o, const struct edit *e,
			      struct ac_err *err)
{
	struct ac_json *map = ac_edit_member(o, e->member);

	if (map != NULL && ac_json_type(map) != AC_JSON_OBJECT) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "%s: expected an object, found %s", e->member,
				 ac_json_type_name(ac_json_type(map)));
		return NULL;
	}
	return map;
}

static int set_in_map(struct ac_json *o, const struct edit *e,
		      const char *value, struct ac_err *err)
{
	AC_FREE char *name = NULL;
	const char *v = patch_split(value, &name, err);
	struct ac_json *map = map_of(o, e, err);

	if (v == NULL || (map == NULL && err->code != AC_OK))
		return -1;
	if (map == NULL) {
		map = ac_json_object();
		ac_edit_set(o, e->member, map);
	}
	ac_json_set_str(map, name, v);
	return 0;
}

static int remove_from_map(struct ac_json *o, const struct edit *e,
			   const char *value, struct ac_err *err)
{
	struct ac_json *map = map_of(o, e, err);

	if (map == NULL && err->code != AC_OK)
		return -1;
	if (map == NULL || ac_json_get(map, value) == NULL)
		return not_there(value, err);
	ac_json_del(map, value);
	if (ac_json_len(map) == 0)
		ac_edit_del(o, e->member);
	return 0;
}

static int put_list(struct ac_json *o, const struct edit *e, const char *value,
		    struct ac_json *(*parse)(struct ac_str, struct ac_err *err),
		    struct ac_err *err)
{
	struct ac_str rest = ac_str(value);
	bool more = true;

	while (more) {
		struct ac_json *element;
		struct ac_str one;

		more = ac_str_cut(&rest, ':', &one);
		element = parse(one, err);
		if (element == NULL || put(o, e, element, err) < 0)
			return -1;
	}
	return 0;
}

static int put_mounts(struct ac_json *o, const struct edit *e,
		      const char *value, struct ac_err *err)
{
	return put_list(o, e, value, patch_mount, err);
}

static int put_ports(struct ac_json *o, const struct edit *e, const char *value,
		     struct ac_err *err)
{
	return put_list(o, e, value, patch_port, err);
}

static int put_isolators(struct ac_json *o, const struct edit *e,
			 const char *value, struct ac_err *err)
{
	struct ac_str rest = ac_str(value);

	do {
		struct ac_json *isolator = patch_isolator(&rest, err);

		if (isolator == NULL || put(o, e, isolator, err) < 0)
			return -1;
	} while (rest.len != 0);
	return 0;
}

/* The isolator, instead of itself and of NOT. */
static int put_instead(struct ac_json *o, const struct edit *e,
		       struct ac_json *isolator, const char * not,
		       struct ac_err *err)
{
	struct ac_json *list = ac_edit_list(o, e->member, true, err);

	if (list == NULL) {
		ac_json_free(isolator);
		return -1;
	}
	(void)ac_edit_drop(list, "name", not );
	return put(o, e, isolator, err);
}

static int retain_capabilities(struct ac_json *o, const struct edit *e,
			       const char *value, struct ac_err *err)
{
	struct ac_json *isolator = patch_set(CAPS_RETAIN, value, err);

	return isolator != NULL ? put_instead(o, e, isolator, CAPS_REMOVE, err)
				: -1;
}

static int remove_capabilities(struct ac_json *o, const struct edit *e,
			       const char *value, struct ac_err *err)
{
	struct ac_json *isolator = patch_set(CAPS_REMOVE, value, err);

	return isolator != NULL ? put_instead(o, e, isolator, CAPS_RETAIN, err)
				: -1;
}

/* clang-format off */
#define OFF(m) offsetof(struct patch_edits, m)
static const struct edit edits[] = {
	{"remove-label", OFF(no_labels), remove_element, false, false, "labels", "name"},
	{"remove-annotation", OFF(no_annotations), remove_element, false, false, "annotations", "name"},
	{"remove-dependency", OFF(no_dependencies), remove_element, false, false, "dependencies", "imageName"},
	{"remove-path-whitelist", OFF(no_whitelist), remove_path, false, false, "pathWhitelist", NULL},
	{"name", OFF(name), set_name, false, true, "name", NULL},
	{"label", OFF(labels), put_pair, false, false, "labels", "name"},
	{"annotation", OFF(annotations), put_pair, false, false, "annotations", "name"},
	{"dependency", OFF(dependencies), put_dependency, false, false, "dependencies", "imageName"},
	{"path-whitelist", OFF(whitelist), add_path, false, false, "pathWhitelist", NULL},
};
static const struct edit app_edits[] = {
	{"remove-environment", OFF(no_environment), remove_element, true, false, "environment", "name"},
	{"remove-event-handler", OFF(no_handlers), remove_element, true, false, "eventHandlers", "name"},
	{"remove-mount", OFF(no_mounts), remove_element, true, false, "mountPoints", "name"},
	{"remove-port", OFF(no_ports), remove_element, true, false, "ports", "name"},
	{"remove-isolator", OFF(no_isolators), remove_element, true, false, "isolators", "name"},
	{"remove-user-annotation", OFF(no_user_annotations), remove_from_map, true, false, "userAnnotations", NULL},
	{"remove-user-label", OFF(no_user_labels), remove_from_map, true, false, "userLabels", NULL},
	{"exec", OFF(exec), set_exec, true, true, "exec", NULL},
	{"user", OFF(user), set_text, true, true, "user", NULL},
	{"group", OFF(group), set_text, true, true, "group", NULL},
	{"supplementary-groups", OFF(groups), set_groups, true, true, "supplementaryGIDs", NULL},
	{"working-directory", OFF(directory), set_directory, true, false, "workingDirectory", NULL},
	{"environment", OFF(environment), put_pair, true, false, "environment", "name"},
	{"event-handler", OFF(handlers), put_handler, true, false, "eventHandlers", "name"},
	{"mounts", OFF(mounts), put_mounts, true, true, "mountPoints", "name"},
	{"ports", OFF(ports), put_ports, true, true, "ports", "name"},
	{"isolators", OFF(isolators), put_isolators, true, true, "isolators", "name"},
	{"capability", OFF(capability), retain_capabilities, true, true, "isolators", "name"},
	{"revoke-capability", OFF(revoke), remove_capabilities, true, true, "isolators", "name"},
	{"user-annotation", OFF(user_annotations), set_in_map, true, false, "userAnnotations", NULL},
	{"user-label", OFF(user_labels), set_in_map, true, false, "userLabels", NULL},
};
#undef OFF
/* clang-format on */

static const struct edit seccomp = {.flag = "seccomp-mode",
				    .in_app = true,
				    .member = "isolators",
				    .key = "name"};

/* The last value that is not empty, or NULL. */
static const char *last(const struct ac_strv *v)
{
	for (size_t i = v->n; i-- > 0;)
		if (v->v[i][0] != '\0')
			return v->v[i];
	return NULL;
}

static int check_text(const struct ac_strv *v, struct ac_err *err)
{
	for (size_t i = 0; i < v->n; i++)
		if (!ac_str_utf8(v->v[i]))
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' is not valid UTF-8", v->v[i]);
	return 0;
}

static int apply(struct ac_json *o, const struct edit *e,
		 const struct patch_edits *opts, struct ac_err *err)
{
	const struct ac_strv *v = values(opts, e);
	int r = check_text(v, err);

	for (size_t i = 0; r == 0 && i < v->n; i++)
		if (!e->skip_empty || v->v[i][0] != '\0')
			r = e->apply(o, e, v->v[i], err);
	return r < 0 ? ac_err_ctx(err, "--%s", e->flag) : 0;
}

static int apply_seccomp(struct ac_json *app, const struct patch_edits *o,
			 struct ac_err *err)
{
	const char *mode = last(&o->seccomp_mode);
	const char *set = last(&o->seccomp_set);
	struct ac_json *isolator;

	if (mode == NULL && set == NULL)
		return 0;
	if (mode == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "--seccomp-set specified without "
				  "--seccomp-mode");
	if (check_text(&o->seccomp_mode, err) < 0 ||
	    check_text(&o->seccomp_set, err) < 0)
		return -1;
	isolator = patch_seccomp(mode, set, err);
	if (isolator == NULL)
		return ac_err_ctx(err, "--seccomp-mode: cannot parse seccomp "
				       "isolator");
	return put_instead(app, &seccomp, isolator,
			   strncmp(mode, "remove", 6) == 0 ? SECCOMP_RETAIN
							   : SECCOMP_REMOVE,
			   err);
}

/* --exec-arg: the command, word by word. */
static int apply_exec_args(struct ac_json *app, const struct patch_edits *o,
			   struct ac_err *err)
{
	struct ac_json *list;

	if (o->exec_arg.n == 0)
		return 0;
	if (check_text(&o->exec_arg, err) < 0)
		return ac_err_ctx(err, "--exec-arg");
	list = ac_json_array();
	for (size_t i = 0; i < o->exec_arg.n; i++)
		ac_json_push_str(list, o->exec_arg.v[i]);
	ac_edit_set(app, "exec", list);
	return 0;
}

/* Is anything said about the app? */
static bool any_app_edit(const struct patch_edits *o)
{
	for (size_t i = 0; i < AC_LEN(app_edits); i++) {
		const struct ac_strv *v = values(o, &app_edits[i]);

		if (app_edits[i].skip_empty ? last(v) != NULL : v->n != 0)
			return true;
	}
	return o->exec_arg.n != 0 || last(&o->seccomp_mode) != NULL ||
	       last(&o->seccomp_set) != NULL;
}

bool patch_edits_any(const struct patch_edits *o)
{
	for (size_t i = 0; i < AC_LEN(edits); i++) {
		const struct ac_strv *v = values(o, &edits[i]);

		if (edits[i].skip_empty ? last(v) != NULL : v->n != 0)
			return true;
	}
	return any_app_edit(o);
}

/* The app, made when there is none. */
static struct ac_json *have_app(struct ac_json *doc,
				const struct patch_edits *o, struct ac_err *err)
{
	struct ac_json *app = ac_edit_member(doc, "app");

	if (app != NULL && ac_json_type(app) == AC_JSON_OBJECT)
		return app;
	if (app != NULL)
		(void)ac_err_set(err, AC_E_INVALID,
				 "app: expected an object, found %s",
				 ac_json_type_name(ac_json_type(app)));
	else if (last(&o->exec) == NULL && o->exec_arg.n == 0)
		(void)ac_err_set(err, AC_E_INVALID,
				 "no app in the supplied manifest and no exec "
				 "command provided");
	else if (last(&o->user) == NULL || last(&o->group) == NULL)
		(void)ac_err_set(err, AC_E_INVALID,
				 "%s is required; a new app needs --user and "
				 "--group",
				 last(&o->user) == NULL ? "user" : "group");
	if (err->code != AC_OK)
		return NULL;
	app = ac_json_object();
	ac_edit_set(doc, "app", app);
	return app;
}

static int patch_app(struct ac_json *doc, const struct patch_edits *o,
		     struct ac_err *err)
{
	struct ac_json *app;

	if (!any_app_edit(o))
		return 0;
	if (last(&o->exec) != NULL && o->exec_arg.n != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "--exec and --exec-arg exclude each other");
	if (last(&o->capability) != NULL && last(&o->revoke) != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "conflicting capabilities isolators "
				  "provided");
	app = have_app(doc, o, err);
	if (app == NULL || apply_exec_args(app, o, err) < 0)
		return -1;
	for (size_t i = 0; i < AC_LEN(app_edits); i++)
		if (apply(app, &app_edits[i], o, err) < 0)
			return -1;
	return apply_seccomp(app, o, err);
}

int patch_edit(struct ac_json *doc, const struct patch_edits *o,
	       struct ac_err *err)
{
	for (size_t i = 0; i < AC_LEN(edits); i++)
		if (apply(doc, &edits[i], o, err) < 0)
			return -1;
	return patch_app(doc, o, err);
}
