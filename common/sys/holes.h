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

/* Find the holes of the regular file open as FD, of which ST is, when the file
 * system says that it has some: sets e->extents, which points into H.  Where
 * they are is then a matter of the content alone (blocks of 4 KiB without
 * anything but zeros), so that it is the same on every file system.  FD is at
 * its start afterwards.  WHAT names it in messages. */
AC_MUSTUSE int ac_holes_find(struct ac_holes *h, int fd, const struct stat *st,
			     const char *what, struct ac_entry *e,
			     struct ac_err *err);
void ac_holes_release(struct ac_holes *h);

#endif
