/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/differ/rng.h"

struct rng rng_of(uint64_t seed, uint64_t index)
{
	struct rng r = {.state = seed};

	r.state = rng_next(&r) ^ (index * 0xd1342543de82ef95U);
	return r;
}

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

size_t rng_below(struct rng *r, size_t n)
{
	return (size_t)(rng_next(r) % n);
}

bool rng_chance(struct rng *r, unsigned int percent)
{
	return rng_below(r, 100) < percent;
}
