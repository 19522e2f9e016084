/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/xxh.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/base/alloc.h"

struct ac_xxh {
	XXH3_state_t *state; /* aligned by its own allocator */
};

struct ac_xxh *ac_xxh_new(void)
{
	struct ac_xxh *x = ac_xmalloc(sizeof(*x));

	x->state = XXH3_createState();
	if (x->state == NULL)
		abort();
	(void)XXH3_128bits_reset(x->state);
	return x;
}

void ac_xxh_add(struct ac_xxh *x, const void *p, size_t n)
{
	(void)XXH3_128bits_update(x->state, p, n);
}

void ac_xxh_zeros(struct ac_xxh *x, uint64_t n)
{
	static const char zeros[64 << 10];

	while (n != 0) {
		size_t part = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);

		ac_xxh_add(x, zeros, part);
		n -= part;
	}
}

static void canonical(XXH128_hash_t h, uint8_t out[AC_XXH_SIZE])
{
	XXH128_canonical_t c;

	XXH128_canonicalFromHash(&c, h);
	memcpy(out, c.digest, AC_XXH_SIZE);
}

void ac_xxh_end(struct ac_xxh *x, uint8_t out[AC_XXH_SIZE])
{
	canonical(XXH3_128bits_digest(x->state), out);
	(void)XXH3_128bits_reset(x->state);
}

void ac_xxh_free(struct ac_xxh *x)
{
	if (x == NULL)
		return;
	(void)XXH3_freeState(x->state);
	free(x);
}

void ac_xxh_once(const void *p, size_t n, uint8_t out[AC_XXH_SIZE])
{
	canonical(XXH3_128bits(p, n), out);
}
