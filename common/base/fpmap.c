/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fpmap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/base/alloc.h"

static uint64_t seed;

static void make_seed(void)
{
	/* Without random bytes (a kernel just started) the table still works;
	 * it is only predictable. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uint64_t)(uintptr_t)&seed;
}

static struct ac_fpmap_slot print_of(const void *key, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	XXH128_hash_t h;

	(void)pthread_once(&once, make_seed);
	h = XXH3_128bits_withSeed(key, len, seed);
	/* Both 0 would be a free slot. */
	return (struct ac_fpmap_slot){.lo = h.low64, .hi = h.high64 | 1};
}

/* Where S is, or the free slot where it would go.  There always is one. */
static struct ac_fpmap_slot *find(const struct ac_fpmap *m,
				  const struct ac_fpmap_slot *s)
{
	size_t i = (size_t)s->lo & (m->cap - 1);

	for (;; i = (i + 1) & (m->cap - 1)) {
		struct ac_fpmap_slot *at = &m->slots[i];

		if (at->hi == 0 || (at->lo == s->lo && at->hi == s->hi))
			return at;
	}
}

static void grow(struct ac_fpmap *m)
{
	struct ac_fpmap big = {.cap = m->cap != 0 ? m->cap * 2 : 64, .n = m->n};

	big.slots = ac_xcalloc(big.cap, sizeof(*big.slots));
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].hi != 0)
			*find(&big, &m->slots[i]) = m->slots[i];
	free(m->slots);
	*m = big;
}

bool ac_fpmap_add(struct ac_fpmap *m, const void *key, size_t len,
		  uint32_t **value)
{
	struct ac_fpmap_slot s = print_of(key, len);
	struct ac_fpmap_slot *at;
	bool fresh;

	if (m->n >= m->cap / 4 * 3)
		grow(m);
	at = find(m, &s);
	fresh = at->hi == 0;
	if (fresh) {
		*at = s;
		m->n++;
	}
	if (value != NULL)
		*value = &at->value;
	return fresh;
}

uint32_t *ac_fpmap_get(const struct ac_fpmap *m, const void *key, size_t len)
{
	struct ac_fpmap_slot s;
	struct ac_fpmap_slot *at;

	if (m->n == 0)
		return NULL;
	s = print_of(key, len);
	at = find(m, &s);
	return at->hi != 0 ? &at->value : NULL;
}

void ac_fpmap_release(struct ac_fpmap *m)
{
	free(m->slots);
	*m = AC_FPMAP_INIT;
}
