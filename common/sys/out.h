/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_OUT_H
#define AC_SYS_OUT_H

/*
 * The file a user named for a command's result: it appears whole or not at
 * all (atomic.h), and an earlier one stays until then.
 *
 *	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
 *
 *	if (ac_out_open(&out, path, overwrite, err) < 0 ||
 *	    ...write to out.fd... )
 *		return -1;
 *	return ac_out_commit(&out, err);
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/sys/atomic.h"

struct ac_err;

struct ac_out {
	int fd; /* borrowed from .file: write here */
	int dirfd;
	char *name; /* of the file in dirfd */
	struct ac_atomic file;
};

#define AC_OUT_INIT                   \
	((struct ac_out){.fd = -1,    \
			 .dirfd = -1, \
			 .file = {.fd = -1, .dirfd = -1}})

/* Start writing PATH with the mode that the user's mask leaves.  A file that is
 * there is AC_E_EXISTS without OVERWRITE; what is not a regular file is never
 * replaced (AC_E_INVALID), nor is a link to such.  Any other link is replaced
 * itself. */
AC_MUSTUSE int ac_out_open(struct ac_out *o, const char *path, bool overwrite,
			   struct ac_err *err);

/* Start replacing PATH, which must be a regular file; the new one gets its mode
 * and, where that is allowed, its owner, access list and attributes.  A link
 * is followed. */
AC_MUSTUSE int ac_out_replace(struct ac_out *o, const char *path,
			      struct ac_err *err);

/* All was written: put it in its place.  Without OVERWRITE a file that has got
 * the name meanwhile is AC_E_EXISTS. */
AC_MUSTUSE int ac_out_commit(struct ac_out *o, struct ac_err *err);

/* Forget what was not committed; a no-op on INIT. */
void ac_out_release(struct ac_out *o);

#endif
