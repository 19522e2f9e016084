/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_REMOVED_H
#define ACBUILD_REMOVED_H

/*
 * What commands have deleted of the dependencies.  Such files cannot be taken
 * out of an image below; they are left out by a pathWhitelist of all others.
 *
 *	.acbuild/removed/	whiteouts alone: a layer above the dependencies
 *				and below the rootfs, so that what is deleted
 *				stays so
 *	.acbuild/whitelist	the list that was worked out; while it is the
 *				manifest's, it is ours to keep up to date
 *	.acbuild/flat		the file system has no whiteouts: the list alone
 *				says what was deleted
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/set.h"
#include "common/base/str.h"

struct ac_err;
struct work;

/* The trees below the rootfs, open: the dependencies' bottom first, and above
 * them the whiteouts. */
struct under {
	int *roots; /* owned; one place more than n, for the rootfs */
	size_t n;   /* the last one is .acbuild/removed */
	bool no_whiteouts;
	struct ac_set gone;     /* deleted, where there are none */
	struct ac_strv deleted; /* the first ones of what was, for the note */
	size_t n_deleted;
};
#define UNDER_INIT ((struct under){.roots = NULL})

/* Open LOWER; .acbuild/removed is made. */
AC_MUSTUSE int under_open(struct under *u, struct work *w,
			  const struct ac_strv *lower, struct ac_err *err);
void under_release(struct under *u);

/* Delete PATH (clean) of what is below: 1, 0 when it is not there. */
AC_MUSTUSE int removed_add(struct under *u, const char *path,
			   struct ac_err *err);
/* Tell the user what was. */
void removed_tell(const struct under *u);

/* Has anything been deleted?  Otherwise .acbuild/removed goes. */
AC_MUSTUSE int removed_any(struct work *w, struct ac_err *err);

/* There is nothing below any more. */
AC_MUSTUSE int removed_forget(struct work *w, struct ac_err *err);

/* Does the whitelist alone say what was deleted? */
bool removed_is_flat(const struct work *w);

/* Is the manifest's pathWhitelist our own? */
AC_MUSTUSE int whitelist_is_ours(struct work *w, struct ac_err *err);

/* Make w->doc's whitelist say what the build is: worked out anew when it is
 * ours, or when something was deleted and there was none; a list of the user's
 * loses what was deleted and gets the paths of the rootfs that BEFORE (may be
 * NULL) does not have.  What is below is U. */
AC_MUSTUSE int whitelist_update(struct work *w, const struct under *u,
				const struct ac_set *before,
				struct ac_err *err);

/* The paths of the rootfs into SET. */
AC_MUSTUSE int rootfs_paths(struct work *w, struct ac_set *set,
			    struct ac_err *err);

#endif
