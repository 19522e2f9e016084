/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_FPMAP_H
#define AC_BASE_FPMAP_H

/*
 * A hash table that keeps of its keys only 128-bit fingerprints (XXH3, seeded
 * anew in every process), and a number for each: 24 bytes a slot, for sets of
 * millions of names that need not be listed.  Two keys with one fingerprint
 * would be taken for one; nobody can make such a pair without the seed, and by
 * chance it does not happen.
 *
 *	AC_CLEANUP(ac_fpmap_release) struct ac_fpmap m = AC_FPMAP_INIT;
 *
 *	if (!ac_fpmap_add(&m, path, strlen(path), NULL))
 *		...it was there before...
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_fpmap_slot {
	uint64_t lo, hi; /* both 0: the slot is free */
	uint32_t value;
};

struct ac_fpmap {
	struct ac_fpmap_slot *slots; /* owned */
	size_t cap;                  /* a power of two, or 0 */
	size_t n;
};

#define AC_FPMAP_INIT ((struct ac_fpmap){.slots = NULL})

/* Add KEY with value 0 when it is not there: true when it was not.  *value (may
 * be NULL) points to its value until the next add. */
bool ac_fpmap_add(struct ac_fpmap *m, const void *key, size_t len,
		  uint32_t **value);
/* The value of KEY, or NULL.  Valid until the next add. */
uint32_t *ac_fpmap_get(const struct ac_fpmap *m, const void *key, size_t len);
void ac_fpmap_release(struct ac_fpmap *m);

#endif
