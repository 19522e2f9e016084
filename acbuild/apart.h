/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_APART_H
#define ACBUILD_APART_H

/* What others wrote (images, archives, layers) is read by a child that has
 * given up what it does not need (common/sys/apart.h): the command goes on
 * afterwards, and needs its privileges. */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/sys/apart.h"

struct ac_err;
struct work;

/* What the child may read beside .acbuild, which it may write. */
struct apart {
	const char *what;  /* it reads, for messages */
	const char *file;  /* a file or directory, or NULL */
	const char *store; /* of --dir, with those that are read; or NULL */
	int fd;            /* open in it, too; -1: none */
	bool tmp;          /* temporary files, in $TMPDIR */
	bool doc;          /* what it makes of w->doc comes back */
};

/* FN in a child.  In *w the directories are opened anew there, all but the
 * rootfs.  Returns what FN returned. */
typedef int (*apart_fn)(struct work *w, const void *ctx, struct ac_err *err);
AC_MUSTUSE int apart(struct work *w, const struct apart *needs, apart_fn fn,
		     const void *ctx, struct ac_err *err);

/* FN in a child, without a build, that may read FILE, and ALSO unless that is
 * NULL; and write where FILE is when WRITE. */
AC_MUSTUSE int apart_file(const char *file, const char *also, bool write,
			  ac_apart_fn fn, const void *ctx, struct ac_buf *out,
			  struct ac_err *err);

#endif
