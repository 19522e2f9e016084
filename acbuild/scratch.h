/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_SCRATCH_H
#define ACBUILD_SCRATCH_H

/*
 * Directories for the time of a command.  Whoever uses one holds a lock on it;
 * one that is not locked was left by a process that was killed, and goes when
 * the next of its kind is made.
 */

#include "common/base/attr.h"

struct ac_err;

struct scratch {
	int parent;
	int fd; /* locked */
	char *path;
};

#define SCRATCH_INIT ((struct scratch){.parent = -1, .fd = -1})

/* Make PARENT/PREFIXxxxxxx, mode 0700. */
AC_MUSTUSE int scratch_make(struct scratch *s, const char *parent,
			    const char *prefix, struct ac_err *err);

/* Remove it, with all that is in it; on INIT nothing.  A failure is a
 * warning. */
void scratch_release(struct scratch *s);

#endif
