/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_AT_H
#define AC_SYS_AT_H

/*
 * Foreign names beneath a directory.  Every path that comes from an archive, a
 * manifest or an image goes through here and nowhere else.  openat2(2) does
 * the work where the kernel has it; a walk that looks at each component
 * (O_PATH | O_NOFOLLOW) where it answers ENOSYS or is filtered.
 *
 * Paths are relative to DIRFD; leading slashes and "." are ignored, an empty
 * path is DIRFD itself.  All descriptors are close-on-exec.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_err;

/* Open PATH without following any symbolic link, magic link or "..": the
 * rule for writing.  A link on the way is AC_E_INVALID, naming it.  Returns
 * the descriptor or -1; err->sys has errno for AC_E_SYS, AC_E_NOT_FOUND for
 * ENOENT. */
AC_MUSTUSE int ac_at_open(int dirfd, const char *path, int flags, mode_t mode,
			  struct ac_err *err);

/* The same for the regular file PATH, to read and without waiting; anything
 * else is AC_E_INVALID. */
AC_MUSTUSE int ac_at_open_file(int dirfd, const char *path, struct ac_err *err);

/* Open PATH as a process whose root is DIRFD would: links are followed, and
 * none leads out.  Magic links are refused (AC_E_INVALID), as are loops.  FLAGS
 * have no O_CREAT. */
AC_MUSTUSE int ac_at_open_in_root(int dirfd, const char *path, int flags,
				  struct ac_err *err);

/* Open the directory PATH, creating it and its missing parents with MODE,
 * whatever the umask; no link is followed.  Returns a descriptor of it, open
 * for reading. */
AC_MUSTUSE int ac_at_mkdirs(int dirfd, const char *path, mode_t mode,
			    struct ac_err *err);

/* Use the component walk from now on, as on a kernel without openat2.  For
 * tests. */
void ac_at_force_walk(bool on);

/* True when the walk is in use: forced, or because openat2 was found
 * missing. */
bool ac_at_walks(void);

#endif
