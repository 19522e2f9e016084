/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/dependency.h"

#include <stdlib.h>

#include "acbuild/edit.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/edit.h"

static const struct ac_opt dependency_options[] = {
	AC_OPT_STRING(struct dependency_opts, image_id, "image-id", "ID",
		      "the dependency must have this id"),
	AC_OPT_LIST(struct dependency_opts, labels, "label", "NAME=VALUE",
		    "and this label (repeat)"),
	AC_OPT_SIZE(struct dependency_opts, size, "size", "BYTES",
		    "and this size"),
	AC_OPT_END,
};

int add_dependency(struct ac_json *doc, const struct edit *e,
		   const struct ac_call *c, struct ac_err *err)
{
	const struct dependency_opts *o = c->opts;
	struct ac_json *list = edit_list(doc, e, true, err);
	struct ac_json *dep;
	AC_FREE char *name = NULL;

	if (list == NULL)
		return -1;
	dep = ac_edit_dependency(c->argv[0], &o->labels, o->image_id, o->size,
				 err);
	if (dep == NULL)
		return -1;
	name = ac_xstrdup(ac_json_text(ac_json_get(dep, "imageName"), NULL));
	edit_put(list, e, name, dep);
	return 0;
}

/* clang-format off */
const struct ac_cmd dependency_cmds[] = {
	EDIT_OPT("add", "NAME[:VERSION][,LABEL=VALUE...]", 1, 1,
		 "add an image below this one, or replace it",
		 dependency_options, dependency_opts),
	EDIT_REMOVE("NAME", "remove a dependency"),
	AC_CMD_END,
};
/* clang-format on */
