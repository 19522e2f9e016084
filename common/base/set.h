/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_SET_H
#define AC_BASE_SET_H

/* A set of strings, of which it keeps copies (see base/map.h for how). */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/map.h"

struct ac_set {
	struct ac_map map; /* keys are its strings, owned */
	size_t bytes;      /* of all strings with their NULs: for limits */
};

#define AC_SET_INIT ((struct ac_set){.bytes = 0})

/* Add a copy of STR: true when it was not there. */
bool ac_set_add(struct ac_set *s, const char *str);
bool ac_set_has(const struct ac_set *s, const char *str);
/* Take STR out: true when it was there. */
bool ac_set_del(struct ac_set *s, const char *str);
/* How many strings. */
size_t ac_set_len(const struct ac_set *s);

/* One string after the other, in no order: *it starts as 0; NULL at the end.
 * Borrowed; the set must not change meanwhile. */
const char *ac_set_next(const struct ac_set *s, size_t *it);
/* All strings, sorted by byte value: a new array of borrowed pointers, ending
 * with NULL.  Caller frees the array. */
AC_MUSTUSE const char **ac_set_sorted(const struct ac_set *s);

/* Free all, leave AC_SET_INIT. */
void ac_set_release(struct ac_set *s);

#endif
