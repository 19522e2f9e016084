/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_AT_WALK_H
#define AC_SYS_AT_WALK_H

/*
 * The walk behind at.h, for kernels and filters without openat2(2): one
 * component at a time, each opened with O_PATH | O_NOFOLLOW and looked at.  For
 * at.c alone.  Failures are -1 with errno, as openat2 has them.
 */

#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"

enum { AC_AT_NAME = 256 }; /* a component and its NUL */

/* Copy the next component of *path to NAME and step behind it, leaving out "."
 * ones.  1, 0 at the end, -1 with ENAMETOOLONG. */
AC_MUSTUSE int ac_at_walk_name(const char **path, char name[AC_AT_NAME]);

/* As openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; PATH has no "..". */
AC_MUSTUSE int ac_at_walk(int dirfd, const char *path, int flags, mode_t mode);

/* As openat2 with RESOLVE_IN_ROOT; all links of procfs count as magic. */
AC_MUSTUSE int ac_at_walk_in_root(int dirfd, const char *path, int flags);

/* The length of the shortest prefix of PATH that is a symbolic link, 0 when
 * there is none. */
size_t ac_at_walk_link(int dirfd, const char *path);

#endif
