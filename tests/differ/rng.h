/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFFER_RNG_H
#define DIFFER_RNG_H

/* Reproducible choices: one seed, one sequence, on every machine (the mixing
 * function is SplitMix64, Steele and others 2014). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

/* The sequence of file number INDEX of run SEED. */
struct rng rng_of(uint64_t seed, uint64_t index);
uint64_t rng_next(struct rng *r);
/* Below N, which is not 0. */
size_t rng_below(struct rng *r, size_t n);
/* True PERCENT times of a hundred. */
bool rng_chance(struct rng *r, unsigned int percent);

#define RNG_PICK(r, array) ((array)[rng_below((r), AC_LEN(array))])

#endif
