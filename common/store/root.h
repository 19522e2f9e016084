/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_ROOT_H
#define AC_STORE_ROOT_H

/* The layers of a plan, open and held, as merge.h reads them.  Internal to the
 * store. */

#include <stddef.h>

#include "common/base/attr.h"
#include "common/store/merge.h"
#include "common/store/plan.h"
#include "common/store/store.h"

struct ac_err;

struct ac_root {
	struct ac_merge_layer *layers; /* bottom first; room for one more */
	int *locks;                    /* of each */
	size_t n;
	struct ac_set *ways; /* of each image of the plan */
	size_t n_images;
};
#define AC_ROOT_INIT ((struct ac_root){.n = 0})

/* Open the layers of P, which must outlive R. */
AC_MUSTUSE int ac_root_open(struct ac_root *r, const struct ac_store *s,
			    const struct ac_plan *p, struct ac_err *err);
void ac_root_release(struct ac_root *r);

#endif
