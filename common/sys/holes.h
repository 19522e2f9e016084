/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_HOLES_H
#define AC_SYS_HOLES_H

/* Where a sparse file has data, so that nobody reads or writes the rest: such
 * files may claim more bytes than any disk has. */

#include <stddef.h>
#include <sys/stat.h>

#include "common/base/attr.h"
#include "common/sys/entry.h"

struct ac_err;

struct ac_holes {
	struct ac_extent *v; /* owned; memory is used again */
	size_t cap;
	char *buf; /* owned */
};

#define AC_HOLES_INIT ((struct ac_holes){.v = NULL})

/* Is the regular file open as FD, of which ST is, sparse, and where?  Sets
 * e->extents, which points into H.  That is a matter of the content alone, the
 * same on every file system: a file is sparse when 1 MiB of it at a stretch
 * (whole aligned blocks of 4 KiB) is zeros, and then all such blocks are holes.
 * FD is at its start afterwards.  WHAT names it in messages. */
AC_MUSTUSE int ac_holes_find(struct ac_holes *h, int fd, const struct stat *st,
			     const char *what, struct ac_entry *e,
			     struct ac_err *err);

/* The same for a copy on this machine: sparse is what takes less room on disk
 * than its size. */
AC_MUSTUSE int ac_holes_on_disk(struct ac_holes *h, int fd,
				const struct stat *st, const char *what,
				struct ac_entry *e, struct ac_err *err);
void ac_holes_release(struct ac_holes *h);

#endif
