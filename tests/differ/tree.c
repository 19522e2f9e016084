/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/differ/tree.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/str.h"

enum { MAX_TEXT = 4 << 20 };

struct node *node_leaf(enum what w, const char *text, size_t len)
{
	struct node *n = node_new(N_LEAF);

	n->what = w;
	ac_buf_add(&n->leaf, text, len);
	return n;
}

struct node *node_new(enum node_type t)
{
	struct node *n = ac_xcalloc(1, sizeof(*n));

	n->type = t;
	n->key = AC_BUF_INIT(MAX_TEXT);
	n->leaf = AC_BUF_INIT(MAX_TEXT);
	return n;
}

struct node *node_copy(const struct node *n)
{
	struct node *c = node_new(n->type);

	c->what = n->what;
	ac_buf_add(&c->key, ac_buf_str(&n->key), n->key.len);
	ac_buf_add(&c->leaf, ac_buf_str(&n->leaf), n->leaf.len);
	for (size_t i = 0; i < n->n; i++)
		node_push(c, node_copy(n->kid[i]));
	return c;
}

void node_free(struct node *n)
{
	for (size_t i = 0; i < n->n; i++)
		node_free(n->kid[i]);
	free(n->kid);
	ac_buf_release(&n->key);
	ac_buf_release(&n->leaf);
	free(n);
}

void node_put(struct node *object, const char *key, struct node *v)
{
	ac_buf_reset(&v->key);
	ac_buf_addf(&v->key, "\"%s\"", key);
	node_push(object, v);
}

void node_push(struct node *array, struct node *v)
{
	node_insert(array, array->n, v);
}

void node_insert(struct node *parent, size_t i, struct node *v)
{
	parent->kid =
		ac_xrealloc(parent->kid, parent->n + 1, sizeof(struct node *));
	memmove(&parent->kid[i + 1], &parent->kid[i],
		(parent->n - i) * sizeof(struct node *));
	parent->kid[i] = v;
	parent->n++;
}

struct node *node_take(struct node *parent, size_t i)
{
	struct node *v = parent->kid[i];

	parent->n--;
	memmove(&parent->kid[i], &parent->kid[i + 1],
		(parent->n - i) * sizeof(struct node *));
	return v;
}

static void collect(struct node *n, struct node ***all, size_t *count)
{
	*all = ac_xrealloc(*all, *count + 1, sizeof(struct node *));
	(*all)[(*count)++] = n;
	for (size_t i = 0; i < n->n; i++)
		collect(n->kid[i], all, count);
}

struct node **node_all(struct node *n, size_t *count)
{
	struct node **all = NULL;

	*count = 0;
	collect(n, &all, count);
	return all;
}

struct node *node_parent(struct node *root, const struct node *n, size_t *place)
{
	for (size_t i = 0; i < root->n; i++) {
		struct node *found;

		if (root->kid[i] == n) {
			*place = i;
			return root;
		}
		found = node_parent(root->kid[i], n, place);
		if (found != NULL)
			return found;
	}
	return NULL;
}

static void space(struct ac_buf *out, struct rng *r, bool spaced)
{
	static const char *const some[] = {"",   "",   "",     " ",
					   "\n", "\t", "\r\n", "  \n\t "};

	if (spaced)
		ac_buf_adds(out, RNG_PICK(r, some));
}

void node_write(const struct node *n, struct ac_buf *out, struct rng *r,
		bool spaced)
{
	if (n->type == N_LEAF) {
		ac_buf_add(out, ac_buf_str(&n->leaf), n->leaf.len);
		return;
	}
	ac_buf_addc(out, n->type == N_OBJECT ? '{' : '[');
	for (size_t i = 0; i < n->n; i++) {
		const struct node *k = n->kid[i];

		if (i != 0)
			ac_buf_addc(out, ',');
		space(out, r, spaced);
		if (n->type == N_OBJECT) {
			ac_buf_add(out, ac_buf_str(&k->key), k->key.len);
			space(out, r, spaced);
			ac_buf_addc(out, ':');
			space(out, r, spaced);
		}
		node_write(k, out, r, spaced);
		space(out, r, spaced);
	}
	ac_buf_addc(out, n->type == N_OBJECT ? '}' : ']');
}
