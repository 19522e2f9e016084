/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFFER_MANIFEST_H
#define DIFFER_MANIFEST_H

#include "common/base/buf.h"
#include "tests/differ/rng.h"
#include "tests/differ/tree.h"

/* A valid image (or pod) manifest with some or all of the specification's
 * fields. */
struct node *manifest_image(struct rng *r);
struct node *manifest_pod(struct rng *r);

/* Change 1 to 4 things in a document: values, types, members, names, order. */
void mutate_tree(struct rng *r, struct node *doc);
/* Change its text: cut it, add to it, change bytes, what no tree can say. */
void mutate_text(struct rng *r, struct ac_buf *text);

/* A manifest, most of them changed, some not: the whole of the above. */
void manifest_make(struct rng *r, struct ac_buf *out);

#endif
