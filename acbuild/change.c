/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/change.h"

#include "acbuild/cmd.h"
#include "acbuild/oci.h"
#include "acbuild/sources.h"
#include "acbuild/work.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"

void change_note(struct work *w, const struct ac_call *c)
{
	const struct globals *g = c->globals;

	if (w->oci)
		oci_history(w, g->no_history ? NULL : c);
	else if (!g->no_history && w->home != NULL)
		/* Each check of the manifest would go over them again. */
		ac_strv_take(&w->notes, history_text(c));
	else if (!g->no_history)
		history_add(w->doc, c);
}

int change(const struct ac_call *c, change_fn fn, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	int r;

	if (work_open(&w, g, err) < 0)
		return -1;
	r = fn(&w, c, err);
	if (r != 0)
		return r;
	if (sources_of_call(&w, c, err) < 0)
		return -1;
	change_note(&w, c);
	return work_save(&w, err);
}

int no_modify(const struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	if (g->modify == NULL && g->modify_oci == NULL)
		return 0;
	return ac_err_set(err, AC_E_INVALID, "can't use --modify flags with %s",
			  c->path);
}
