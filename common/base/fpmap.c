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

/* The fingerprint; PART gets the part of the map it belongs to. */
static struct ac_fpmap_slot print_of(const void *key, size_t len, size_t *part)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	XXH128_hash_t h;

	(void)pthread_once(&once, make_seed);
	h = XXH3_128bits_withSeed(key, len, seed);
	*part = h.high64 >> 58;
	/* All 0 would be a free slot. */
	return (struct ac_fpmap_slot){
		.print = {(uint32_t)h.low64, (uint32_t)(h.low64 >> 32),
			  (uint32_t)h.high64 | 1},
	};
}

static bool is_free(const struct ac_fpmap_slot *s)
{
	return s->print[2] == 0;
}

/* Where S is among CAP slots, or the free one where it would go.  There always
 * is one. */
static struct ac_fpmap_slot *find(struct ac_fpmap_slot *slots, size_t cap,
				  const struct ac_fpmap_slot *s)
{
	uint64_t h = (uint64_t)s->print[1] << 32 | s->print[0];
	size_t i = (size_t)(((__extension__(unsigned __int128) h) * cap) >> 64);

	for (;; i = i + 1 < cap ? i + 1 : 0)
		if (is_free(&slots[i]) ||
		    memcmp(slots[i].print, s->print, sizeof(s->print)) == 0)
			return &slots[i];
}

static void grow(struct ac_fpmap *m, size_t part)
{
	struct ac_fpmap_slot *old = m->part[part].slots;
	size_t n = m->part[part].cap;
	size_t cap = n != 0 ? n + n / 2 : 8;
	struct ac_fpmap_slot *slots = ac_xcalloc(cap, sizeof(*slots));

	for (size_t i = 0; i < n; i++)
		if (!is_free(&old[i]))
			*find(slots, cap, &old[i]) = old[i];
	free(old);
	m->part[part].slots = slots;
	m->part[part].cap = cap;
}

bool ac_fpmap_add(struct ac_fpmap *m, const void *key, size_t len,
		  uint32_t **value)
{
	size_t part;
	struct ac_fpmap_slot s = print_of(key, len, &part);
	struct ac_fpmap_slot *at;
	bool fresh;

	if (m->part[part].n >= m->part[part].cap / 8 * 7)
		grow(m, part);
	at = find(m->part[part].slots, m->part[part].cap, &s);
	fresh = is_free(at);
	if (fresh) {
		*at = s;
		m->part[part].n++;
		m->n++;
	}
	if (value != NULL)
		*value = &at->value;
	return fresh;
}

uint32_t *ac_fpmap_get(const struct ac_fpmap *m, const void *key, size_t len)
{
	size_t part;
	struct ac_fpmap_slot s = print_of(key, len, &part);
	struct ac_fpmap_slot *at;

	if (m->part[part].cap == 0)
		return NULL;
	at = find(m->part[part].slots, m->part[part].cap, &s);
	return is_free(at) ? NULL : &at->value;
}

void ac_fpmap_release(struct ac_fpmap *m)
{
	for (size_t i = 0; i < AC_FPMAP_PARTS; i++)
		free(m->part[i].slots);
	*m = AC_FPMAP_INIT;
}
