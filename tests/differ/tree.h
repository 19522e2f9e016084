/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFFER_TREE_H
#define DIFFER_TREE_H

/*
 * A JSON document as text in pieces: keys and leaves are kept as they will be
 * written, so that what is no JSON at all can be said too.  Each value knows
 * what it is meant to be, for a mutation that fits.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "tests/differ/rng.h"

/* What a value is meant to be (values.c has the good and the odd ones). */
enum what {
	W_ANY,
	W_STRING,
	W_KIND,
	W_VERSION,
	W_IDENT,
	W_NAME,
	W_OS,
	W_ARCH,
	W_DATE,
	W_URL,
	W_PATH,
	W_ENV,
	W_USER,
	W_HANDLER,
	W_ID,
	W_IP,
	W_VOLUME_KIND,
	W_MODE,
	W_PROTOCOL,
	W_ERRNO,
	W_CAP,
	W_SYSCALL,
	W_SELINUX,
	W_ISOLATOR,
	W_LABEL,
	W_ANNOTATION,
	W_QUANTITY,
	W_BOOL,
	W_INT,
	W_PORT,
	W_COUNT,
	W_SIZE,
	W_OOM,
	W_SHARES,
	W_LAST = W_SHARES,
};

enum node_type { N_LEAF, N_ARRAY, N_OBJECT };

struct node {
	enum node_type type;
	enum what what;
	struct ac_buf key;  /* a member's key, quotes included */
	struct ac_buf leaf; /* text of a leaf */
	struct node **kid;  /* owned */
	size_t n;
};

/* A new value; it belongs to who puts it somewhere. */
struct node *node_leaf(enum what w, const char *text, size_t len);
struct node *node_new(enum node_type t);
struct node *node_copy(const struct node *n);
void node_free(struct node *n);

/* Put V, as member KEY (plain text), behind the others. */
void node_put(struct node *object, const char *key, struct node *v);
void node_push(struct node *array, struct node *v);
/* Put V, which has its key, at place I. */
void node_insert(struct node *parent, size_t i, struct node *v);
/* Take out the value at place I and return it. */
struct node *node_take(struct node *parent, size_t i);

/* All values below and including N, N first.  Caller frees. */
struct node **node_all(struct node *n, size_t *count);
/* The parent of a value other than ROOT; *place is where. */
struct node *node_parent(struct node *root, const struct node *n,
			 size_t *place);

/* Write it, with white space as R has it when SPACED. */
void node_write(const struct node *n, struct ac_buf *out, struct rng *r,
		bool spaced);

#endif
