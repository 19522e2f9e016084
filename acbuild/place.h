/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_PLACE_H
#define ACBUILD_PLACE_H

/* Files of this machine into the rootfs: whole or not at all, and never outside
 * of it, whatever links it has. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;
struct work;

/* What one command copies, and where to. */
struct item {
	const char *src;
	char *name;  /* of the copy, in copies.parent; owned */
	char *shown; /* its path in the image; owned */
};

struct copies {
	const char *dst;    /* as the user named it */
	char *parent;       /* the directory in the image, clean; owned */
	bool into_dir;      /* dst is that directory */
	struct item *items; /* owned */
	size_t n;
};

/* Copy all of C: aside first, then only names change.  Links in the rootfs are
 * followed as the image itself would follow them; missing directories are made
 * 0755, and those that get new names keep their time. */
AC_MUSTUSE int place(struct work *w, const struct copies *c,
		     struct ac_err *err);
void copies_release(struct copies *c);

/* Copy SRC, named from the current directory, to the new name DST below
 * DSTFD.  Owners are kept by root, and otherwise are the user.  A tree that
 * holds the build itself is refused. */
AC_MUSTUSE int copy_tree(struct work *w, const char *src, int dstfd,
			 const char *dst, struct ac_err *err);

/* Make the directory NAME in DIRFD, 0755 with the build's time; DIRFD keeps
 * its own.  Returns a descriptor of it. */
AC_MUSTUSE int make_dir(int dirfd, const char *name, struct ac_err *err);

#endif
