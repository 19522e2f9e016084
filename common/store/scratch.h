/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_SCRATCH_H
#define AC_STORE_SCRATCH_H

/*
 * Directories in ingest/, each locked while its process lives (spec/store.md
 * S10).  What is not locked there is left over, whoever left it, and may be
 * removed at any time.  Internal to the store.
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_err;

struct ac_scratch {
	int parent; /* ingest/, owned */
	int fd;     /* the directory, owned; holds the lock */
	char name[24];
};

#define AC_SCRATCH_INIT ((struct ac_scratch){.parent = -1, .fd = -1})

/* Make a new one, empty, 0700, locked. */
AC_MUSTUSE int ac_scratch_open(struct ac_scratch *d, const struct ac_store *s,
			       struct ac_err *err);
/* Remove it with all in it; what was renamed out of it stays. */
void ac_scratch_release(struct ac_scratch *d);

/* Move NAME in DIRFD (a layer) to ingest/ and remove it there, unless a process
 * holds it: then the sweep after that process removes it.  What cannot be
 * removed is left to the next sweep, with a warning. */
AC_MUSTUSE int ac_scratch_discard(const struct ac_store *s, int dirfd,
				  const char *name, struct ac_err *err);

/* Is NAME in PARENT still what is open as FD?  It may have been removed while
 * its lock was waited for. */
bool ac_scratch_same(int fd, int parent, const char *name);

/* Remove whatever nobody holds.  What cannot be removed does not keep it from
 * the rest: the error is that of the first. */
AC_MUSTUSE int ac_scratch_sweep(const struct ac_store *s, struct ac_err *err);

#endif
