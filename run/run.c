/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/insecure.h"
#include "common/codec/json.h"
#include "common/image/pod.h"
#include "common/store/obtain.h"
#include "common/sys/io.h"
#include "common/sys/secret.h"
#include "run/args.h"
#include "run/cmd.h"
#include "run/describe.h"
#include "run/duration.h"
#include "run/image.h"
#include "run/manifest.h"
#include "run/poddir.h"
#include "run/podlog.h"
#include "run/rootless.h"

enum { MAX_MANIFEST = AC_JSON_MAX_BYTES, DEFAULT_PIDS = 4096 };

/* One `acrun run`, from the command line to the end of the pod. */
struct run {
	const struct run_flags *flags;
	const struct globals *globals;
	struct run_args args;
	struct ac_obtain source;
	struct ac_secret secret;
	struct ac_record *records; /* one an app */
	size_t n_records;
	struct ac_json *manifest;
	struct describe_flags describe;
	struct description d;
	int pods;
	struct pod_dir dir;
	int log; /* of the pod */
	struct sb_live live;
};

static void run_release(struct run *r)
{
	sb_release(&r->live);
	description_release(&r->d);
	for (size_t i = 0; i < r->n_records; i++)
		ac_record_release(&r->records[i]);
	free(r->records);
	ac_json_free(r->manifest);
	if (r->source.store.path != NULL)
		ac_store_release(&r->source.store);
	ac_secret_release(&r->secret);
	args_release(&r->args);
	pod_dir_release(&r->dir);
	ac_own_closep(&r->log);
	ac_own_closep(&r->pods);
}

/* What cannot go with --pod-manifest, which says it all. */
static int check_conflicts(const struct run *r, struct ac_err *err)
{
	const struct run_flags *f = r->flags;

	if (f->pod_manifest == NULL && r->args.n == 0)
		return ac_err_set(err, AC_E_USAGE,
				  "must provide at least one image or specify "
				  "the pod manifest");
	if (f->store_only && f->no_store)
		return ac_err_set(err, AC_E_USAGE,
				  "both --store-only and --no-store specified");
	if (f->pod_manifest != NULL &&
	    (r->args.n != 0 || f->volumes.n != 0 || f->before.mounts.n != 0 ||
	     f->inherit_env || f->set_env.n != 0 || f->set_env_files.n != 0 ||
	     f->pull_policy != NULL || f->store_only || f->no_store))
		return ac_err_set(err, AC_E_USAGE,
				  "conflicting flags set with --pod-manifest "
				  "(see --help)");
	return 0;
}

static int check_flags(struct run *r, struct ac_err *err)
{
	const struct run_flags *f = r->flags;
	struct describe_flags *d = &r->describe;
	const char *policy = f->store_only ? "never"
			     : f->no_store ? "update"
					   : f->pull_policy;

	if (check_conflicts(r, err) < 0 ||
	    ac_secret_option(&r->secret, f->passphrase_fd, err) < 0 ||
	    duration_parse(f->grace != NULL ? f->grace : "10s", &d->grace_ms,
			   err) < 0)
		return -1;
	r->source.policy = ac_obtain_policy(policy);
	if (f->net != NULL && f->net[0] != '\0' &&
	    strcmp(f->net, "none") != 0 && strcmp(f->net, "host") != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "networks not found: %s (there are none and "
				  "host)",
				  f->net);
	if (f->hostname != NULL && strlen(f->hostname) > 64)
		return ac_err_set(err, AC_E_USAGE,
				  "--hostname: more than 64 characters");
	d->insecure = ac_insecure_bits(r->globals->insecure);
	d->host_net = f->net != NULL && strcmp(f->net, "host") == 0;
	d->interactive = f->interactive;
	d->strict = f->strict;
	d->hostname = f->hostname;
	d->rootless = geteuid() != 0;
	/* What was not asked for is not missed by a user without groups. */
	d->pids = f->pids != 0 || d->rootless ? f->pids : DEFAULT_PIDS;
	r->source.dir = r->globals->dir;
	r->source.config = &r->globals->config;
	r->source.insecure = r->globals->insecure;
	r->source.secret = &r->secret;
	return 0;
}

static int find_images(struct run *r, struct ac_err *err)
{
	r->records = ac_xcalloc(r->args.n, sizeof(*r->records));
	for (size_t i = 0; i < r->args.n; i++) {
		const struct app_request *q = &r->args.apps[i];

		r->source.signature = q->flags.signature;
		if (ac_obtain(&r->source, q->image, &r->records[i], err) < 0)
			return -1;
		r->n_records++;
		if (image_check_platform(&r->records[i].image, err) < 0)
			return -1;
	}
	r->manifest = manifest_make(r->flags, &r->args, r->records, err);
	return r->manifest != NULL ? 0 : -1;
}

/* What a template may leave open, a pod that is to run must say. */
static int check_whole(const struct ac_pod *pod, struct ac_err *err)
{
	if (pod->n_apps == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "pod must contain at least one application");
	for (size_t i = 0; i < pod->n_apps; i++) {
		const struct ac_pod_app *a = &pod->apps[i];
		const char *missing = a->name == NULL || a->name[0] == '\0'
					      ? "name"
				      : a->image_id == NULL ? "image id"
							    : NULL;

		if (missing != NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "apps[%zu] has no %s", i, missing);
	}
	return 0;
}

/* A given manifest names its images by id. */
static int load_manifest(struct run *r, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_MANIFEST);
	AC_CLEANUP(ac_pod_release) struct ac_pod pod = AC_POD_INIT;
	const char *file = r->flags->pod_manifest;

	if (ac_io_read_file(AT_FDCWD, file, &b, err) < 0)
		return ac_err_ctx(err, "--pod-manifest");
	if (ac_pod_parse(&pod, ac_buf_str(&b), b.len, NULL, err) < 0 ||
	    check_whole(&pod, err) < 0)
		return ac_err_ctx(err, "%s", file);
	r->source.policy = AC_OBTAIN_NEVER;
	r->records = ac_xcalloc(pod.n_apps, sizeof(*r->records));
	for (size_t i = 0; i < pod.n_apps; i++) {
		if (ac_obtain(&r->source, pod.apps[i].image_id, &r->records[i],
			      err) < 0)
			return ac_err_ctx(err, "app '%s'", pod.apps[i].name);
		r->n_records++;
	}
	r->manifest = ac_json_copy(pod.doc);
	return manifest_complete(r->manifest, r->records, r->n_records, err);
}

static int save_uuid(const struct run *r, struct ac_err *err)
{
	const char *file = r->flags->uuid_file;
	AC_CLOSE int fd = -1;

	if (file == NULL)
		return 0;
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return ac_err_sys(err, errno, "--uuid-file-save: open '%s'",
				  file);
	return ac_io_write(fd, r->dir.uuid, strlen(r->dir.uuid), file, err);
}

/* The pod's directory, with its manifest; in embryo until all is there. */
static int make_dir(struct run *r, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_MANIFEST);

	r->pods = pods_open(r->source.store.path, true, err);
	if (r->pods < 0 || pod_create(&r->dir, r->pods, err) < 0 ||
	    save_uuid(r, err) < 0)
		return -1;
	ac_json_write(r->manifest, -1, false, &b);
	ac_buf_addc(&b, '\n');
	if (ac_buf_check(&b, "the pod manifest", err) < 0 ||
	    pod_write(&r->dir, "pod", ac_buf_str(&b), b.len, err) < 0)
		return -1;
	return 0;
}

static int check_unenforced(const struct run *r, struct ac_err *err)
{
	const struct ac_strv *u = &r->d.unenforced;

	if (r->flags->strict && u->n != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "%s (--strict-isolators)", u->v[0]);
	for (size_t i = 0; i < u->n; i++)
		ac_warn("%s", u->v[i]);
	return 0;
}

static int start(struct run *r, struct ac_err *err)
{
	if (describe(&r->d, &r->source.store, r->records, &r->describe, r->pods,
		     &r->dir, err) < 0 ||
	    check_unenforced(r, err) < 0 ||
	    sb_prepare(&r->live, &r->d.sb, err) < 0 ||
	    (r->log = pod_log_open(&r->dir, err)) < 0 ||
	    pod_log_cgroups(r->log, &r->live.cgroups, err) < 0 ||
	    pod_move(&r->dir, r->pods, POD_RUN, err) < 0 ||
	    sb_start(&r->live, &r->d.sb, err) < 0)
		return -1;
	for (size_t i = 0; i < r->live.warnings.n; i++)
		ac_warn("%s", r->live.warnings.v[i]);
	return pod_log_pid(r->log, r->live.pid, err);
}

static void app_ended(void *ctx, size_t app, int status)
{
	const struct run *r = ctx;
	struct ac_err err = AC_ERR_INIT;

	if (pod_log_end(r->log, r->d.pod.apps[app].name,
			WIFSIGNALED(status) ? 128 + WTERMSIG(status)
					    : WEXITSTATUS(status),
			&err) < 0)
		ac_warn("%s", err.msg);
}

/* A pod that never ran is nobody's; one that did stays until gc or rm. */
static void tidy(struct run *r, bool keep)
{
	struct ac_err err = AC_ERR_INIT;

	if (r->dir.fd < 0 || (keep && !r->flags->remove))
		return;
	description_release(&r->d);
	if (pod_move(&r->dir, r->pods, POD_GARBAGE, &err) < 0 ||
	    pod_remove(&r->dir, r->pods, &err) < 0)
		ac_warn("%s", err.msg);
}

/* Not before the images are here: acfetch is to run as the user.  What was
 * opened before is of another mount namespace, of which nothing may be mounted:
 * the store is opened anew. */
static int enter_rootless(struct run *r, struct ac_err *err)
{
	AC_FREE char *path = ac_xstrdup(r->source.store.path);

	ac_store_release(&r->source.store);
	r->source.store = AC_STORE_INIT;
	if (rootless_enter(err) < 0)
		return -1;
	return ac_store_open(&r->source.store, path, false, err);
}

static int run_pod(struct run *r, struct ac_err *err)
{
	struct sb_events ev = {.ended = app_ended, .ctx = r};

	if (check_flags(r, err) < 0)
		return -1;
	if ((r->flags->pod_manifest != NULL ? load_manifest(r, err)
					    : find_images(r, err)) < 0)
		return -1;
	/* The pod is to know nothing of it. */
	ac_secret_release(&r->secret);
	if (r->describe.rootless && enter_rootless(r, err) < 0)
		return -1;
	if (make_dir(r, err) < 0 ||
	    ac_pod_load(&r->d.pod, ac_json_copy(r->manifest), NULL, err) < 0 ||
	    start(r, err) < 0)
		return -1;
	ac_debug("pod %s is running", r->dir.uuid);
	return sb_wait(&r->live, &ev, err);
}

int cmd_run(struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(run_release)
	struct run r = {
		.flags = c->opts,
		.globals = c->globals,
		.source = {.store = AC_STORE_INIT},
		.secret = AC_SECRET_INIT,
		.d = DESCRIPTION_INIT,
		.pods = -1,
		.dir = POD_DIR_INIT,
		.log = -1,
		.live = SB_LIVE_INIT,
	};
	int code;

	if (args_parse(&r.args, c, err) < 0)
		return -1;
	code = run_pod(&r, err);
	tidy(&r, code >= 0);
	return code;
}
