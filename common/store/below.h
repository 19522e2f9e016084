/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_BELOW_H
#define AC_STORE_BELOW_H

/*
 * What lies below an image that is still being made: its dependencies, as the
 * specification orders them, from a store.
 *
 *	if (ac_below_open(&b, &store, &image, err) < 0)
 *		return -1;
 *	if (b.flat)	(an overlay of the layers would not be the same)
 *		...ac_below_render(&b, dirfd, err)...
 *	else		...b.paths, bottom first...
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/codec/digest.h"
#include "common/image/manifest.h"
#include "common/store/store.h"
#include "common/sys/entry.h"

struct ac_err;
struct ac_plan;
struct ac_root;

struct ac_below {
	char plan[AC_DIGEST_TEXT]; /* the same for the same trees */
	bool flat;
	struct ac_strv paths; /* of the layers' roots, absolute */
	/* Below here: below.c's own. */
	struct ac_plan *images;
	struct ac_root *root; /* the layers, open and held */
};
#define AC_BELOW_INIT ((struct ac_below){.images = NULL})

/* Find, open and hold the layers of M's dependencies and of theirs; M's own
 * whitelist counts as one on their way.  The store may be released before B is.
 * A missing dependency is AC_E_NOT_FOUND, a cycle AC_E_INVALID. */
AC_MUSTUSE int ac_below_open(struct ac_below *b, const struct ac_store *s,
			     const struct ac_image *m, struct ac_err *err);
void ac_below_release(struct ac_below *b);

/* Write them as one tree into the empty directory DIRFD. */
AC_MUSTUSE int ac_below_render(const struct ac_below *b, int dirfd,
			       struct ac_err *err);

/* The entries of the trees ROOTS (bottom first) as an overlay of them shows
 * them, in order; whiteouts in one hide what is below it.  *fd in FN is the
 * content of a regular file, else -1. */
typedef int (*ac_merged_fn)(void *ctx, const struct ac_entry *e, int fd,
			    struct ac_err *err);
AC_MUSTUSE int ac_merged_each(const int *roots, size_t n, ac_merged_fn fn,
			      void *ctx, struct ac_err *err);

/* Is PATH (clean) there in them, no link being followed?  1, 0, -1; a directory
 * when *is_dir. */
AC_MUSTUSE int ac_merged_has(const int *roots, size_t n, const char *path,
			     bool *is_dir, struct ac_err *err);

#endif
