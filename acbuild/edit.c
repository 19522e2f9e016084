/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/edit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/dependency.h"
#include "acbuild/modify.h"
#include "acbuild/oci.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/image/name.h"

struct ac_json *edit_holder(struct ac_json *doc, const struct edit *e,
			    bool create)
{
	struct ac_json *app;

	if (e->place == IN_DOC)
		return doc;
	app = ac_edit_member(doc, "app");
	if (app == NULL && create) {
		app = ac_json_object();
		ac_json_set(app, "exec", ac_json_null());
		ac_json_set_str(app, "user", "0");
		ac_json_set_str(app, "group", "0");
		ac_edit_set(doc, "app", app);
	}
	return app;
}

struct ac_json *edit_list(struct ac_json *doc, const struct edit *e,
			  bool create, struct ac_err *err)
{
	return ac_edit_list(edit_holder(doc, e, create), e->member, create,
			    err);
}

void edit_put(struct ac_json *list, const struct edit *e, const char *value,
	      struct ac_json *element)
{
	if (e->to_end)
		(void)ac_edit_drop(list, e->key, value);
	ac_edit_put(list, e->key, value, element);
}

static int remove_element(struct ac_json *doc, const struct edit *e,
			  const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *list = edit_list(doc, e, false, err);
	size_t n = 0;

	if (list == NULL && err->code != AC_OK)
		return -1;
	if (list != NULL)
		n = ac_edit_drop(list, e->key, c->argv[0]);
	if (list != NULL && n == 0 && e->other != NULL)
		n = ac_edit_drop(list, e->other, c->argv[0]);
	if (n == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "element to be removed does not exist in "
				  "this ACI: '%s'",
				  c->argv[0]);
	if (ac_json_len(list) == 0)
		ac_edit_del(edit_holder(doc, e, false), e->member);
	return 0;
}

static int add_pair(struct ac_json *doc, const struct edit *e,
		    const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *list = edit_list(doc, e, true, err);

	if (list == NULL)
		return -1;
	edit_put(list, e, c->argv[0], ac_edit_pair(c->argv[0], c->argv[1]));
	return 0;
}

static int set_text(struct ac_json *doc, const struct edit *e,
		    const struct ac_call *c, struct ac_err *err)
{
	if (c->argv[0][0] == '\0')
		return ac_err_set(err, AC_E_INVALID, "%s cannot be empty",
				  e->member);
	ac_edit_set_str(edit_holder(doc, e, true), e->member, c->argv[0]);
	return 0;
}

static int set_name(struct ac_json *doc, const struct edit *e,
		    const struct ac_call *c, struct ac_err *err)
{
	if (set_text(doc, e, c, err) < 0)
		return -1;
	return ac_identifier_check(c->argv[0], AC_NAME_STRICT, err);
}

static int set_directory(struct ac_json *doc, const struct edit *e,
			 const struct ac_call *c, struct ac_err *err)
{
	if (c->argv[0][0] != '\0')
		return set_text(doc, e, c, err);
	ac_edit_del(edit_holder(doc, e, true), e->member);
	return 0;
}

static struct ac_json *words(const struct ac_call *c)
{
	struct ac_json *list = ac_json_array();

	for (int i = 0; i < c->argc; i++)
		ac_json_push_str(list, c->argv[i]);
	return list;
}

static int set_words(struct ac_json *doc, const struct edit *e,
		     const struct ac_call *c, struct ac_err *err)
{
	(void)err;
	ac_edit_set(edit_holder(doc, e, true), e->member, words(c));
	return 0;
}

static int set_groups(struct ac_json *doc, const struct edit *e,
		      const struct ac_call *c, struct ac_err *err)
{
	AC_JSON struct ac_json *list = ac_json_array();

	for (int i = 0; i < c->argc; i++) {
		uint64_t gid;

		if (ac_num_max(ac_str(c->argv[i]), UINT32_MAX - 1, &gid) < 0)
			return ac_err_set(err, AC_E_INVALID,
					  "error parsing group argument '%s': "
					  "not a group id",
					  c->argv[i]);
		ac_json_push(list, ac_json_int((int64_t)gid));
	}
	ac_edit_set(edit_holder(doc, e, true), e->member, ac_steal_ptr(&list));
	return 0;
}

static int set_handler(struct ac_json *doc, const struct edit *e,
		       const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *list = edit_list(doc, e, true, err);
	struct ac_json *handler;

	if (list == NULL)
		return -1;
	handler = ac_json_object();
	ac_json_set_str(handler, "name", c->cmd->name);
	ac_json_set(handler, "exec", words(c));
	edit_put(list, e, c->cmd->name, handler);
	return 0;
}

static int set_tag(struct ac_json *doc, const struct edit *e,
		   const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *list = edit_list(doc, e, true, err);

	if (list == NULL)
		return -1;
	edit_put(list, e, "version", ac_edit_pair("version", c->argv[0]));
	return 0;
}

static int add_mount(struct ac_json *doc, const struct edit *e,
		     const struct ac_call *c, struct ac_err *err)
{
	const struct mount_opts *o = c->opts;
	struct ac_json *list = edit_list(doc, e, true, err);

	if (list == NULL)
		return -1;
	(void)ac_edit_drop(list, "path", c->argv[1]);
	edit_put(list, e, c->argv[0],
		 ac_edit_mount(c->argv[0], c->argv[1], o->read_only));
	return 0;
}

static int add_port(struct ac_json *doc, const struct edit *e,
		    const struct ac_call *c, struct ac_err *err)
{
	const struct port_opts *o = c->opts;
	struct ac_json *list = edit_list(doc, e, true, err);
	uint64_t number;
	uint64_t count = 1;

	if (list == NULL)
		return -1;
	if (ac_num_max(ac_str(c->argv[2]), 65535, &number) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "port must be a positive number between 0 "
				  "and 65535");
	if (o->count != NULL &&
	    (ac_num_max(ac_str(o->count), 65535, &count) < 0 || count == 0))
		return ac_err_set(
			err, AC_E_USAGE,
			"invalid argument \"%s\" for --count: expected "
			"a number from 1 to 65535",
			o->count);
	edit_put(list, e, c->argv[0],
		 ac_edit_port(c->argv[0], c->argv[1], number, count,
			      o->socket_activated));
	return 0;
}

/* All that was in DOC goes, and what is in the file comes. */
static int replace(struct ac_json *doc, const struct edit *e,
		   const struct ac_call *c, struct ac_err *err)
{
	AC_JSON struct ac_json *file = read_manifest(AT_FDCWD, c->argv[0], err);
	struct ac_json *value;
	const char *key;
	void *it = NULL;

	(void)e;
	if (file == NULL || ac_edit_check(file, NULL, err) < 0)
		return -1;
	while (ac_json_each(doc, &it, &key, &value)) {
		ac_json_del(doc, key);
		it = NULL;
	}
	while (ac_json_each(file, &it, &key, &value))
		ac_json_set(doc, key, ac_json_copy(value));
	return 0;
}

/* clang-format off */
static const struct edit edits[] = {
	{"set-name", set_name, IN_DOC, "name", NULL, NULL, false},
	{"set-exec", set_words, IN_APP, "exec", NULL, NULL, false},
	{"set-user", set_text, IN_APP, "user", NULL, NULL, false},
	{"set-group", set_text, IN_APP, "group", NULL, NULL, false},
	{"set-working-directory", set_directory, IN_APP, "workingDirectory", NULL, NULL, false},
	{"set-supp-groups", set_groups, IN_APP, "supplementaryGIDs", NULL, NULL, false},
	{"set-event-handler pre-start", set_handler, IN_APP, "eventHandlers", "name", NULL, false},
	{"set-event-handler post-stop", set_handler, IN_APP, "eventHandlers", "name", NULL, false},
	{"set-tag", set_tag, IN_DOC, "labels", "name", NULL, true},
	{"label add", add_pair, IN_DOC, "labels", "name", NULL, true},
	{"label remove", remove_element, IN_DOC, "labels", "name", NULL, false},
	{"annotation add", add_pair, IN_DOC, "annotations", "name", NULL, false},
	{"annotation remove", remove_element, IN_DOC, "annotations", "name", NULL, false},
	{"environment add", add_pair, IN_APP, "environment", "name", NULL, false},
	{"environment remove", remove_element, IN_APP, "environment", "name", NULL, false},
	{"mount add", add_mount, IN_APP, "mountPoints", "name", "path", true},
	{"mount remove", remove_element, IN_APP, "mountPoints", "name", "path", false},
	{"port add", add_port, IN_APP, "ports", "name", "port", true},
	{"port remove", remove_element, IN_APP, "ports", "name", "port", false},
	{"dependency add", add_dependency, IN_DOC, "dependencies", "imageName", NULL, true},
	{"dependency remove", remove_element, IN_DOC, "dependencies", "imageName", NULL, false},
	{"isolator add", add_isolator, IN_APP, "isolators", "name", NULL, true},
	{"isolator remove", remove_element, IN_APP, "isolators", "name", NULL, false},
	{"path-whitelist add", add_paths, IN_DOC, "pathWhitelist", NULL, NULL, false},
	{"path-whitelist remove", remove_paths, IN_DOC, "pathWhitelist", NULL, NULL, false},
	{"path-whitelist clear", clear_paths, IN_DOC, "pathWhitelist", NULL, NULL, false},
	{"replace-manifest", replace, IN_DOC, NULL, NULL, NULL, false},
};
/* clang-format on */

/* JSON holds text: what is not UTF-8 cannot be put into a manifest. */
int edit_check_text(const struct ac_call *c, struct ac_err *err)
{
	for (int i = 0; i < c->argc; i++)
		if (!ac_str_utf8(c->argv[i]))
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' is not valid UTF-8",
					  c->argv[i]);
	return 0;
}

int edit_manifest(struct ac_json *doc, const struct ac_call *c,
		  struct ac_err *err)
{
	if (edit_check_text(c, err) < 0)
		return -1;
	for (size_t i = 0; i < AC_LEN(edits); i++)
		if (strcmp(edits[i].command, c->path) == 0)
			return edits[i].apply(doc, &edits[i], c, err);
	return ac_err_set(err, AC_E_UNSUPPORTED, "no such edit");
}

int edit_view(const struct ac_call *c, struct ac_image *m, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;

	if (g->modify != NULL)
		w.doc = modify_read(g->modify, err);
	else if (work_open(&w, g, err) < 0)
		return -1;
	if (w.doc == NULL || work_appc_only(&w, "dependencies", err) < 0)
		return -1;
	/* A script needs its own for the next line. */
	return ac_image_load(m, ac_json_copy(w.doc), NULL, err);
}

static int change_manifest(struct work *w, const struct ac_call *c,
			   struct ac_err *err)
{
	if (w->oci)
		return oci_edit(w, c, err);
	if (strncmp(c->path, "annotation ", 11) == 0 ||
	    strcmp(c->path, "replace-manifest") == 0)
		history_flush(w);
	return edit_manifest(w->doc, c, err);
}

int run_edit(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	int r = MODIFY_LAYOUT;

	if (g->modify_oci == NULL && g->modify == NULL)
		return change(c, change_manifest, err);
	if (g->modify_oci == NULL)
		r = modify_manifest(c, err);
	if (r != MODIFY_LAYOUT)
		return r;
	return oci_modify(c, g->modify_oci != NULL ? g->modify_oci : g->modify,
			  change_manifest, true, err);
}
