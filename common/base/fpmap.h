/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_FPMAP_H
#define AC_BASE_FPMAP_H

/*
 * A hash table that keeps of its keys only 96-bit fingerprints (XXH3, seeded
 * anew in every process), and a number for each: 16 bytes a slot, 18 to 28 a
 * key, for sets of millions of names that need not be listed.  It grows by
 * parts, so that it never needs room for itself twice.  Two keys with one
 * fingerprint would be taken for one; nobody can make such a pair without the
 * seed, and by chance it does not happen.
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
	uint32_t print[3]; /* all 0: the slot is free */
	uint32_t value;
};

enum { AC_FPMAP_PARTS = 64 };

struct ac_fpmap {
	struct {
		struct ac_fpmap_slot *slots; /* owned */
		size_t cap, n;
	} part[AC_FPMAP_PARTS];
	size_t n; /* of all */
};

#define AC_FPMAP_INIT ((struct ac_fpmap){.n = 0})

/* Add KEY with value 0 when it is not there: true when it was not.  *value (may
 * be NULL) points to its value until the next add. */
bool ac_fpmap_add(struct ac_fpmap *m, const void *key, size_t len,
		  uint32_t **value);
/* The value of KEY, or NULL.  Valid until the next add. */
uint32_t *ac_fpmap_get(const struct ac_fpmap *m, const void *key, size_t len);
void ac_fpmap_release(struct ac_fpmap *m);

#endif
