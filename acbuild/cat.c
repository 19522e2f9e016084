/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/cat.h"

#include <stdio.h>
#include <string.h>

#include "acbuild/cmd.h"
#include "acbuild/modify.h"
#include "acbuild/work.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/aci.h"

const struct ac_opt cat_options[] = {
	AC_OPT_BOOL(struct cat_opts, pretty, "pretty-print",
		    "indent it for reading"),
	AC_OPT_STRING(struct cat_opts, file, "file", "WHICH",
		      "\"manifest\", the only one"),
	AC_OPT_END,
};

int run_cat(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct cat_opts *o = c->opts;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(4 * AC_ACI_MAX_MANIFEST);

	if (o->file != NULL && strcmp(o->file, "config") == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "can't print config, appc has no image "
				  "configs");
	if (o->file != NULL && strcmp(o->file, "manifest") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "don't know how to print a \"%s\"", o->file);
	if (g->modify != NULL)
		w.doc = modify_read(g->modify, err);
	else if (work_open(&w, g, err) < 0)
		return -1;
	if (w.doc == NULL)
		return -1;
	ac_json_write(w.doc, o->pretty ? 4 : 0, true, &b);
	if (ac_buf_check(&b, "the manifest", err) < 0)
		return -1;
	printf("%s\n", ac_buf_str(&b));
	return 0;
}
