/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_CHECK_PRIV_H
#define AC_STORE_CHECK_PRIV_H

/* What the parts of the check of a store share; nobody else includes it. */

#include <sys/types.h>

#include "common/store/check.h"

struct check {
	struct ac_store *s;
	const struct ac_check_opts *o;
	uid_t owner; /* of the store */
	size_t left;
	bool unknown;     /* a record stays that nobody here can read */
	size_t no_xattrs; /* as in struct ac_verifier */
};

void check_tell(struct check *c, const struct ac_fault *f);
/* A fault with its remedy: DONE or WOULD, by whether it was repaired. */
void check_told(struct check *c, const char *object, const char *name,
		const char *what, const char *done, const char *would);
/* What somebody who was killed left, and the next collection puts right. */
void check_leftover(struct check *c, const char *object, const char *name,
		    const char *what, const char *done);

/* The directories of what is of use, and no more: http/ and partial/. */
AC_MUSTUSE int check_caches(struct check *c, struct ac_err *err);

#endif
