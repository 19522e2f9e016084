/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_LINKS_H
#define CONVERT_LINKS_H

/* Hard links that wait for their target. */

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/map.h"
#include "common/sys/entry.h"

struct ac_err;

/* One: its path, and its own attributes. */
struct link {
	char *path; /* owned */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime;
	uint32_t mtime_ns;
};

/* Those that wait for one target. */
struct want {
	unsigned int since; /* layer of the first of them */
	char *target;       /* owned */
	struct link *v;
	size_t n;
	size_t at; /* its place among all */
};

struct wants {
	struct ac_map map; /* target to want */
	struct want **v;   /* in the order of their first link; NULL: taken */
	size_t n;
	size_t waiting; /* not taken */
	size_t bytes;   /* of names, for the limit */
};

/* Let the link LINK of layer SINCE, of which the path is moved here, wait for
 * TARGET. */
AC_MUSTUSE int wants_add(struct wants *w, const char *target, struct link *link,
			 unsigned int since, struct ac_err *err);
/* Those that wait for TARGET, which wait no longer; or NULL.  The caller
 * frees. */
struct want *wants_take(struct wants *w, const char *target);
void want_free(struct want *w);
static inline void want_freep(struct want **w)
{
	want_free(*w);
}
void wants_release(struct wants *w);

#endif
