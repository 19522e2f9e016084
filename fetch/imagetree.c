/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/table.h"
#include "common/codec/json.h"
#include "common/image/ref.h"
#include "common/store/ingest.h"
#include "common/store/space.h"
#include "fetch/image.h"

enum {
	MAX_DEPTH = 64,
	MAX_NODES = 4096, /* a diamond of diamonds multiplies */
};

struct tree {
	struct ac_store store;
	struct ac_space *space;
	struct ac_table table;
	const char *way[MAX_DEPTH]; /* ids from the top to here */
	size_t depth, nodes;
};

static void tree_release(struct tree *t)
{
	ac_space_free(t->space);
	ac_table_release(&t->table);
	ac_store_release(&t->store);
}

/* A row of the table: NAME at this depth. */
static void row(struct tree *t, const char *name, uint64_t bytes, size_t users)
{
	char size[AC_SHOW_TEXT];

	ac_show_size(bytes, size);
	ac_table_addf(&t->table, "%*s%s", (int)t->depth * 2, "", name);
	ac_table_add(&t->table, size);
	ac_table_addf(&t->table, "%zu", users);
}

static void add_part(struct ac_json *list, const char *key, const char *name,
		     uint64_t bytes, size_t users)
{
	struct ac_json *o = ac_json_object();

	ac_json_set_str(o, key, name);
	ac_json_set_int(o, "size", (int64_t)bytes);
	ac_json_set_int(o, "images", (int64_t)users);
	ac_json_push(list, o);
}

static void parts(struct tree *t, const struct ac_record *r, struct ac_json *o)
{
	struct ac_json *layers = ac_json_array();
	struct ac_json *blobs = ac_json_array();
	char digest[AC_DIGEST_TEXT];
	size_t users;

	for (size_t i = r->layers.n; i-- > 0;) {
		uint64_t n = ac_space_layer(t->space, r->layers.v[i], &users);
		AC_FREE char *name =
			ac_xasprintf("layer %.19s", r->layers.v[i]);

		row(t, name, n, users);
		add_part(layers, "layer", r->layers.v[i], n, users);
	}
	for (size_t i = 0; i < r->n_blobs; i++) {
		uint64_t n = ac_space_blob(t->space, &r->blobs[i], &users);
		AC_FREE char *name = NULL;

		ac_digest_print(&r->blobs[i].digest, ':', digest);
		name = ac_xasprintf("blob %.19s", digest);
		row(t, name, n, users);
		add_part(blobs, "digest", digest, n, users);
	}
	ac_json_set(o, "layers", layers);
	ac_json_set(o, "blobs", blobs);
}

static struct ac_json *image_node(struct tree *t, const struct ac_record *r,
				  struct ac_err *err);

/* The image that D means here: 1, 0, -1. */
static int find_dependency(const struct tree *t, const struct ac_dependency *d,
			   struct ac_record *r, struct ac_err *err)
{
	bool by_id = d->image_id != NULL; /* which may be cut */
	AC_FREE char *name = ac_xstrdup(by_id ? d->image_id : d->name);
	const struct ac_ref ref = {.kind = by_id ? AC_REF_ID : AC_REF_NAME,
				   .text = name,
				   .name = name,
				   .labels = d->labels};

	return ac_store_find(&t->store, &ref, r, err);
}

static struct ac_json *missing(struct tree *t, const struct ac_dependency *d)
{
	struct ac_json *o = ac_json_object();
	AC_FREE char *line = ac_xasprintf("%s (not in the store)", d->name);

	ac_json_set_str(o, "name", d->name);
	ac_json_set(o, "missing", ac_json_new_bool(true));
	row(t, line, 0, 0);
	return o;
}

static int dependencies(struct tree *t, const struct ac_record *r,
			struct ac_json *o, struct ac_err *err)
{
	struct ac_json *list = ac_json_array();

	ac_json_set(o, "dependencies", list);
	for (size_t i = 0; i < r->image.n_deps; i++) {
		const struct ac_dependency *d = &r->image.deps[i];
		AC_CLEANUP(ac_record_release)
		struct ac_record on = AC_RECORD_INIT;
		int found = find_dependency(t, d, &on, err);
		struct ac_json *node;

		if (found < 0)
			return -1;
		node = found == 0 ? missing(t, d) : image_node(t, &on, err);
		if (node == NULL)
			return -1;
		ac_json_push(list, node);
	}
	return 0;
}

static int enter(struct tree *t, const struct ac_record *r, struct ac_err *err)
{
	for (size_t i = 0; i < t->depth; i++)
		if (strcmp(t->way[i], r->id) == 0)
			return ac_err_set(err, AC_E_INVALID,
					  "image '%s' depends on itself",
					  r->image.name);
	if (t->depth == MAX_DEPTH || ++t->nodes > MAX_NODES)
		return ac_err_set(err, AC_E_LIMIT,
				  "dependencies are more than %d deep or more "
				  "than %d",
				  MAX_DEPTH, MAX_NODES);
	t->way[t->depth] = r->id;
	return 0;
}

static struct ac_json *image_node(struct tree *t, const struct ac_record *r,
				  struct ac_err *err)
{
	AC_FREE char *title = image_title(r);
	AC_FREE char *line = ac_xasprintf("%s (%.19s)", title, r->id);
	AC_JSON struct ac_json *o = ac_json_object();
	struct ac_json *done;
	struct ac_usage u;

	if (enter(t, r, err) < 0)
		return NULL;
	ac_space_image(t->space, r, &u);
	row(t, line, u.blobs + u.layers, 1);
	ac_json_set_str(o, "id", r->id);
	ac_json_set_str(o, "name", title);
	ac_json_set_str(o, "kind", r->kind == AC_IMAGE_OCI ? "oci" : "aci");
	ac_json_set_int(o, "size", (int64_t)(u.blobs + u.layers));
	ac_json_set_int(o, "shared", (int64_t)u.shared);
	t->depth++;
	parts(t, r, o);
	if (dependencies(t, r, o, err) < 0)
		return NULL;
	t->depth--;
	done = o;
	o = NULL;
	return done;
}

int tree_run(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(tree_release)
	struct tree t = {.store = AC_STORE_INIT, .table = AC_TABLE_INIT(3)};
	AC_JSON struct ac_json *list = ac_json_array();

	if (open_store(g, false, &t.store, err) < 0 ||
	    (t.space = ac_space_new(&t.store, err)) == NULL)
		return -1;
	ac_table_add(&t.table, "NAME");
	ac_table_add(&t.table, "SIZE");
	ac_table_add(&t.table, "IMAGES");
	for (int i = 0; i < c->argc; i++) {
		AC_CLEANUP(ac_record_release)
		struct ac_record r = AC_RECORD_INIT;
		struct ac_json *node;

		if (image_find(&t.store, c->argv[i], &r, err) < 0)
			return -1;
		node = image_node(&t, &r, err);
		if (node == NULL)
			return -1;
		ac_json_push(list, node);
	}
	if (g->json)
		return ac_print_json(list, 2, err);
	ac_table_print(&t.table, stdout);
	return 0;
}

static void du_row(struct ac_table *t, const char *what, uint64_t bytes)
{
	char size[AC_SHOW_TEXT];

	ac_show_size(bytes, size);
	ac_table_add(t, what);
	ac_table_add(t, size);
}

static int du_store(const struct globals *g, const struct ac_store *s,
		    struct ac_space *space, struct ac_err *err)
{
	AC_CLEANUP(ac_table_release) struct ac_table t = AC_TABLE_INIT(2);
	AC_JSON struct ac_json *o = ac_json_object();
	struct ac_usage u;
	struct ac_space_rest rest;
	uint64_t total;

	ac_space_total(space, &u);
	ac_space_rest(s, &rest);
	total = u.blobs + u.layers + rest.ingest + rest.partial + rest.http;
	ac_json_set_int(o, "blobs", (int64_t)u.blobs);
	ac_json_set_int(o, "layers", (int64_t)u.layers);
	ac_json_set_int(o, "shared", (int64_t)u.shared);
	ac_json_set_int(o, "ingest", (int64_t)rest.ingest);
	ac_json_set_int(o, "partial", (int64_t)rest.partial);
	ac_json_set_int(o, "http", (int64_t)rest.http);
	ac_json_set_int(o, "total", (int64_t)total);
	if (g->json)
		return ac_print_json(o, 2, err);
	du_row(&t, "blobs", u.blobs);
	du_row(&t, "layers", u.layers);
	du_row(&t, "of both, shared", u.shared);
	du_row(&t, "ingest", rest.ingest);
	du_row(&t, "partial", rest.partial);
	du_row(&t, "http", rest.http);
	du_row(&t, "total", total);
	ac_table_print(&t, stdout);
	return 0;
}

static void du_image(const struct ac_record *r, const struct ac_usage *u,
		     struct ac_table *t, struct ac_json *list)
{
	struct ac_json *o = ac_json_object();
	AC_FREE char *title = image_title(r);
	const uint64_t v[] = {u->blobs, u->layers, u->shared,
			      u->blobs + u->layers};
	static const char *const names[] = {"blobs", "layers", "shared",
					    "total"};

	ac_json_set_str(o, "id", r->id);
	ac_json_set_str(o, "name", title);
	ac_table_add(t, title);
	for (size_t i = 0; i < AC_LEN(v); i++) {
		char size[AC_SHOW_TEXT];

		ac_json_set_int(o, names[i], (int64_t)v[i]);
		ac_show_size(v[i], size);
		ac_table_add(t, size);
	}
	ac_json_push(list, o);
}

int du_run(struct ac_call *c, struct ac_err *err)
{
	static const char *const titles[] = {"NAME", "BLOBS", "LAYERS",
					     "SHARED", "TOTAL"};
	const struct globals *g = c->globals;
	AC_CLEANUP(tree_release)
	struct tree t = {.store = AC_STORE_INIT, .table = AC_TABLE_INIT(5)};
	AC_JSON struct ac_json *list = ac_json_array();

	if (open_store(g, false, &t.store, err) < 0 ||
	    (t.space = ac_space_new(&t.store, err)) == NULL)
		return -1;
	if (c->argc == 0)
		return du_store(g, &t.store, t.space, err);
	for (size_t i = 0; i < AC_LEN(titles); i++)
		ac_table_add(&t.table, titles[i]);
	for (int i = 0; i < c->argc; i++) {
		AC_CLEANUP(ac_record_release)
		struct ac_record r = AC_RECORD_INIT;
		struct ac_usage u;

		if (image_find(&t.store, c->argv[i], &r, err) < 0)
			return -1;
		ac_space_image(t.space, &r, &u);
		du_image(&r, &u, &t.table, list);
	}
	if (g->json)
		return ac_print_json(list, 2, err);
	ac_table_print(&t.table, stdout);
	return 0;
}
