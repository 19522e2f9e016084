/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_MAP_H
#define AC_BASE_MAP_H

/*
 * A hash table from bytes to pointers.  Keys and values are borrowed: a key
 * usually lives in its value.  The hash is seeded anew in every process, so
 * that input cannot choose names that collide.
 *
 *	AC_CLEANUP(ac_map_release) struct ac_map m = AC_MAP_INIT;
 *
 *	ac_map_put(&m, f->path, strlen(f->path), f);
 *	f = ac_map_get(&m, "a/b", 3);
 */

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_map_slot {
	uint64_t hash;
	const void *key; /* borrowed; NULL: the slot is free */
	size_t len;
	void *value; /* borrowed */
};

struct ac_map {
	struct ac_map_slot *slots; /* owned */
	size_t cap;                /* a power of two, or 0 */
	size_t n;
};

#define AC_MAP_INIT ((struct ac_map){.slots = NULL})

/* The value of KEY, or NULL. */
void *ac_map_get(const struct ac_map *m, const void *key, size_t len);
/* Set the value of KEY, replacing (key and value) what was there.  VALUE is
 * not NULL. */
void ac_map_put(struct ac_map *m, const void *key, size_t len, void *value);
/* Remove KEY and return its value, or NULL. */
void *ac_map_take(struct ac_map *m, const void *key, size_t len);
/* Forget all; keys and values are the caller's. */
void ac_map_release(struct ac_map *m);

#endif
