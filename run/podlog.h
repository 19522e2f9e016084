/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_PODLOG_H
#define RUN_PODLOG_H

/*
 * What happened to a pod: the file `log` in its directory, one line a fact,
 * each written at once and only added to (spec/run.md R3).
 *
 *	cgroup /sys/fs/cgroup/...	may come to exist; parents first
 *	pid 1234 1700000000123456789	the init's, and when it started (ns)
 *	end web 3 1700000001000000000	app, exit code, when
 *
 * A line that is not understood, such as the last one after a power cut, is
 * passed over.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_err;
struct pod_dir;

/* Add to the log.  Opened for appending, once a pod. */
AC_MUSTUSE int pod_log_open(const struct pod_dir *p, struct ac_err *err);
AC_MUSTUSE int pod_log_cgroups(int log, const struct ac_strv *dirs,
			       struct ac_err *err);
AC_MUSTUSE int pod_log_pid(int log, pid_t pid, struct ac_err *err);
AC_MUSTUSE int pod_log_end(int log, const char *app, int code,
			   struct ac_err *err);

struct pod_end {
	char *app;
	int code;
	int64_t when; /* nanoseconds since 1970 */
};

struct pod_log {
	struct ac_strv cgroups;
	pid_t pid;       /* -1: not started */
	int64_t started; /* nanoseconds since 1970, 0: never */
	struct pod_end *ends;
	size_t n_ends;
};

#define POD_LOG_INIT ((struct pod_log){.pid = -1})

/* Read it; a pod without one has no facts. */
AC_MUSTUSE int pod_log_read(struct pod_log *l, const struct pod_dir *p,
			    struct ac_err *err);
void pod_log_release(struct pod_log *l);

/* How APP ended, or NULL. */
const struct pod_end *pod_log_find(const struct pod_log *l, const char *app);

#endif
