/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_SET_H
#define AC_BASE_SET_H

/*
 * A set of strings: open addressing over copies that it owns.  The hash is
 * seeded once a process, so that names from outside cannot be chosen to
 * collide.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_set {
	char **slots; /* owned; NULL or a string */
	size_t cap;   /* a power of two, or 0 */
	size_t n;     /* strings in it */
	size_t bytes; /* of all strings with their NULs: for limits */
};

#define AC_SET_INIT ((struct ac_set){.slots = NULL})

/* Add a copy of S: true when it was not there. */
bool ac_set_add(struct ac_set *s, const char *str);
bool ac_set_has(const struct ac_set *s, const char *str);
/* Take STR out: true when it was there. */
bool ac_set_del(struct ac_set *s, const char *str);

/* All strings, sorted by byte value: a new array of S->n borrowed pointers
 * (NULL when empty).  Caller frees the array; the set must not change while
 * it is used. */
AC_MUSTUSE const char **ac_set_sorted(const struct ac_set *s);

/* Free all, leave AC_SET_INIT. */
void ac_set_release(struct ac_set *s);

/* The hash of N bytes under the seed of this process. */
uint64_t ac_hash_bytes(const void *p, size_t n);

#endif
