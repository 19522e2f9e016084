/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_APART_H
#define AC_SYS_APART_H

/*
 * One piece of work in a confined child (confine.h), for a program that reads
 * what others wrote and needs its privileges afterwards:
 *
 *	static int unpack(void *ctx, struct ac_buf *out, struct ac_err *err)
 *	{
 *		...open the directory by its path, unpack into it...
 *		ac_buf_adds(out, what_the_parent_wants);
 *		return 0;		(or more; or -1 with *err)
 *	}
 *
 *	struct ac_apart how = {.confine = &c, .what = "'x.aci'"};
 *
 *	ac_confine_write(&c, dir);
 *	r = ac_apart(&how, unpack, &job, &out, err);
 *
 * The child begins with all that is in memory; only what is in OUT and *err,
 * and what it wrote to files, comes back.  OUT was made of foreign bytes:
 * believe it as little as these.
 *
 * Of descriptors it keeps the standard ones, those that our caller gave us
 * (they are not close-on-exec) and KEEP; others are closed in it, because they
 * are of mounts outside of the confinement: what the work needs it opens by
 * path.
 *
 * The child ends when we do, and when we are to end (interrupt.h).
 */

#include <stddef.h>

#include "common/base/attr.h"

struct ac_buf;
struct ac_confine;
struct ac_err;

struct ac_apart {
	const struct ac_confine *confine;
	unsigned int flags; /* enum ac_confine_flags */
	const int *keep;    /* descriptors that the child keeps, */
	size_t n_keep;      /* so many; -1 in it is none */
	const char *what;   /* that it reads, for messages */
};

typedef int (*ac_apart_fn)(void *ctx, struct ac_buf *out, struct ac_err *err);

/* Do FN in a child.  Returns what FN returned, with what it added to OUT (whose
 * maximum counts) and *err; -1 when there could be no child or it died.  Call
 * it while there is no other thread. */
AC_MUSTUSE int ac_apart(const struct ac_apart *how, ac_apart_fn fn, void *ctx,
			struct ac_buf *out, struct ac_err *err);

#endif
