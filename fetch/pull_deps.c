/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "fetch/puller.h"

/* As for the root that is made of them (store/plan.c). */
enum { MAX_DEPTH = 64, MAX_IMAGES = 4096 };

void pull_graph_release(struct pull_graph *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->nodes[i].id);
		free(g->nodes[i].shown);
		free(g->nodes[i].to);
	}
	for (size_t i = 0; i < g->n_answers; i++)
		free(g->answers[i].key);
	free(g->nodes);
	free(g->answers);
	*g = (struct pull_graph){.n = 0};
}

static bool find_answer(const struct pull_graph *g, const char *key, size_t *at)
{
	for (size_t i = 0; i < g->n_answers; i++)
		if (strcmp(g->answers[i].key, key) == 0) {
			*at = g->answers[i].node;
			return true;
		}
	return false;
}

/* Remember what KEY (taken over) turned out to be. */
static void add_answer(struct pull_graph *g, char *key, size_t node)
{
	g->answers = ac_xrealloc(g->answers, g->n_answers + 1,
				 sizeof(g->answers[0]));
	g->answers[g->n_answers++] = (struct pull_answer){key, node};
}

/* The node of an image of the store: *at; 1 when it is a new one, 0, -1. */
static int node_of(struct puller *p, const char *id, size_t *at,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct pull_graph *g = &p->graph;
	const char *version;
	int found;

	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->nodes[i].id, id) == 0) {
			*at = i;
			return 0;
		}
	found = ac_store_get(&p->store, id, &r, err);
	if (found == 0)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "image '%s' was removed from the store "
				  "meanwhile",
				  id);
	if (found < 0)
		return -1;
	version = ac_pairs_get(&r.image.labels, "version");
	g->nodes = ac_xrealloc(g->nodes, g->n + 1, sizeof(g->nodes[0]));
	g->nodes[g->n] = (struct pull_node){
		.id = ac_xstrdup(id),
		.shown = ac_xasprintf("%s%s%s", r.image.name,
				      version != NULL ? ":" : "",
				      version != NULL ? version : ""),
		.from = g->n,
		/* What stands on nothing is done. */
		.walked = r.image.n_deps == 0};
	*at = g->n++;
	return 1;
}

/* "a -> b -> c": how we came to a node. */
static void show_way(const struct pull_graph *g, size_t at, struct ac_buf *b)
{
	size_t way[MAX_DEPTH + 1];
	size_t n = 0;

	for (; n < AC_LEN(way); at = g->nodes[at].from) {
		way[n++] = at;
		if (g->nodes[at].from == at)
			break;
	}
	while (n-- != 0)
		ac_buf_addf(b, "%s%s", g->nodes[way[n]].shown,
			    n != 0 ? " -> " : "");
}

/* Does AT lead to END?  Then BEFORE has, for each node on the way, the one
 * before it.  BEFORE has a place for each node. */
static bool leads_to(const struct pull_graph *g, size_t at, size_t end,
		     size_t *before)
{
	AC_FREE size_t *todo = ac_xcalloc(g->n, sizeof(*todo));
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		before[i] = SIZE_MAX;
	before[at] = at;
	todo[n++] = at;
	while (n != 0 && before[end] == SIZE_MAX) {
		size_t here = todo[--n];
		const struct pull_node *d = &g->nodes[here];

		for (size_t i = 0; i < d->n_to; i++)
			if (before[d->to[i]] == SIZE_MAX) {
				before[d->to[i]] = here;
				todo[n++] = d->to[i];
			}
	}
	return before[end] != SIZE_MAX;
}

/* An image cannot stand on itself: does TO lead back to FROM? */
static int check_cycle(const struct pull_graph *g, size_t from, size_t to,
		       struct ac_err *err)
{
	AC_FREE size_t *before = ac_xcalloc(g->n, sizeof(*before));
	AC_CLEANUP(ac_strv_release) struct ac_strv way = AC_STRV_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(800);

	if (!leads_to(g, to, from, before))
		return 0;
	for (size_t at = from; at != to; at = before[at])
		ac_strv_unshift(&way, g->nodes[at].shown);
	ac_buf_adds(&text, g->nodes[to].shown);
	for (size_t i = 0; i < way.n; i++)
		ac_buf_addf(&text, " -> %s", way.v[i]);
	ac_buf_addf(&text, " -> %s", g->nodes[to].shown);
	return ac_err_set(err, AC_E_INVALID,
			  "the images depend on each other: %s",
			  ac_buf_str(&text));
}

/* FROM stands on TO, which is NEW or not. */
static int add_edge(struct pull_graph *g, size_t from, size_t to, bool new,
		    struct ac_err *err)
{
	struct pull_node *f = &g->nodes[from];
	struct pull_node *t = &g->nodes[to];

	for (size_t i = 0; i < f->n_to; i++)
		if (f->to[i] == to)
			return 0;
	if (!new &&check_cycle(g, from, to, err) < 0)
		return -1;
	f->to = ac_xrealloc(f->to, f->n_to + 1, sizeof(f->to[0]));
	f->to[f->n_to++] = to;
	if (!new)
		return 0;
	t->from = from;
	t->depth = f->depth + 1;
	if (t->depth >= MAX_DEPTH || g->n > MAX_IMAGES)
		return ac_err_set(err, AC_E_LIMIT,
				  "dependencies are more than %d deep or more "
				  "than %d",
				  MAX_DEPTH, MAX_IMAGES);
	return 0;
}

/* A name with its labels as one text, the same for the same.  Caller frees. */
static char *key_of(const struct puller *p, const struct ac_ref *ref,
		    const struct ac_dependency *pin, struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref full = AC_REF_INIT;
	AC_FREE char *name = NULL;
	bool defaulted;

	if (pull_with_platform(p, ref, &full, &defaulted, err) < 0)
		return NULL;
	name = ac_ref_canonical(&full);
	return ac_xasprintf("%s%s %s %ju", name, defaulted ? " here" : "",
			    pin != NULL && pin->image_id != NULL ? pin->image_id
								 : "",
			    pin != NULL ? (uintmax_t)pin->size : 0);
}

/* The store's image with the id that D insists on: 1, 0, -1.  It must be what
 * D says of it besides. */
static int find_pinned(struct puller *p, const struct ac_dependency *d,
		       struct pulled *out, struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref id = AC_REF_INIT;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	struct pull_want want = {.name = d->name, .labels = &d->labels};
	int found;

	if (d->image_id == NULL)
		return 0;
	if (ac_ref_parse(&id, d->image_id, err) < 0)
		return -1;
	found = ac_store_find(&p->store, &id, &r, err);
	if (found != 1)
		return found;
	if (pull_check(&r.image, &want, err) < 0 ||
	    pull_check_pin(d, r.id, r.n_blobs != 0 ? r.blobs[0].size : 0, err) <
		    0)
		return -1;
	(void)snprintf(out->id, sizeof(out->id), "%s", r.id);
	return 1;
}

static int one_dependency(struct puller *p, size_t from,
			  const struct ac_dependency *d, struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	AC_FREE char *text = pull_spell(d->name, &d->labels);
	AC_FREE char *key = NULL;
	struct pulled done = {.fetched = false};
	size_t to = 0;
	int found;

	if (ac_ref_parse(&ref, text, err) < 0)
		return -1;
	key = key_of(p, &ref, d, err);
	if (key == NULL)
		return -1;
	if (find_answer(&p->graph, key, &to))
		return add_edge(&p->graph, from, to, false, err);
	found = find_pinned(p, d, &done, err);
	if (found < 0 || (found == 0 && pull_ref(p, &ref, d, &done, err) < 0))
		return -1;
	found = node_of(p, done.id, &to, err);
	if (found < 0)
		return -1;
	add_answer(&p->graph, ac_steal_ptr(&key), to);
	return add_edge(&p->graph, from, to, found == 1, err);
}

static int walk(struct puller *p, size_t at, struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	int found = ac_store_get(&p->store, p->graph.nodes[at].id, &r, err);

	if (found < 0)
		return -1;
	p->graph.nodes[at].walked = true;
	for (size_t i = 0; i < r.image.n_deps; i++) {
		AC_CLEANUP(ac_buf_release) struct ac_buf way = AC_BUF_INIT(800);

		if (one_dependency(p, at, &r.image.deps[i], err) == 0)
			continue;
		show_way(&p->graph, at, &way);
		return ac_err_ctx(err, "dependency '%s' of '%s'",
				  r.image.deps[i].name, ac_buf_str(&way));
	}
	return 0;
}

int pull_image(struct puller *p, const struct ac_ref *ref, struct pulled *out,
	       struct ac_err *err)
{
	AC_FREE char *key = NULL;
	size_t at = 0;

	if (ref->kind == AC_REF_NAME) {
		key = key_of(p, ref, NULL, err);
		if (key == NULL)
			return -1;
	}
	if (pull_ref(p, ref, NULL, out, err) < 0)
		return ac_ref_explain(ref, err);
	if (node_of(p, out->id, &at, err) < 0)
		return -1;
	if (key != NULL)
		add_answer(&p->graph, ac_steal_ptr(&key), at);
	/* New ones come behind the others: breadth first. */
	for (size_t i = 0; i < p->graph.n; i++)
		if (!p->graph.nodes[i].walked && walk(p, i, err) < 0)
			return -1;
	return 0;
}
