/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/interrupt.h"

enum { FIRST_PAUSE = 1000000, LAST_PAUSE = 20000000 }; /* nanoseconds */

/* By asking again: nobody could interrupt flock(2) without the danger that the
 * signal comes just before it. */
int ac_lock_fd(int fd, enum ac_lock_mode mode, bool wait, const char *what,
	       struct ac_err *err)
{
	int op = mode == AC_LOCK_SHARED ? LOCK_SH : LOCK_EX;
	struct timespec pause = {.tv_nsec = FIRST_PAUSE};

	while (flock(fd, op | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return ac_err_sys(err, errno, "lock '%s'", what);
		if (!wait)
			return ac_err_set(err, AC_E_BUSY,
					  "'%s' is in use by another process",
					  what);
		if (ac_interrupt_check(err) < 0)
			return ac_err_ctx(err, "wait for the lock '%s'", what);
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < LAST_PAUSE)
			pause.tv_nsec *= 2;
	}
	return 0;
}

/* 1 when NAME is the file open as FD, 0 when it is not (any more). */
static int still_named(int fd, int dirfd, const char *name, struct ac_err *err)
{
	struct stat a;
	struct stat b;

	if (fstat(fd, &a) < 0)
		return ac_err_sys(err, errno, "stat '%s'", name);
	if (fstatat(dirfd, name, &b, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return ac_err_sys(err, errno, "stat '%s'", name);
	}
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int ac_lock_file(int dirfd, const char *name, enum ac_lock_mode mode, bool wait,
		 struct ac_err *err)
{
	for (;;) {
		AC_CLOSE int fd = openat(dirfd, name,
					 O_RDWR | O_CREAT | O_NOFOLLOW |
						 O_CLOEXEC | O_NOCTTY,
					 0600);
		int r;

		/* A reader may hold a lock in a store it cannot write to. */
		if (fd < 0 && (errno == EACCES || errno == EROFS))
			fd = openat(dirfd, name,
				    O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
					    O_NOCTTY | O_NONBLOCK);
		if (fd < 0)
			return ac_err_sys(err, errno, "open the lock file '%s'",
					  name);
		if (ac_lock_fd(fd, mode, wait, name, err) < 0)
			return -1;
		r = still_named(fd, dirfd, name, err);
		if (r < 0)
			return -1;
		if (r > 0)
			return ac_steal_fd(&fd);
	}
}
