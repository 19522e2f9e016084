/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_SETTLE_H
#define ACBUILD_SETTLE_H

/*
 * From the top of an overlay back to an ordinary tree.
 *
 * While a command runs in the rootfs, .acbuild/running names the trees below;
 * whoever finds it there afterwards, be it that acbuild or, when it was killed,
 * the next one, settles the rootfs: whiteouts and opaque directories become
 * entries of .acbuild/removed (removed.h), overlay's attributes go, and so do
 * sockets, which no image can hold.  Doing it twice is doing it once.
 */

#include "common/base/attr.h"

struct ac_err;
struct ac_set;
struct ac_strv;
struct work;

/* LOWER (absolute paths, bottom first) lies below the rootfs from now on. */
AC_MUSTUSE int settle_begin(struct work *w, const struct ac_strv *lower,
			    struct ac_err *err);

/* Settle the rootfs, and save the manifest when its whitelist changed.  BEFORE
 * (may be NULL) are the paths the rootfs had. */
AC_MUSTUSE int settle(struct work *w, const struct ac_set *before,
		      struct ac_err *err);

/* The same when somebody was killed before he could. */
AC_MUSTUSE int settle_if_needed(struct work *w, struct ac_err *err);

/* Settle ROOT, below which nothing lay: sockets go. */
AC_MUSTUSE int settle_copy(int root, struct ac_err *err);

#endif
