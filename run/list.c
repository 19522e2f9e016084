/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/table.h"
#include "common/codec/json.h"
#include "run/cmd.h"
#include "run/poddir.h"
#include "run/podinfo.h"

const struct ac_opt list_opts[] = {
	AC_OPT_BOOL(struct list_flags, full, "full",
		    "whole UUIDs, image ids and times"),
	AC_OPT_BOOL(struct list_flags, no_legend, "no-legend",
		    "leave out the heading"),
	AC_OPT_CHOICE(struct list_flags, format, "format", "FORMAT",
		      "json json-pretty", "print JSON"),
	AC_OPT_BOOL(struct list_flags, json, "json",
		    "the same as "
		    "--format=json"),
	AC_OPT_END,
};
enum { SHORT_UUID = 8, SHORT_ID = 19, NS = 1000000000 };

struct list {
	const struct list_flags *flags;
	struct ac_table table;
	struct ac_json *json; /* or NULL */
	size_t errors;
};

static void add_time(struct list *l, int64_t ns)
{
	char text[AC_SHOW_TEXT] = "";

	if (ns != 0 && l->flags->full)
		ac_show_time(ns, text);
	else if (ns != 0)
		ac_show_ago(ns / NS, (int64_t)time(NULL), text);
	ac_table_add(&l->table, text);
}

/* A row; APP is NULL for a pod without any.  What is the pod's stands in the
 * first row alone. */
static void add_row(struct list *l, const struct pod_dir *p,
		    const struct pod_info *i, const struct ac_pod_app *app,
		    bool first)
{
	const char *version =
		app != NULL ? ac_pairs_get(&app->image_labels, "version")
			    : NULL;

	ac_table_addf(&l->table, "%.*s",
		      !first           ? 0
		      : l->flags->full ? POD_UUID
				       : SHORT_UUID,
		      p->uuid);
	ac_table_add(&l->table, app != NULL ? app->name : "-");
	if (app == NULL || app->image_name == NULL)
		ac_table_add(&l->table, app == NULL ? "-" : "--");
	else
		ac_table_addf(&l->table, "%s%s%s", app->image_name,
			      version != NULL ? ":" : "",
			      version != NULL ? version : "");
	if (l->flags->full)
		ac_table_addf(&l->table, "%.*s", SHORT_ID,
			      app != NULL ? app->image_id : "-");
	ac_table_add(&l->table, first ? pod_state(p) : "");
	add_time(l, first ? i->created : 0);
	add_time(l, first ? i->log.started : 0);
	ac_table_add(&l->table, "");
}

static int add_pod(void *ctx, struct pod_dir *p, struct ac_err *err)
{
	AC_CLEANUP(pod_info_release) struct pod_info i = POD_INFO_INIT;
	struct list *l = ctx;

	(void)err;
	if (pod_info_load(&i, p, &(struct ac_err){.code = AC_OK}) < 0)
		l->errors++;
	if (l->json != NULL) {
		ac_json_push(l->json, pod_info_json(&i, p));
		return 0;
	}
	for (size_t a = 0; a < i.pod.n_apps; a++)
		add_row(l, p, &i, &i.pod.apps[a], a == 0);
	if (i.pod.n_apps == 0)
		add_row(l, p, &i, NULL, true);
	return 0;
}

static void add_heading(struct list *l)
{
	static const char *const heading[] = {
		"UUID",  "APP",     "IMAGE NAME", "IMAGE ID",
		"STATE", "CREATED", "STARTED",    "NETWORKS",
	};

	for (size_t c = 0; c < AC_LEN(heading); c++)
		if (l->flags->full || c != 3)
			ac_table_add(&l->table, heading[c]);
}

static int list_all(struct list *l, const struct globals *g, struct ac_err *err)
{
	AC_CLOSE int pods = cmd_pods(g, err);

	if (pods < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	if (pod_each(pods, POD_RUN, add_pod, l, err) < 0)
		return -1;
	return pod_each(pods, POD_EXITED_GARBAGE, add_pod, l, err);
}

int cmd_list(struct ac_call *c, struct ac_err *err)
{
	const struct list_flags *flags = c->opts;
	const char *format = flags->json ? "json" : flags->format;
	AC_JSON struct ac_json *json = NULL;
	struct list l = {.flags = flags,
			 .table = AC_TABLE_INIT(flags->full ? 8 : 7)};
	int r;

	if (format != NULL)
		l.json = json = ac_json_array();
	else if (!flags->no_legend)
		add_heading(&l);
	r = list_all(&l, c->globals, err);
	if (r == 0 && json != NULL)
		r = ac_print_json(json, format_indent(format), err);
	else if (r == 0)
		ac_table_print(&l.table, stdout);
	ac_table_release(&l.table);
	if (l.errors != 0)
		ac_log("%zu error(s) encountered when listing pods: a pod's "
		       "manifest cannot be read ('acrun rm' removes it)",
		       l.errors);
	return r;
}
