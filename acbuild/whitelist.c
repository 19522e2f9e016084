/* SPDX-License-Identifier: Apache-2.0 */
/* path-whitelist: the only paths that are left of the image and of all that is
 * below it. */
#include <stdio.h>

#include "acbuild/edit.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/codec/json.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/sys/path.h"

/* PATH as the specification wants it: absolute.  Caller frees. */
static char *absolute(const char *path, struct ac_err *err)
{
	AC_FREE char *clean = ac_path_clean(path);

	if (path[0] == '\0' || clean == NULL) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "'%s' is no path in the image: it is empty, "
				 "leads out of it, or is too long",
				 path);
		return NULL;
	}
	return ac_xasprintf("/%s", clean);
}

/* The element I of LIST, as the set below has it; NULL when it is no path. */
static char *element(const struct ac_json *list, size_t i)
{
	const char *have = ac_json_text(ac_json_at(list, i), NULL);
	struct ac_err ignored = AC_ERR_INIT;

	return have != NULL ? absolute(have, &ignored) : NULL;
}

int add_paths(struct ac_json *doc, const struct edit *e,
	      const struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(ac_set_release) struct ac_set have = AC_SET_INIT;
	struct ac_json *list = edit_list(doc, e, true, err);

	if (list == NULL)
		return -1;
	for (size_t i = 0; i < ac_json_len(list); i++) {
		AC_FREE char *path = element(list, i);

		if (path != NULL)
			(void)ac_set_add(&have, path);
	}
	for (int i = 0; i < c->argc; i++) {
		AC_FREE char *path = absolute(c->argv[i], err);

		if (path == NULL)
			return -1;
		if (ac_set_add(&have, path))
			ac_json_push_str(list, path);
	}
	return 0;
}

/* What is left of LIST without GONE, from which each path is taken that was
 * found. */
static struct ac_json *without(const struct ac_json *list,
			       const struct ac_set *gone, struct ac_set *found)
{
	struct ac_json *left = ac_json_array();

	for (size_t i = 0; i < ac_json_len(list); i++) {
		AC_FREE char *path = element(list, i);

		if (path != NULL && ac_set_has(gone, path))
			(void)ac_set_add(found, path);
		else
			ac_json_push(left, ac_json_copy(ac_json_at(list, i)));
	}
	return left;
}

int remove_paths(struct ac_json *doc, const struct edit *e,
		 const struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(ac_set_release) struct ac_set gone = AC_SET_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set found = AC_SET_INIT;
	struct ac_json *list = edit_list(doc, e, false, err);
	AC_JSON struct ac_json *left = NULL;

	if (list == NULL && err->code != AC_OK)
		return -1;
	for (int i = 0; i < c->argc; i++) {
		AC_FREE char *path = absolute(c->argv[i], err);

		if (path == NULL)
			return -1;
		(void)ac_set_add(&gone, path);
	}
	left = list != NULL ? without(list, &gone, &found) : NULL;
	for (int i = 0; i < c->argc; i++) {
		AC_FREE char *path = absolute(c->argv[i], err);

		if (path == NULL || !ac_set_has(&found, path))
			return ac_err_set(err, AC_E_NOT_FOUND,
					  "element to be removed does not "
					  "exist in this ACI: '%s'",
					  c->argv[i]);
	}
	if (ac_json_len(left) == 0)
		ac_edit_del(doc, e->member);
	else
		ac_edit_set(doc, e->member, ac_steal_ptr(&left));
	return 0;
}

int clear_paths(struct ac_json *doc, const struct edit *e,
		AC_UNUSED const struct ac_call *c, AC_UNUSED struct ac_err *err)
{
	ac_edit_del(doc, e->member);
	return 0;
}

static int run_list(struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;

	if (edit_view(c, &m, err) < 0)
		return -1;
	for (size_t i = 0; i < m.whitelist.n; i++) {
		AC_FREE char *shown = ac_str_show(m.whitelist.v[i]);

		printf("%s\n", shown);
	}
	return 0;
}

/* clang-format off */
const struct ac_cmd whitelist_cmds[] = {
	EDIT("add", "PATH...", 1, -1, "add paths that stay"),
	{.name = "remove", .alias = "rm", .args = "PATH...", .min = 1,
	 .max = -1, .help = "remove paths from the list", .run = run_edit},
	{.name = "list", .help = "print the paths that stay", .run = run_list},
	EDIT("clear", NULL, 0, 0, "remove the list: all paths stay"),
	AC_CMD_END,
};
/* clang-format on */
