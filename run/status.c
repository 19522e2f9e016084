/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/table.h"
#include "common/codec/json.h"
#include "run/cmd.h"
#include "run/duration.h"
#include "run/poddir.h"
#include "run/podinfo.h"

const struct ac_opt status_opts[] = {
	AC_OPT_OPTIONAL(struct status_flags, wait, "wait", "BOOL|DURATION",
			"wait for the end of the pod, for ever or so long"),
	AC_OPT_CHOICE(struct status_flags, format, "format", "FORMAT",
		      "json json-pretty", "print JSON"),
	AC_OPT_BOOL(struct status_flags, json, "json",
		    "the same as --format=json"),
	AC_OPT_STRING(struct status_flags, uuid_file, "uuid-file", "FILE",
		      "read the UUID from FILE"),
	AC_OPT_END,
};
enum { POLL_MS = 100 };

/* Wait until the pod has ended: TEXT is "", a boolean or a duration. */
static int wait_end(struct pod_dir *p, int pods, const char *text,
		    struct ac_err *err)
{
	unsigned int left = 0;
	bool forever = true;

	if (text[0] != '\0' && ac_num_bool(ac_str(text), &forever) < 0) {
		forever = text[0] == '-';
		if (!forever && duration_parse(text, &left, err) < 0)
			return ac_err_ctx(err, "--wait");
	} else if (!forever) {
		return 0;
	}
	while (pod_is_running(p)) {
		char uuid[POD_UUID];

		if (!forever && left < POLL_MS)
			return ac_err_set(err, AC_E_BUSY,
					  "error waiting for pod to finish: "
					  "context deadline exceeded");
		left -= forever ? 0 : POLL_MS;
		(void)nanosleep(&(struct timespec){.tv_nsec =
							   POLL_MS * 1000000L},
				NULL);
		memcpy(uuid, p->uuid, sizeof(uuid));
		pod_dir_release(p);
		if (pod_find(p, pods, uuid, err) < 0)
			return -1;
	}
	return 0;
}

static void print_time(const char *key, int64_t ns)
{
	char text[AC_SHOW_TEXT];

	if (ns == 0)
		return;
	ac_show_time(ns, text);
	printf("%s=%s\n", key, text);
}

static void print_status(const struct pod_info *i, const struct pod_dir *p)
{
	printf("state=%s\n", pod_state(p));
	print_time("created", i->created);
	print_time("started", i->log.started);
	if (i->log.pid > 0)
		printf("pid=%d\n", (int)i->log.pid);
	printf("exited=%s\n", pod_is_exited(p) ? "true" : "false");
	for (size_t a = 0; a < i->pod.n_apps; a++) {
		const struct pod_end *end =
			pod_log_find(&i->log, i->pod.apps[a].name);

		if (end != NULL)
			printf("app-%s=%d\n", end->app, end->code);
	}
}

int cmd_status(struct ac_call *c, struct ac_err *err)
{
	const struct status_flags *f = c->opts;
	const char *format = f->json ? "json" : f->format;
	AC_CLEANUP(pod_dir_release) struct pod_dir p = POD_DIR_INIT;
	AC_CLEANUP(pod_info_release) struct pod_info i = POD_INFO_INIT;
	AC_FREE char *uuid = NULL;
	AC_CLOSE int pods = -1;

	uuid = cmd_uuid(c, f->uuid_file, err);
	if (uuid == NULL)
		return -1;
	pods = cmd_pods(c->globals, err);
	if (pods < 0 || pod_find(&p, pods, uuid, err) < 0)
		return -1;
	if (f->wait != NULL && wait_end(&p, pods, f->wait, err) < 0)
		return -1;
	if (pod_info_load(&i, &p, err) < 0)
		return -1;
	if (format != NULL) {
		AC_JSON struct ac_json *json = pod_info_json(&i, &p);

		return ac_print_json(json, format_indent(format), err);
	}
	print_status(&i, &p);
	return 0;
}

const struct ac_opt cat_manifest_opts[] = {
	AC_OPT_OPTIONAL(struct cat_flags, pretty, "pretty-print", "BOOL",
			"indent it (the default)"),
	AC_OPT_STRING(struct cat_flags, uuid_file, "uuid-file", "FILE",
		      "read the UUID from FILE"),
	AC_OPT_END,
};
int cmd_cat_manifest(struct ac_call *c, struct ac_err *err)
{
	const struct cat_flags *f = c->opts;
	AC_CLEANUP(pod_dir_release) struct pod_dir p = POD_DIR_INIT;
	AC_CLEANUP(pod_info_release) struct pod_info i = POD_INFO_INIT;
	AC_FREE char *uuid = cmd_uuid(c, f->uuid_file, err);
	AC_CLOSE int pods = -1;
	bool pretty = true;

	if (uuid == NULL)
		return -1;
	if (f->pretty != NULL && f->pretty[0] != '\0' &&
	    ac_num_bool(ac_str(f->pretty), &pretty) < 0)
		return ac_err_set(err, AC_E_USAGE,
				  "--pretty-print: '%s' is neither true nor "
				  "false",
				  f->pretty);
	pods = cmd_pods(c->globals, err);
	if (pods < 0 || pod_find(&p, pods, uuid, err) < 0 ||
	    pod_info_load(&i, &p, err) < 0)
		return -1;
	return ac_print_json(i.pod.doc, pretty ? -1 : 0, err);
}
