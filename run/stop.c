/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "run/cmd.h"
#include "run/duration.h"
#include "run/poddir.h"
#include "run/podlog.h"
#include "run/sandbox/sandbox.h"

const struct ac_opt stop_opts[] = {
	AC_OPT_BOOL(struct stop_flags, force, "force", "kill it at once"),
	AC_OPT_STRING(struct stop_flags, grace, "grace", "DURATION",
		      "between TERM and KILL (default 10s)"),
	AC_OPT_STRING(struct stop_flags, uuid_file, "uuid-file", "FILE",
		      "read the UUID from FILE"),
	AC_OPT_END,
};
enum { STEP_MS = 5, STARTING_MS = 2000, MARGIN_MS = 5000 };

static void pause_step(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L},
			NULL);
}

static pid_t init_of(const struct pod_dir *p)
{
	AC_CLEANUP(pod_log_release) struct pod_log log = POD_LOG_INIT;
	struct ac_err none = AC_ERR_INIT;

	return pod_log_read(&log, p, &none) == 0 ? log.pid : -1;
}

/* The init, held by a descriptor: a process id alone could have become somebody
 * else's.  It is the pod's while the pod's lock is held. */
static int open_init(const struct pod_dir *p, struct ac_err *err)
{
	int fd;
	pid_t pid = init_of(p);

	/* A pod that has just begun writes it any moment now. */
	for (int t = 0; pid < 0 && t < STARTING_MS; t += STEP_MS) {
		pause_step();
		pid = init_of(p);
	}
	if (pid < 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "pod \"%s\" has no process yet", p->uuid);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return ac_err_sys(err, errno, "open the init of pod \"%s\"",
				  p->uuid);
	return fd;
}

static int kill_init(const struct pod_dir *p, int init, struct ac_err *err)
{
	if (syscall(SYS_pidfd_send_signal, init, SIGKILL, NULL, 0) < 0 &&
	    errno != ESRCH)
		return ac_err_sys(err, errno, "kill pod \"%s\"", p->uuid);
	return 0;
}

/* Wait for the pod to be over: its runner lets go of the lock.  1 when it
 * is, 0 when that takes longer than MS. */
static int wait_end(const struct pod_dir *p, unsigned int ms,
		    struct ac_err *err)
{
	for (unsigned int t = 0; t <= ms; t += STEP_MS) {
		int r = pod_try_lock(p, err);

		if (r != 0)
			return r;
		pause_step();
	}
	return 0;
}

static int wait_killed(const struct pod_dir *p, struct ac_err *err)
{
	int r = wait_end(p, MARGIN_MS, err);

	return r == 0 ? ac_err_set(err, AC_E_BUSY, "pod \"%s\" did not end",
				   p->uuid)
		      : r;
}

static int stop_one(int pods, const char *uuid, const struct stop_flags *f,
		    unsigned int grace, struct ac_err *err)
{
	AC_CLEANUP(pod_dir_release) struct pod_dir p = POD_DIR_INIT;
	AC_CLOSE int init = -1;
	int r;

	if (pod_find(&p, pods, uuid, err) < 0)
		return -1;
	if (pod_is_exited(&p)) {
		printf("pod \"%s\" is already stopped\n", p.uuid);
		return 0;
	}
	if (!pod_is_running(&p))
		return ac_err_set(err, AC_E_INVALID,
				  "pod \"%s\" is not running", p.uuid);
	init = open_init(&p, err);
	if (init < 0)
		return -1;
	/* Handlers that run when an app has ended get as long again.  An init
	 * that does not end its pod even then, which a root app can bring
	 * about, is not asked any more. */
	if (f->force)
		r = 0;
	else if (sb_stop(init, grace, err) < 0)
		return -1;
	else
		r = wait_end(&p, 2 * grace + MARGIN_MS, err);
	if (r < 0)
		return -1;
	if (r == 0 &&
	    (kill_init(&p, init, err) < 0 || wait_killed(&p, err) < 0))
		return -1;
	printf("\"%s\"\n", p.uuid);
	return 0;
}

int cmd_stop(struct ac_call *c, struct ac_err *err)
{
	const struct stop_flags *f = c->opts;
	AC_CLOSE int pods = -1;
	unsigned int grace;
	int failed = 0;

	if (duration_parse(f->grace != NULL ? f->grace : "10s", &grace, err) <
	    0)
		return ac_err_ctx(err, "--grace");
	if (f->uuid_file != NULL || c->argc == 1) {
		AC_FREE char *uuid = cmd_uuid(c, f->uuid_file, err);

		pods = uuid != NULL ? cmd_pods(c->globals, err) : -1;
		return pods < 0 ? -1 : stop_one(pods, uuid, f, grace, err);
	}
	pods = cmd_pods(c->globals, err);
	if (pods < 0)
		return -1;
	if (c->argc == 0)
		return ac_err_set(err, AC_E_USAGE, "no pod given");
	for (int i = 0; i < c->argc; i++) {
		struct ac_err why = AC_ERR_INIT;

		if (stop_one(pods, c->argv[i], f, grace, &why) == 0)
			continue;
		ac_log("%s", why.msg);
		failed++;
	}
	return failed == 0 ? 0
			   : ac_err_set(err, AC_E_NOT_FOUND,
					"failed to stop %d pod(s)", failed);
}
