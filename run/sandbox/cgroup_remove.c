/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "run/sandbox/sandbox.h"

enum { TRIES = 100, PAUSE_MS = 20 };

/* Kill one by one, where the kernel has no cgroup.kill.  A process that forks
 * meanwhile is found by the next round. */
static void kill_each(int dir)
{
	AC_CLOSE int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[4096];
	struct ac_str rest;
	struct ac_str line;
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	rest = ac_strn(text, n > 0 ? (size_t)n : 0);
	while (rest.len != 0 && ac_str_cut(&rest, '\n', &line)) {
		uint64_t pid;

		if (ac_num_max(line, INT32_MAX, &pid) == 0 && pid > 1)
			(void)kill((pid_t)pid, SIGKILL);
	}
}

static void kill_all(const char *path)
{
	AC_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AC_CLOSE int fd = -1;

	if (dir < 0)
		return;
	fd = openat(dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) < 0)
		kill_each(dir);
}

/* 1 when gone, 0 when busy. */
static int remove_dir(const char *path, struct ac_err *err)
{
	if (rmdir(path) == 0 || errno == ENOENT)
		return 1;
	if (errno == EBUSY)
		return 0;
	return ac_err_sys(err, errno, "remove the control group '%s'", path);
}

int sb_cgroups_remove(const struct ac_strv *dirs, struct ac_err *err)
{
	/* Children first: they stand behind their parents. */
	for (size_t i = dirs->n; i-- > 0;) {
		int r = 0;

		for (int t = 0; t < TRIES; t++) {
			r = remove_dir(dirs->v[i], err);
			if (r < 0)
				return -1;
			if (r == 1)
				break;
			kill_all(dirs->v[i]);
			(void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS *
								      1000000},
					NULL);
		}
		if (r == 0)
			return ac_err_set(err, AC_E_BUSY,
					  "the control group '%s' still has "
					  "processes; try again later",
					  dirs->v[i]);
	}
	return 0;
}
