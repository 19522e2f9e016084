/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/cli/progress.h"
#include "common/codec/json.h"
#include "common/image/oci.h"
#include "common/net/registry.h"
#include "common/net/url.h"
#include "common/sys/interrupt.h"
#include "fetch/events.h"
#include "fetch/pull_job.h"

enum { THREADS = 3 };

/* A layer to fetch. */
struct layer {
	const struct ac_oci_desc *desc;
	const struct ac_digest *diff;
	struct ac_ingest **in; /* where it goes */
	struct ac_digest chain;
	bool copy; /* a layer before it has the same blob */
	/* Of a copy: the ingest of that one; NULL when it is in the store. */
	struct ac_ingest **first;
	struct ac_partial *partial; /* until the ingest has it; NULL of a copy
				     */
	uint64_t resumed; /* bytes of an earlier process that are in use */
	char *key;        /* of the partial */
	char *what;
};

/* The work that the threads share. */
struct work {
	struct puller *p;
	struct ac_registry *reg;
	struct ac_progress *progress;
	struct layer *v; /* largest first, then the copies */
	size_t n, n_fetch;

	pthread_mutex_t mu; /* of what follows */
	size_t next;
	struct ac_err err; /* the first failure: others follow from it */
};

/* What one sink needs. */
struct flow {
	struct work *w;
	struct ac_ingest *in;
	struct events_meter meter;
	uint64_t have; /* bytes that an earlier process left */
	bool begun;    /* it got more */
};

static int sink(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct flow *f = ctx;

	if (ac_interrupt_check(err) < 0 || ac_ingest_feed(f->in, p, n, err) < 0)
		return -1;
	ac_progress_add(f->w->progress, n);
	events_meter_add(&f->meter, n);
	f->begun = true;
	return 0;
}

/* From one of the places that the manifest names besides the registry.  No
 * credentials go there. */
static int from_url(struct flow *f, const struct layer *l, const char *url,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response r = AC_HTTP_RESPONSE_INIT;
	AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;
	AC_FREE char *shown = ac_url_show(url);
	struct ac_http_request q = {.sink = sink,
				    .ctx = f,
				    .expect_size = l->desc->size,
				    .pinned = true,
				    .offset = f->have,
				    .from_public =
					    ac_registry_is_public(f->w->reg)};

	if (ac_url_parse(&u, url, err) < 0)
		return -1;
	if (u.user != NULL)
		return ac_err_set(err, AC_E_DENIED,
				  "'%s': a user in a URL that a registry gives "
				  "is refused",
				  shown);
	q.url = u.text;
	if (ac_http_do(f->w->p->http, &q, &r, err) < 0)
		return -1;
	if (r.status != 200)
		return ac_err_set(err, AC_E_NET, "'%s': status %ld", shown,
				  r.status);
	return 0;
}

/* The registry does not have it, as *ERR says: the places that the manifest
 * names, in turn. */
static int from_elsewhere(struct flow *f, const struct layer *l,
			  struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv urls = AC_STRV_INIT;
	struct ac_err why = AC_ERR_INIT;

	if (ac_oci_desc_urls(l->desc, &urls, &why) < 0) {
		*err = why;
		return -1;
	}
	if (urls.n == 0 && ac_oci_is_foreign(l->desc))
		return ac_err_ctx(err,
				  "%s is of a kind that registries need not "
				  "have (%s), and its manifest names no other "
				  "place",
				  l->what, l->desc->media_type);
	for (size_t i = 0; i < urls.n && !f->begun; i++) {
		if (from_url(f, l, urls.v[i], err) == 0)
			return 0;
		if (ac_interrupt_check(&why) < 0)
			return -1;
		ac_debug("%s: %s", l->what, err->msg);
	}
	return ac_err_ctx(err, "%s", l->what);
}

/* What an earlier process left, and the rest. */
static int resume(struct flow *f, struct layer *l, struct ac_err *err)
{
	if (ac_ingest_partial(f->in) != NULL &&
	    ac_ingest_resume(f->in, &l->resumed, err) < 0)
		return -1;
	f->have = l->resumed;
	ac_progress_add(f->w->progress, f->have);
	events_meter_add(&f->meter, f->have);
	if (ac_registry_blob_rest(f->w->reg, l->desc, f->have, sink, f, err) ==
	    0)
		return 0;
	if (err->code != AC_E_NOT_FOUND || f->begun)
		return -1;
	return from_elsewhere(f, l, err);
}

static struct ac_ingest_opts ingest_of(const struct layer *l)
{
	return (struct ac_ingest_opts){.kind = AC_IMAGE_OCI,
				       .blob = &l->desc->digest,
				       .size = l->desc->size,
				       .diff = l->diff,
				       .what = l->what};
}

static int receive(struct work *w, struct layer *l, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf data = AC_BUF_INIT(AC_JSON_MAX_BYTES);
	int inside = ac_oci_desc_data(l->desc, &data, err);
	struct ac_ingest_opts o = ingest_of(l);
	struct flow f = {.w = w};
	char from[AC_DIGEST_TEXT];
	int r;

	if (inside < 0)
		return ac_err_ctx(err, "%s", l->what);
	if (inside == 0)
		o.partial = ac_steal_ptr(&l->partial);
	f.in = *l->in = ac_ingest_new(&w->p->store, &o, err);
	if (f.in == NULL)
		return -1;
	ac_digest_print(&l->desc->digest, ':', from);
	events_meter_begin(&f.meter, w->p->events, from, l->desc->size);
	r = inside == 1 ? sink(&f, data.p, data.len, err) : resume(&f, l, err);
	if (r < 0)
		return -1;
	events_meter_end(&f.meter);
	events_tell(w->p->events, "unpack", from, NULL);
	if (ac_ingest_finish(f.in, err) < 0)
		return -1;
	ac_progress_item(w->progress);
	return 0;
}

/* Bytes that an earlier process left may spoil it, once. */
static int fetch_layer(struct work *w, struct layer *l, struct ac_err *err)
{
	int r = receive(w, l, err);

	if (r == 0 || l->resumed == 0 || !pull_is_damage(err))
		return r;
	ac_warn("%s: what an earlier pull left is of no use (%s); fetching all "
		"of it",
		l->what, err->msg);
	l->partial = ac_ingest_take_partial(*l->in);
	ac_ingest_free(*l->in);
	*l->in = NULL;
	l->resumed = 0;
	if (ac_partial_begin(l->partial, NULL, 0, err) < 0)
		return -1;
	return receive(w, l, err);
}

static void tell_cached(const struct puller *p, const struct ac_oci_desc *d)
{
	char from[AC_DIGEST_TEXT];

	ac_digest_print(&d->digest, ':', from);
	events_tell(p->events, "cached", from, NULL);
}

/* The blob of L, of which a layer before it was made. */
static int open_first(const struct work *w, const struct layer *l,
		      struct ac_err *err)
{
	int fd = -1;

	if (l->first == NULL || *l->first == NULL)
		return ac_store_open_blob(&w->p->store, &l->desc->digest, err);
	fd = fcntl(ac_ingest_blob_fd(*l->first), F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		ac_own_closep(&fd);
		return ac_err_sys(err, errno, "read %s again", l->what);
	}
	return fd;
}

static int copy_layer(struct work *w, struct layer *l, struct ac_err *err)
{
	AC_CLOSE int fd = open_first(w, l, err);
	struct ac_ingest_opts o = ingest_of(l);

	if (fd < 0)
		return -1;
	*l->in = ac_ingest_new(&w->p->store, &o, err);
	if (*l->in == NULL || ac_ingest_feed_fd(*l->in, fd, err) < 0 ||
	    ac_ingest_finish(*l->in, err) < 0)
		return -1;
	tell_cached(w->p, l->desc);
	ac_progress_item(w->progress);
	return 0;
}

/* Those whose blob is here by now.  What the store has may be damaged. */
static int copy_layers(struct work *w, struct ac_err *err)
{
	for (size_t i = w->n_fetch; i < w->n; i++) {
		struct layer *l = &w->v[i];

		if (copy_layer(w, l, err) == 0)
			continue;
		if (!pull_is_damage(err))
			return -1;
		ac_warn("%s: the store's blob is of no use (%s); fetching it",
			l->what, err->msg);
		ac_ingest_discard(*l->in);
		*l->in = NULL;
		if (receive(w, l, err) < 0)
			return -1;
	}
	return 0;
}

static void failed(struct work *w, const struct ac_err *err)
{
	(void)pthread_mutex_lock(&w->mu);
	if (w->err.code == AC_OK)
		w->err = *err;
	(void)pthread_mutex_unlock(&w->mu);
	ac_interrupt_halt();
}

static void *worker(void *ctx)
{
	struct work *w = ctx;
	struct ac_err err = AC_ERR_INIT;

	for (;;) {
		struct layer *l = NULL;

		(void)pthread_mutex_lock(&w->mu);
		if (w->next < w->n_fetch && w->err.code == AC_OK)
			l = &w->v[w->next++];
		(void)pthread_mutex_unlock(&w->mu);
		if (l == NULL)
			return NULL;
		if (fetch_layer(w, l, &err) < 0) {
			failed(w, &err);
			return NULL;
		}
	}
}

/* This thread works too: two more are started when there is work for them. */
static int run(struct work *w, struct ac_err *err)
{
	pthread_t threads[THREADS - 1];
	size_t n = 0;

	while (n < AC_LEN(threads) && n + 1 < w->n_fetch &&
	       pthread_create(&threads[n], NULL, worker, w) == 0)
		n++;
	(void)worker(w);
	while (n != 0)
		(void)pthread_join(threads[--n], NULL);
	if (w->err.code == AC_OK)
		return copy_layers(w, err);
	*err = w->err;
	return -1;
}

static int by_key(const void *pa, const void *pb)
{
	const struct layer *a = pa;
	const struct layer *b = pb;
	int r = strcmp(a->key, b->key);

	return r != 0 ? r : a->copy - b->copy;
}

static int by_size(const void *pa, const void *pb)
{
	const struct layer *a = pa;
	const struct layer *b = pb;

	if (a->copy != b->copy)
		return a->copy - b->copy;
	return (a->desc->size < b->desc->size) -
	       (a->desc->size > b->desc->size);
}

/* Which layers are missing? */
static void plan(struct work *w, const char *what,
		 const struct ac_oci_manifest *m, const struct ac_oci_config *c,
		 struct ac_ingest **out)
{
	AC_FREE struct ac_digest *chain =
		ac_xcalloc(m->n_layers + 1, sizeof(*chain));
	AC_CLEANUP(ac_set_release) struct ac_set seen = AC_SET_INIT;

	ac_oci_chain_ids(c->diff_ids, m->n_layers, chain);
	for (size_t i = 0; i < m->n_layers; i++) {
		const struct ac_oci_desc *d = &m->layers[i];
		AC_FREE char *key = ac_partial_of_blob(&d->digest);
		bool copy = !ac_set_add(&seen, key);

		if (ac_store_has_layer(&w->p->store, &chain[i], &d->digest)) {
			tell_cached(w->p, d);
			continue;
		}
		if (!copy)
			ac_progress_expect(w->progress, d->size);
		w->v[w->n++] =
			(struct layer){.desc = d,
				       .diff = &c->diff_ids[i],
				       .in = &out[i],
				       .chain = chain[i],
				       .copy = copy,
				       .key = ac_steal_ptr(&key),
				       .what = ac_xasprintf("layer %zu of '%s'",
							    i + 1, what)};
	}
}

static void layer_release(struct layer *l)
{
	ac_partial_free(l->partial, true);
	free(l->key);
	free(l->what);
}

/* Take out what another process has published meanwhile. */
static void look_again(struct work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		if (ac_store_has_layer(&w->p->store, &w->v[i].chain,
				       &w->v[i].desc->digest))
			layer_release(&w->v[i]);
		else
			w->v[n++] = w->v[i];
	w->n = n;
}

/* The ingest of the layer whose blob the copy I has, sorted by their keys. */
static struct ac_ingest **first_of(const struct work *w, size_t i)
{
	const struct layer *l = &w->v[i];
	const struct layer *before = i != 0 ? l - 1 : NULL;

	if (before == NULL || strcmp(before->key, l->key) != 0)
		return NULL;
	return before->copy ? before->first : before->in;
}

/* Hold all the layers, so that no other process fetches them: always in the
 * order of their digests, or two processes could wait for each other. */
static int hold(struct work *w, struct ac_err *err)
{
	bool waited = false;

	qsort(w->v, w->n, sizeof(w->v[0]), by_key);
	for (size_t i = 0; i < w->n; i++) {
		struct layer *l = &w->v[i];

		if (l->copy) {
			l->first = first_of(w, i);
			continue;
		}
		l->partial = ac_partial_open(&w->p->store, l->key, l->what,
					     &waited, err);
		if (l->partial == NULL)
			return -1;
	}
	if (waited)
		look_again(w);
	ac_progress_items(w->progress, "layer", w->n);
	qsort(w->v, w->n, sizeof(w->v[0]), by_size);
	while (w->n_fetch < w->n && !w->v[w->n_fetch].copy)
		w->n_fetch++;
	return 0;
}

int pull_layers(struct puller *p, struct ac_registry *reg, const char *what,
		const struct ac_oci_manifest *m, const struct ac_oci_config *c,
		struct ac_ingest **out, struct ac_err *err)
{
	struct work w = {.p = p,
			 .reg = reg,
			 .progress = pull_progress(p, what),
			 .v = ac_xcalloc(m->n_layers + 1, sizeof(w.v[0])),
			 .err = AC_ERR_INIT};
	int ret;

	(void)pthread_mutex_init(&w.mu, NULL);
	plan(&w, what, m, c, out);
	ret = hold(&w, err);
	if (ret == 0)
		ret = run(&w, err);
	(void)pthread_mutex_destroy(&w.mu);
	for (size_t i = 0; i < w.n; i++)
		layer_release(&w.v[i]);
	free(w.v);
	ac_progress_free(w.progress);
	return ret;
}
