/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_TMPDIR_H
#define AC_SYS_TMPDIR_H

/*
 * Directories for the time of a command.  Whoever uses one holds a lock on it;
 * one that is not locked was left by a process that was killed, and goes when
 * the next of its kind is made.
 */

#include "common/base/attr.h"

struct ac_err;

struct ac_tmpdir {
	int parent;
	int fd; /* locked */
	char *path;
};

#define AC_TMPDIR_INIT ((struct ac_tmpdir){.parent = -1, .fd = -1})

/* $TMPDIR, or /tmp where that is not set or not absolute. */
const char *ac_tmpdir_base(void);

/* A file without a name in the directory DIR, to write and to read: it is gone
 * with its descriptor, which is returned. */
AC_MUSTUSE int ac_tmpdir_file(const char *dir, struct ac_err *err);

/* Make PARENT/PREFIXxxxxxx, mode 0700.  Whatever is called so there, is ours
 * and not locked is removed: a prefix is of one kind of directory. */
AC_MUSTUSE int ac_tmpdir_make(struct ac_tmpdir *s, const char *parent,
			      const char *prefix, struct ac_err *err);

/* Remove it, with all that is in it; on INIT nothing.  A failure is a
 * warning. */
void ac_tmpdir_release(struct ac_tmpdir *s);

#endif
