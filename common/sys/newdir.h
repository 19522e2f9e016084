/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_NEWDIR_H
#define AC_SYS_NEWDIR_H

/*
 * The directory a user named for a command's result: it appears whole or not
 * at all, and an earlier one stays until then.
 *
 *	AC_CLEANUP(ac_newdir_release) struct ac_newdir d = AC_NEWDIR_INIT;
 *
 *	if (ac_newdir_open(&d, path, overwrite, err) < 0 ||
 *	    ...make files in d.fd... )
 *		return -1;
 *	return ac_newdir_commit(&d, false, err);
 *
 * Until then all is in a directory `.tmp-...` that only its owner can enter:
 * beside PATH, or inside it when PATH is an empty directory (which may be a
 * mount point, or somebody's working directory).
 */

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_err;

struct ac_newdir {
	int fd;       /* of the directory being made: work beneath it */
	int parent;   /* where it is; owned */
	char *name;   /* its final name in parent; NULL: it is inside */
	char tmp[32]; /* its name in parent until commit; "": none */
	mode_t mode;  /* what the user's mask leaves of 0777 */
	bool replace;
};

#define AC_NEWDIR_INIT ((struct ac_newdir){.fd = -1, .parent = -1})

/* Start making PATH.  AC_E_EXISTS when it is there and not empty, without
 * OVERWRITE; with it the directory will be replaced as a whole.  What is no
 * directory is never replaced (AC_E_INVALID).  "." and ".." must be empty, or
 * it is AC_E_USAGE. */
AC_MUSTUSE int ac_newdir_open(struct ac_newdir *d, const char *path,
			      bool overwrite, struct ac_err *err);

/* All was made: put it in its place.  KEEP: the attributes of d->fd itself were
 * set and are to stay; otherwise PATH gets the mode that the user's mask
 * leaves, or keeps its own when it was there and empty. */
AC_MUSTUSE int ac_newdir_commit(struct ac_newdir *d, bool keep,
				struct ac_err *err);

/* Remove what was not committed, or was replaced; a no-op on INIT. */
void ac_newdir_release(struct ac_newdir *d);

#endif
