/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/ring.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

struct consumer {
	uint64_t taken; /* chunks given to it */
	bool reading;   /* it uses the last of them */
};

struct ac_ring {
	pthread_mutex_t lock;
	pthread_cond_t filled; /* consumers wait here */
	pthread_cond_t freed;  /* the producer waits here */
	char *mem;             /* chunks * size, owned */
	size_t *used;          /* bytes in each chunk */
	size_t chunks, size;
	uint64_t committed; /* chunks, in all */
	struct consumer *consumers;
	size_t n;
	bool closed, aborted, failed;
	struct ac_err err; /* the producer's, when failed */
};

struct ac_ring *ac_ring_new(size_t chunks, size_t size, size_t consumers)
{
	struct ac_ring *r = ac_xcalloc(1, sizeof(*r));

	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->filled, NULL);
	(void)pthread_cond_init(&r->freed, NULL);
	r->used = ac_xcalloc(chunks, sizeof(*r->used));
	/* Not zeroed: what is never filled is never touched. */
	r->mem = ac_xrealloc(NULL, chunks, size);
	r->chunks = chunks;
	r->size = size;
	r->consumers = ac_xcalloc(consumers, sizeof(*r->consumers));
	r->n = consumers;
	return r;
}

void ac_ring_free(struct ac_ring *r)
{
	if (r == NULL)
		return;
	(void)pthread_cond_destroy(&r->freed);
	(void)pthread_cond_destroy(&r->filled);
	(void)pthread_mutex_destroy(&r->lock);
	free(r->consumers);
	free(r->used);
	free(r->mem);
	free(r);
}

/* Are there N chunks or more that some consumer is not done with? */
static bool is_behind(const struct ac_ring *r, size_t n)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct consumer *c = &r->consumers[i];
		uint64_t done = c->reading ? c->taken - 1 : c->taken;

		if (r->committed - done >= n)
			return true;
	}
	return false;
}

void *ac_ring_slot(struct ac_ring *r, size_t *cap)
{
	void *p = NULL;

	(void)pthread_mutex_lock(&r->lock);
	while (is_behind(r, r->chunks) && !r->aborted)
		(void)pthread_cond_wait(&r->freed, &r->lock);
	if (!r->aborted) {
		p = r->mem + r->committed % r->chunks * r->size;
		*cap = r->size;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return p;
}

void ac_ring_commit(struct ac_ring *r, size_t n)
{
	if (n == 0)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->used[r->committed++ % r->chunks] = n;
	(void)pthread_cond_broadcast(&r->filled);
	(void)pthread_mutex_unlock(&r->lock);
}

void ac_ring_drain(struct ac_ring *r)
{
	(void)pthread_mutex_lock(&r->lock);
	while (is_behind(r, 1) && !r->aborted)
		(void)pthread_cond_wait(&r->freed, &r->lock);
	(void)pthread_mutex_unlock(&r->lock);
}

void ac_ring_close(struct ac_ring *r, const struct ac_err *err)
{
	(void)pthread_mutex_lock(&r->lock);
	r->closed = true;
	if (err != NULL) {
		r->failed = true;
		r->err = *err;
	}
	(void)pthread_cond_broadcast(&r->filled);
	(void)pthread_mutex_unlock(&r->lock);
}

ssize_t ac_ring_next(struct ac_ring *r, size_t who, const void **p,
		     struct ac_err *err)
{
	struct consumer *c = &r->consumers[who];
	ssize_t n = 0;

	(void)pthread_mutex_lock(&r->lock);
	if (c->reading)
		(void)pthread_cond_signal(&r->freed);
	c->reading = false;
	while (c->taken == r->committed && !r->closed)
		(void)pthread_cond_wait(&r->filled, &r->lock);
	if (c->taken != r->committed) {
		size_t at = c->taken++ % r->chunks;

		*p = r->mem + at * r->size;
		n = (ssize_t)r->used[at];
		c->reading = true;
	} else if (r->failed) {
		*err = r->err;
		n = -1;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return n;
}

void ac_ring_abort(struct ac_ring *r)
{
	(void)pthread_mutex_lock(&r->lock);
	r->aborted = true;
	(void)pthread_cond_signal(&r->freed);
	(void)pthread_mutex_unlock(&r->lock);
}
