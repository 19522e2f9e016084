/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/map.h"

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
	/* Without random bytes (a kernel just started) the table still
	 * works; it is only predictable. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uint64_t)(uintptr_t)&seed;
}

static uint64_t hash(const void *key, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_seed);
	return XXH3_64bits_withSeed(key, len, seed);
}

/* Where KEY is, or the free slot where it would go.  There always is one. */
static size_t find(const struct ac_map *m, uint64_t h, const void *key,
		   size_t len)
{
	size_t i = (size_t)h & (m->cap - 1);

	for (;; i = (i + 1) & (m->cap - 1)) {
		const struct ac_map_slot *s = &m->slots[i];

		if (s->key == NULL ||
		    (s->hash == h && s->len == len &&
		     (len == 0 || memcmp(s->key, key, len) == 0)))
			return i;
	}
}

void *ac_map_get(const struct ac_map *m, const void *key, size_t len)
{
	if (m->n == 0)
		return NULL;
	return m->slots[find(m, hash(key, len), key, len)].value;
}

static void grow(struct ac_map *m)
{
	struct ac_map big = {.cap = m->cap != 0 ? m->cap * 2 : 64, .n = m->n};

	big.slots = ac_xcalloc(big.cap, sizeof(*big.slots));
	for (size_t i = 0; i < m->cap; i++) {
		const struct ac_map_slot *s = &m->slots[i];

		if (s->key != NULL)
			big.slots[find(&big, s->hash, s->key, s->len)] = *s;
	}
	free(m->slots);
	*m = big;
}

void ac_map_put(struct ac_map *m, const void *key, size_t len, void *value)
{
	uint64_t h = hash(key, len);
	struct ac_map_slot *s;

	if (m->n >= m->cap / 2)
		grow(m);
	s = &m->slots[find(m, h, key, len)];
	if (s->key == NULL)
		m->n++;
	*s = (struct ac_map_slot){.hash = h,
				  .key = key,
				  .len = len,
				  .value = value};
}

void *ac_map_take(struct ac_map *m, const void *key, size_t len)
{
	size_t mask = m->cap - 1;
	size_t hole;
	void *value;

	if (m->n == 0)
		return NULL;
	hole = find(m, hash(key, len), key, len);
	if (m->slots[hole].key == NULL)
		return NULL;
	value = m->slots[hole].value;
	/* Close the gap: move back each slot behind it that would no longer
	 * be found across it. */
	for (size_t i = (hole + 1) & mask; m->slots[i].key != NULL;
	     i = (i + 1) & mask) {
		size_t home = (size_t)m->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct ac_map_slot){.key = NULL};
	m->n--;
	return value;
}

void ac_map_release(struct ac_map *m)
{
	free(m->slots);
	*m = AC_MAP_INIT;
}
