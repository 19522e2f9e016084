/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_BELOW_H
#define ACBUILD_BELOW_H

/*
 * What lies below the rootfs: the trees of the dependencies and of theirs.  The
 * layers of the store are used as they are; only whitelists make a tree of our
 * own needed, .acbuild/depstore-expanded/rootfs, which is kept as long as it is
 * right (.acbuild/depstore-expanded/plan).
 */

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/store/below.h"

struct ac_call;
struct ac_err;
struct ac_obtain;
struct work;

struct below {
	struct ac_strv lower; /* trees, absolute, bottom first */
	struct ac_below layers;
};
#define BELOW_INIT ((struct below){.layers = AC_BELOW_INIT})

/* Find, or fetch (FROM says how), and hold them.  No dependencies: an empty
 * list. */
AC_MUSTUSE int below_open(struct below *b, struct work *w,
			  struct ac_obtain *from, struct ac_err *err);
void below_release(struct below *b);

/* Bring a whitelist of our own up to date (removed.h): files may have come
 * since.  The command C fetches nothing for it: it is in a store. */
AC_MUSTUSE int below_whitelist(struct work *w, const struct ac_call *c,
			       struct ac_err *err);

#endif
