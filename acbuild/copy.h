/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_COPY_H
#define ACBUILD_COPY_H

/* Files of the host into the image. */

#include "common/base/attr.h"

struct ac_call;
struct ac_err;
struct work;

/* copy and copy-to-dir, on the build or with --modify on an image. */
int run_copy(struct ac_call *c, struct ac_err *err);

/* Copy SRC, named from the current directory, to the new name DST below
 * DSTFD.  Owners are kept by root, and otherwise are the user.  A tree that
 * holds the build itself is refused. */
AC_MUSTUSE int copy_tree(struct work *w, const char *src, int dstfd,
			 const char *dst, struct ac_err *err);

/* Make the directory NAME in DIRFD, 0755 with the build's time; DIRFD keeps
 * its own.  Returns a descriptor of it. */
AC_MUSTUSE int make_dir(int dirfd, const char *name, struct ac_err *err);

#endif
