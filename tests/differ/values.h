/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFFER_VALUES_H
#define DIFFER_VALUES_H

/* Values of each kind that manifests have: good ones, and those at and beyond
 * the edge of their grammar. */

#include "tests/differ/rng.h"
#include "tests/differ/tree.h"

/* A leaf that is right where W is asked for. */
struct node *value_good(struct rng *r, enum what w);
/* One that may be. */
struct node *value_odd(struct rng *r, enum what w);
/* Any JSON value, of any type and shape. */
struct node *value_any(struct rng *r, int depth);

/* Text that makes strings special: escapes, surrogates, controls, ... */
const char *value_spice(struct rng *r);

#endif
