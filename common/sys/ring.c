/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/ring.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

struct ac_ring {
	pthread_mutex_t lock;
	pthread_cond_t filled; /* the consumer waits here */
	pthread_cond_t freed;  /* the producer waits here */
	char *mem;             /* chunks * size, owned */
	size_t *used;          /* bytes in each chunk */
	size_t chunks, size;
	size_t head;  /* chunk that the producer fills next */
	size_t count; /* chunks committed and not given back */
	bool reading; /* the consumer has the oldest of them */
	bool closed, aborted, failed;
	struct ac_err err; /* the producer's, when failed */
};

struct ac_ring *ac_ring_new(size_t chunks, size_t size)
{
	struct ac_ring *r = ac_xcalloc(1, sizeof(*r));

	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->filled, NULL);
	(void)pthread_cond_init(&r->freed, NULL);
	r->used = ac_xcalloc(chunks, sizeof(*r->used));
	r->mem = ac_xcalloc(chunks, size);
	r->chunks = chunks;
	r->size = size;
	return r;
}

void ac_ring_free(struct ac_ring *r)
{
	if (r == NULL)
		return;
	(void)pthread_cond_destroy(&r->freed);
	(void)pthread_cond_destroy(&r->filled);
	(void)pthread_mutex_destroy(&r->lock);
	free(r->used);
	free(r->mem);
	free(r);
}

void *ac_ring_slot(struct ac_ring *r, size_t *cap)
{
	void *p = NULL;

	(void)pthread_mutex_lock(&r->lock);
	while (r->count == r->chunks && !r->aborted)
		(void)pthread_cond_wait(&r->freed, &r->lock);
	if (!r->aborted) {
		p = r->mem + r->head * r->size;
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
	r->used[r->head] = n;
	r->head = (r->head + 1) % r->chunks;
	r->count++;
	(void)pthread_cond_signal(&r->filled);
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
	(void)pthread_cond_signal(&r->filled);
	(void)pthread_mutex_unlock(&r->lock);
}

ssize_t ac_ring_next(struct ac_ring *r, const void **p, struct ac_err *err)
{
	ssize_t n = 0;

	(void)pthread_mutex_lock(&r->lock);
	if (r->reading) {
		r->reading = false;
		r->count--;
		(void)pthread_cond_signal(&r->freed);
	}
	while (r->count == 0 && !r->closed)
		(void)pthread_cond_wait(&r->filled, &r->lock);
	if (r->count != 0) {
		size_t tail = (r->head + r->chunks - r->count) % r->chunks;

		*p = r->mem + tail * r->size;
		n = (ssize_t)r->used[tail];
		r->reading = true;
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
