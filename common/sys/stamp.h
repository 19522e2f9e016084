/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_STAMP_H
#define AC_SYS_STAMP_H

/*
 * Did a file change while it was read?  Take its stamp before, and check it
 * afterwards: size, times, and that the descriptor is of the same file.  The
 * time of its inode counts too, which nobody can set back: a file that gets a
 * new name or mode meanwhile has changed.
 *
 *	if (ac_stamp_take(&s, fd, name, err) < 0 ||
 *	    ...read it... < 0 ||
 *	    ac_stamp_check(&s, fd, name, err) < 0)
 *		return -1;
 */

#include <sys/stat.h>

#include "common/base/attr.h"

struct ac_err;

struct ac_stamp {
	struct stat st;
};

AC_MUSTUSE int ac_stamp_take(struct ac_stamp *s, int fd, const char *what,
			     struct ac_err *err);
/* Not the same any more: AC_E_INVALID. */
AC_MUSTUSE int ac_stamp_check(const struct ac_stamp *s, int fd,
			      const char *what, struct ac_err *err);
/* Is the file still the one that PATH names?  No: AC_E_INVALID. */
AC_MUSTUSE int ac_stamp_named(const struct ac_stamp *s, const char *path,
			      struct ac_err *err);

#endif
