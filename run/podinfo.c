/* SPDX-License-Identifier: Apache-2.0 */
#include "run/podinfo.h"

#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "run/poddir.h"

enum { NS = 1000000000 };

int pod_info_load(struct pod_info *i, const struct pod_dir *p,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);

	if (pod_read(p, "pod", &b, err) < 0)
		return -1;
	if (ac_pod_parse(&i->pod, ac_buf_str(&b), b.len, NULL, err) < 0)
		return ac_err_ctx(err, "pod '%s'", p->uuid);
	i->created = pod_time(p, "pod");
	return pod_log_read(&i->log, p, err);
}

void pod_info_release(struct pod_info *i)
{
	ac_pod_release(&i->pod);
	pod_log_release(&i->log);
	*i = POD_INFO_INIT;
}

static void set_time(struct ac_json *o, const char *key, int64_t v)
{
	if (v != 0)
		ac_json_set_int(o, key, v);
}

static struct ac_json *app_json(const struct pod_info *i,
				const struct pod_dir *p,
				const struct ac_pod_app *app)
{
	struct ac_json *o = ac_json_object();
	const struct pod_end *end = pod_log_find(&i->log, app->name);

	ac_json_set_str(o, "name", app->name);
	ac_json_set_str(o, "state",
			end != NULL           ? "exited"
			: pod_is_running(p)   ? "running"
			: i->log.started != 0 ? "unknown"
					      : "created");
	set_time(o, "created_at", i->created);
	set_time(o, "started_at", i->log.started);
	if (end != NULL) {
		set_time(o, "finished_at", end->when);
		ac_json_set_int(o, "exit_code", end->code);
	}
	ac_json_set_str(o, "image_id", app->image_id);
	return o;
}

struct ac_json *pod_info_json(const struct pod_info *i, const struct pod_dir *p)
{
	struct ac_json *o = ac_json_object();
	struct ac_json *names = ac_json_array();
	struct ac_json *apps = ac_json_array();

	ac_json_set_str(o, "name", p->uuid);
	ac_json_set_str(o, "state", pod_state(p));
	for (size_t a = 0; a < i->pod.n_apps; a++) {
		ac_json_push_str(names, i->pod.apps[a].name);
		ac_json_push(apps, app_json(i, p, &i->pod.apps[a]));
	}
	ac_json_set(o, "app_names", names);
	ac_json_set(o, "apps", apps);
	set_time(o, "created_at", i->created / NS);
	set_time(o, "started_at", i->log.started / NS);
	return o;
}

int format_indent(const char *format)
{
	return strcmp(format, "json-pretty") == 0 ? -1 : 0;
}
