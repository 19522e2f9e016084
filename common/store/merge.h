/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_MERGE_H
#define AC_STORE_MERGE_H

/*
 * The reader of merged trees: what a plan (plan.h) makes of its layers, as
 * entries, depth first and each directory's names in byte order, like
 * sys/treerd.h.  Removals in an image's layers reach its own lower layers; the
 * images' whitelists are obeyed.  For the store, and
 * for who builds images of layers.
 */

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/set.h"
#include "common/sys/entry.h"

struct ac_err;
struct ac_merge;

struct ac_merge_layer {
	int root;     /* borrowed */
	size_t image; /* layers of one image stand beside each other */
	const struct ac_set *only; /* paths that stay, or NULL: all */
	const struct ac_set *ways; /* directories on the way to them */
};

/* LAYERS, bottom first, borrowed until free. */
AC_MUSTUSE struct ac_merge *ac_merge_new(const struct ac_merge_layer *layers,
					 size_t n);
/* Next entry: 1, 0 at the end, -1; the root (path "") comes first.  *fd is a
 * descriptor of a regular file's content (owned by the reader, valid until the
 * next call), else -1. */
AC_MUSTUSE int ac_merge_next(struct ac_merge *m, struct ac_entry *e, int *fd,
			     struct ac_err *err);
void ac_merge_free(struct ac_merge *m);

#endif
