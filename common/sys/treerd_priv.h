/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_TREERD_PRIV_H
#define AC_SYS_TREERD_PRIV_H

/* The extended attributes of one file, for treerd.c and meta.c. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/sys/entry.h"

struct ac_err;

/* Memory that is used again for each file.  All owned. */
struct treerd_xattrs {
	char *list; /* names as the kernel lists them */
	size_t list_cap;
	char *values;
	size_t values_cap;
	struct ac_xattr *v; /* what is told; points into the two above */
	size_t v_cap;
	bool overlay; /* overlay's own are told, too */
};

/* Read the attributes of FD or, when it is -1, of NAME in DIRFD into X and
 * e->xattrs, sorted by name.  PATH is for messages. */
AC_MUSTUSE int treerd_xattrs(struct treerd_xattrs *x, int fd, int dirfd,
			     const char *name, const char *path,
			     struct ac_entry *e, struct ac_err *err);
void treerd_release_xattrs(struct treerd_xattrs *x);

#endif
