/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/stamp.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/err.h"

int ac_stamp_take(struct ac_stamp *s, int fd, const char *what,
		  struct ac_err *err)
{
	return fstat(fd, &s->st) < 0 ? ac_err_sys(err, errno, "stat '%s'", what)
				     : 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int ac_stamp_check(const struct ac_stamp *s, int fd, const char *what,
		   struct ac_err *err)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return ac_err_sys(err, errno, "stat '%s'", what);
	if (!same_file(&now, &s->st) || now.st_size != s->st.st_size ||
	    !same_time(&now.st_mtim, &s->st.st_mtim) ||
	    !same_time(&now.st_ctim, &s->st.st_ctim))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' changed while it was being read", what);
	return 0;
}

int ac_stamp_named(const struct ac_stamp *s, const char *path,
		   struct ac_err *err)
{
	struct stat now;

	if (stat(path, &now) < 0)
		return ac_err_sys(err, errno, "stat '%s'", path);
	if (!same_file(&now, &s->st))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' was replaced while it was being read",
				  path);
	return 0;
}
