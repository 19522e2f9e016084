/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_ATOMIC_H
#define AC_SYS_ATOMIC_H

/*
 * Files that appear whole or not at all.
 *
 *	AC_CLEANUP(ac_atomic_release) struct ac_atomic a = AC_ATOMIC_INIT;
 *
 *	if (ac_atomic_open(&a, dirfd, "manifest", 0444, err) < 0 ||
 *	    ac_write_all(a.fd, data, len, err) < 0)
 *		return -1;		(the temporary file is removed)
 *	return ac_atomic_commit(&a, err);
 *
 * Where the file system knows files without a name (O_TMPFILE) the file has
 * none until it is committed: a process that is killed leaves nothing, but when
 * it replaces a file and is killed in the moment with both names; then the next
 * that writes the file removes what was left.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_err;

struct ac_atomic {
	int fd;           /* write here (and read back); -1: not open */
	int dirfd;        /* borrowed */
	const char *name; /* borrowed: the final name */
	char tmp[32];     /* its name in dirfd until commit; "": none */
	bool fresh;       /* set after open: commit replaces nothing */
};

#define AC_ATOMIC_INIT ((struct ac_atomic){.fd = -1, .dirfd = -1})

/* Start writing NAME in DIRFD, with MODE less the umask.  NAME is one
 * component: no slash.  Both are borrowed until commit or release. */
AC_MUSTUSE int ac_atomic_open(struct ac_atomic *a, int dirfd, const char *name,
			      mode_t mode, struct ac_err *err);

/* Flush to disk and rename into place, over what has the name, or, when it is
 * to be fresh, AC_E_EXISTS.  On failure nothing has changed. */
AC_MUSTUSE int ac_atomic_commit(struct ac_atomic *a, struct ac_err *err);

/* The same without the flush, for what may be lost with the machine's power
 * (never with the process): it costs no wait for the disk. */
AC_MUSTUSE int ac_atomic_commit_unflushed(struct ac_atomic *a,
					  struct ac_err *err);

/* Flush the directory DIRFD (O_PATH will do): names and renames in it. */
AC_MUSTUSE int ac_atomic_sync_dir(int dirfd, struct ac_err *err);

/* All in one: NAME in DIRFD becomes the N bytes at P. */
AC_MUSTUSE int ac_atomic_write(int dirfd, const char *name, mode_t mode,
			       const void *p, size_t n, struct ac_err *err);

/* Forget an uncommitted file.  A no-op after commit, and on INIT. */
void ac_atomic_release(struct ac_atomic *a);

#endif
