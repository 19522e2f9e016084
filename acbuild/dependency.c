/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/dependency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acbuild/cmd.h"
#include "acbuild/deps.h"
#include "acbuild/edit.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/table.h"
#include "common/codec/json.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/store/obtain.h"

static const struct ac_opt dependency_options[] = {
	AC_OPT_STRING(struct dependency_opts, file, "file", "FILE",
		      "it is the image in FILE, which the store gets a copy "
		      "of"),
	AC_OPT_STRING(struct dependency_opts, image_id, "image-id", "ID",
		      "the dependency must have this id"),
	AC_OPT_LIST(struct dependency_opts, labels, "label", "NAME=VALUE",
		    "and this label (repeat)"),
	AC_OPT_SIZE(struct dependency_opts, size, "size", "BYTES",
		    "and this size"),
	AC_OPT_END,
};

static const struct ac_opt fetch_options[] = {
	AC_OPT_BOOL(struct dependency_fetch_opts, insecure, "insecure",
		    "fetch without signatures, certificates or https"),
	AC_OPT_END,
};

/* The file says all there is to say. */
static struct ac_json *from_file(const struct ac_call *c, struct ac_err *err)
{
	const struct dependency_opts *o = c->opts;

	if (o->image_id != NULL || o->labels.n != 0 || o->size != 0) {
		(void)ac_err_set(err, AC_E_USAGE,
				 "--image-id, --label and --size do not go "
				 "with --file, which knows them");
		return NULL;
	}
	return deps_from_file(c, o->file, c->argc != 0 ? c->argv[0] : NULL,
			      err);
}

bool dependency_has_file(const struct ac_call *c)
{
	const struct dependency_opts *o = c->opts;

	return strcmp(c->path, "dependency add") == 0 && o->file != NULL;
}

int dependency_prepare(const struct ac_call *c, struct ac_err *err)
{
	struct dependency_opts *o = c->opts;

	o->ready = from_file(c, err);
	return o->ready != NULL ? 0 : -1;
}

void dependency_forget(const struct ac_call *c)
{
	struct dependency_opts *o = c->opts;

	if (!dependency_has_file(c))
		return;
	ac_json_free(o->ready);
	o->ready = NULL;
}

int add_dependency(struct ac_json *doc, const struct edit *e,
		   const struct ac_call *c, struct ac_err *err)
{
	const struct dependency_opts *o = c->opts;
	struct ac_json *list;
	struct ac_json *dep;
	AC_FREE char *name = NULL;

	if (c->argc == 0 && o->file == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "incorrect number of arguments");
	if (o->ready != NULL)
		dep = ac_json_copy(o->ready);
	else
		dep = o->file != NULL
			      ? from_file(c, err)
			      : ac_edit_dependency(c->argv[0], &o->labels,
						   o->image_id, o->size, err);
	if (dep == NULL)
		return -1;
	list = edit_list(doc, e, true, err);
	if (list == NULL) {
		ac_json_free(dep);
		return -1;
	}
	name = ac_xstrdup(ac_json_text(ac_json_get(dep, "imageName"), NULL));
	edit_put(list, e, name, dep);
	return 0;
}

static int run_list(struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	AC_CLEANUP(ac_table_release) struct ac_table t = AC_TABLE_INIT(3);

	if (edit_view(c, &m, err) < 0)
		return -1;
	for (size_t i = 0; i < m.n_deps; i++) {
		const struct ac_dependency *d = &m.deps[i];
		AC_FREE char *text = deps_text(d);

		ac_table_add(&t, text);
		ac_table_add(&t, d->image_id != NULL ? d->image_id : "-");
		if (d->size != 0)
			ac_table_addf(&t, "%ju", (uintmax_t)d->size);
		else
			ac_table_add(&t, "-");
	}
	ac_table_print(&t, stdout);
	return 0;
}

static int run_fetch(struct ac_call *c, struct ac_err *err)
{
	const struct dependency_fetch_opts *o = c->opts;
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record build = AC_RECORD_INIT;
	struct ac_obtain from = deps_source(c, o->insecure);
	int ret;

	if (edit_view(c, &m, err) < 0)
		return -1;
	ret = deps_obtain(m.doc, &from, &build, err);
	ac_store_release(&from.store);
	return ret < 0 ? deps_failed(err) : 0;
}

/* clang-format off */
const struct ac_cmd dependency_cmds[] = {
	EDIT_OPT("add", "[NAME[:VERSION][,LABEL=VALUE...]]", 0, 1,
		 "add an image below this one, or replace it",
		 dependency_options, dependency_opts),
	EDIT_REMOVE("NAME", "remove a dependency"),
	{.name = "list", .help = "print the dependencies, their ids and sizes",
	 .run = run_list},
	{.name = "fetch", .help = "have them all in the store",
	 .run = run_fetch, .opts = fetch_options,
	 .opt_size = sizeof(struct dependency_fetch_opts)},
	AC_CMD_END,
};
/* clang-format on */
