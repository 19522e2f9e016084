/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_PLAN_H
#define AC_STORE_PLAN_H

/*
 * What the root of an image is made of: the image and its dependencies in the
 * order of the specification, bottom first, each with its layers and with the
 * paths that the whitelists on its way leave of it (spec/store.md S40).
 * Internal to the store.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/set.h"
#include "common/store/store.h"

struct ac_buf;
struct ac_err;
struct ac_root;

struct ac_plan_image {
	char *id;
	struct ac_strv layers; /* bottom first */
	bool filtered;         /* a whitelist is on its way: */
	struct ac_set only;    /* clean paths that stay */
};

struct ac_plan {
	struct ac_plan_image *v; /* bottom first */
	size_t n;
	bool flat; /* an overlay of the layers would not be the same */
};
#define AC_PLAN_INIT ((struct ac_plan){.v = NULL})

AC_MUSTUSE int ac_plan_make(const struct ac_store *s, const struct ac_record *r,
			    struct ac_plan *out, struct ac_err *err);
void ac_plan_release(struct ac_plan *p);

/* Write the layers of FROM as one tree into the empty directory DIRFD
 * (render.c). */
AC_MUSTUSE int ac_plan_render(const struct ac_root *from, int dirfd,
			      struct ac_err *err);

/* Append the plan as text, the same for the same plan: kept beside a flattened
 * tree to know what it was made of. */
void ac_plan_print(const struct ac_plan *p, struct ac_buf *out);

/* The name of R's flattened tree below layers/.  Caller frees. */
AC_MUSTUSE char *ac_plan_layer(const struct ac_record *r);
/* Is that tree here, made by this plan?  1, 0, -1. */
AC_MUSTUSE int ac_plan_is_made(const struct ac_store *s,
			       const struct ac_record *r,
			       const struct ac_plan *p, struct ac_err *err);

#endif
