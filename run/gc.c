/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/sys/tree.h"
#include "run/cmd.h"
#include "run/duration.h"
#include "run/poddir.h"

const struct ac_opt rm_opts[] = {
	AC_OPT_STRING(struct rm_flags, uuid_file, "uuid-file", "FILE",
		      "read the UUID from FILE"),
	AC_OPT_END,
};
const struct ac_opt gc_opts[] = {
	AC_OPT_STRING(struct gc_flags, grace, "grace-period", "DURATION",
		      "keep an exited pod so long (default 30m)"),
	AC_OPT_BOOL(struct gc_flags, mark_only, "mark-only",
		    "move exited pods to the garbage, remove nothing"),
	AC_OPT_END,
};
/* Only an exited pod is removed; its lock is ours from here on, so that nobody
 * else does it too. */
static int rm_one(int pods, const char *uuid, struct ac_err *err)
{
	AC_CLEANUP(pod_dir_release) struct pod_dir p = POD_DIR_INIT;
	int r;

	if (pod_find(&p, pods, uuid, err) < 0)
		return -1;
	if (pod_is_running(&p))
		return ac_err_set(
			err, AC_E_BUSY,
			"pod \"%s\" is currently running; 'acrun stop' "
			"stops it",
			p.uuid);
	r = pod_try_lock(&p, err);
	if (r == 0)
		return ac_err_set(err, AC_E_BUSY,
				  "pod \"%s\" is being removed already",
				  p.uuid);
	if (r < 0 || pod_move(&p, pods, POD_GARBAGE, err) < 0 ||
	    pod_remove(&p, pods, err) < 0)
		return -1;
	printf("\"%s\"\n", p.uuid);
	return 0;
}

int cmd_rm(struct ac_call *c, struct ac_err *err)
{
	const struct rm_flags *f = c->opts;
	AC_CLOSE int pods = -1;
	int failed = 0;

	if (f->uuid_file != NULL || c->argc == 1) {
		AC_FREE char *uuid = cmd_uuid(c, f->uuid_file, err);

		pods = uuid != NULL ? cmd_pods(c->globals, err) : -1;
		return pods < 0 ? -1 : rm_one(pods, uuid, err);
	}
	pods = cmd_pods(c->globals, err);
	if (pods < 0)
		return -1;
	if (c->argc == 0)
		return ac_err_set(err, AC_E_USAGE, "no pod given");
	for (int i = 0; i < c->argc; i++) {
		struct ac_err why = AC_ERR_INIT;

		if (rm_one(pods, c->argv[i], &why) == 0)
			continue;
		ac_log("%s", why.msg);
		failed++;
	}
	return failed == 0 ? 0
			   : ac_err_set(err, AC_E_NOT_FOUND,
					"failed to remove one or more pods");
}

struct gc {
	int pods;
	int64_t grace; /* seconds */
	size_t failed;
};

static void tell(struct gc *g, const struct ac_err *why)
{
	ac_log("%s", why->msg);
	g->failed++;
}

/* Exited pods, and those whose runner was killed. */
static int mark(void *ctx, struct pod_dir *p, struct ac_err *err)
{
	struct gc *g = ctx;
	struct ac_err why = AC_ERR_INIT;

	(void)err;
	if (p->locked || pod_try_lock(p, &why) != 1)
		return 0;
	ac_log("moving pod \"%s\" to garbage", p->uuid);
	if (pod_move(p, g->pods, POD_EXITED_GARBAGE, &why) < 0 &&
	    why.code != AC_E_NOT_FOUND)
		tell(g, &why);
	return 0;
}

/* Pods that never came to run, and what an earlier removal left. */
static int sweep(void *ctx, struct pod_dir *p, struct ac_err *err)
{
	struct gc *g = ctx;
	struct ac_err why = AC_ERR_INIT;

	(void)err;
	if (p->locked || pod_try_lock(p, &why) != 1)
		return 0;
	if (p->where == POD_EMBRYO &&
	    pod_move(p, g->pods, POD_GARBAGE, &why) < 0) {
		tell(g, &why);
		return 0;
	}
	if (pod_remove(p, g->pods, &why) < 0)
		tell(g, &why);
	return 0;
}

static int sweep_exited(void *ctx, struct pod_dir *p, struct ac_err *err)
{
	struct gc *g = ctx;
	struct ac_err why = AC_ERR_INIT;
	struct stat st;

	(void)err;
	if (p->locked || fstat(p->fd, &st) < 0)
		return 0;
	if (st.st_ctim.tv_sec + g->grace > (int64_t)time(NULL)) {
		ac_log("pod \"%s\" not removed: still within grace period",
		       p->uuid);
		return 0;
	}
	if (pod_try_lock(p, &why) != 1)
		return 0;
	printf("Garbage collecting pod \"%s\"\n", p->uuid);
	if (pod_move(p, g->pods, POD_GARBAGE, &why) < 0 ||
	    pod_remove(p, g->pods, &why) < 0)
		tell(g, &why);
	return 0;
}

/* ".skel-PID" of a process that was killed while it made the shared tree. */
static void sweep_skeletons(struct gc *g)
{
	int fd = openat(g->pods, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		static const char prefix[] = ".skel-";
		struct ac_err why = AC_ERR_INIT;
		uint64_t pid;

		if (!ac_str_starts(ac_str(d->d_name), prefix) ||
		    ac_num_max(ac_str(d->d_name + strlen(prefix)), INT32_MAX,
			       &pid) < 0 ||
		    kill((pid_t)pid, 0) == 0 || errno != ESRCH)
			continue;
		if (ac_tree_remove(g->pods, d->d_name, &why) < 0)
			tell(g, &why);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

int cmd_gc(struct ac_call *c, struct ac_err *err)
{
	const struct gc_flags *f = c->opts;
	AC_CLOSE int pods = -1;
	struct gc g = {.failed = 0};
	unsigned int ms;

	if (duration_parse(f->grace != NULL ? f->grace : "30m", &ms, err) < 0)
		return ac_err_ctx(err, "--grace-period");
	g.grace = ms / 1000;
	g.pods = pods = cmd_pods(c->globals, err);
	if (pods < 0)
		return err->code == AC_E_NOT_FOUND ? 0 : -1;
	if (pod_each(pods, POD_RUN, mark, &g, err) < 0)
		return -1;
	if (f->mark_only)
		return 0;
	if (pod_each(pods, POD_EXITED_GARBAGE, sweep_exited, &g, err) < 0 ||
	    pod_each(pods, POD_EMBRYO, sweep, &g, err) < 0 ||
	    pod_each(pods, POD_GARBAGE, sweep, &g, err) < 0)
		return -1;
	sweep_skeletons(&g);
	return g.failed == 0 ? 0
			     : ac_err_set(err, AC_E_BUSY,
					  "%zu pod(s) could not be removed",
					  g.failed);
}
