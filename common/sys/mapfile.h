/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_MAPFILE_H
#define AC_SYS_MAPFILE_H

/*
 * A whole file as memory, for what must have it in one piece.  The pages are
 * the page cache's, so that a file of any size costs no memory of the process.
 *
 * Somebody may cut the file while it is mapped: what is gone then reads as
 * zeroes, and ac_mapfile_intact says so, instead of the process being killed by
 * SIGBUS.  One map at a time in a process, and only the thread that made it
 * reads it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;

struct ac_mapfile {
	const uint8_t *p; /* NULL: nothing is mapped */
	size_t len;
};
#define AC_MAPFILE_INIT ((struct ac_mapfile){.p = NULL})

/* Map LEN bytes (not 0) of FD, a regular file, from its start.  WHAT names it
 * in messages. */
AC_MUSTUSE int ac_mapfile_open(struct ac_mapfile *m, int fd, size_t len,
			       const char *what, struct ac_err *err);

/* No page was missing so far. */
bool ac_mapfile_intact(const struct ac_mapfile *m);

void ac_mapfile_release(struct ac_mapfile *m); /* a no-op on INIT */

#endif
