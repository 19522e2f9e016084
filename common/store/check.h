/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_CHECK_H
#define AC_STORE_CHECK_H

/*
 * The whole store compared with spec/store.md, and repaired (S52, S53): its
 * directories, every record, every blob and layer that one names, names that
 * two records have, and what no record needs.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/store/store.h"
#include "common/store/verify.h"

struct ac_err;
struct ac_secret;

struct ac_check_opts {
	bool repair;
	bool quick; /* blobs and layers have to be there, unread */
	struct ac_secret *secret; /* for encrypted images, or NULL */
	void (*tell)(void *ctx, const struct ac_fault *f);
	void *ctx;
};

/* Check S, which nobody else changes meanwhile: it waits for those who add.
 * Told are all faults and leftovers; *left gets the number of faults that are
 * still there in the end.  -1: the check could not be done. */
AC_MUSTUSE int ac_store_check(struct ac_store *s, const struct ac_check_opts *o,
			      size_t *left, struct ac_err *err);

#endif
