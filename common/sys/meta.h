/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_META_H
#define AC_SYS_META_H

/*
 * All that a file is but its content, read from a file system as an entry.
 *
 *	AC_CLEANUP(ac_meta_release) struct ac_meta m = AC_META_INIT;
 *
 *	if (ac_meta_read(&m, dirfd, "name", err) < 0)
 *		return -1;
 *	m.e.path = "where/it/goes";	(the path is the caller's to say)
 */

#include <sys/stat.h>

#include "common/base/attr.h"
#include "common/sys/entry.h"

struct ac_err;
struct treerd_xattrs;

struct ac_meta {
	struct ac_entry e; /* .path is NULL, no extents; owned by this */
	struct stat st;
	struct treerd_xattrs *xattrs; /* owned: what e.xattrs points into */
};

#define AC_META_INIT ((struct ac_meta){.e.path = NULL})

/* Read NAME in DIRFD: one component, not followed; "" is DIRFD itself.
 * Extended attributes as treerd.h tells them.  A socket
 * is AC_E_INVALID.  M is INIT or was read before. */
AC_MUSTUSE int ac_meta_read(struct ac_meta *m, int dirfd, const char *name,
			    struct ac_err *err);
void ac_meta_release(struct ac_meta *m);

#endif
