/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_TARGET_H
#define ACBUILD_TARGET_H

/*
 * Running without an overlay, when there are dependencies: .acbuild/target is a
 * copy of the dependencies and the rootfs, in which the command runs, and what
 * it changed there makes the new rootfs.  A crash before that is done leaves
 * the rootfs as it was.
 */

#include "common/base/attr.h"

struct ac_err;
struct target;
struct under;
struct work;

/* Make .acbuild/target of U and the rootfs, and remember it.  The result is to
 * be freed. */
AC_MUSTUSE struct target *target_make(struct work *w, const struct under *u,
				      struct ac_err *err);
void target_freep(struct target **t);

/* Take what has changed in it into the rootfs (w->rootfs is another directory
 * afterwards), and what was deleted into .acbuild/removed. */
AC_MUSTUSE int target_take(struct target *t, struct work *w, struct under *u,
			   struct ac_err *err);

#endif
