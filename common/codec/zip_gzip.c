/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/zip_gzip.h"

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

enum {
	BLOCK = 1 << 20,  /* of plain bytes: what the output depends on */
	MAX_THREADS = 16, /* each needs 3 MiB */
};

/* A thread's own.  Level 1 is ISA-L's: twice as fast as libdeflate at its
 * fastest, and 5 % larger. */
struct compressor {
	struct libdeflate_compressor *deflate;
	struct isal_zstream *isal; /* NULL but at level 1 */
	uint8_t *work;             /* memory that it wants */
};

enum state {
	FREE,   /* the caller may fill it */
	FILLED, /* waits for a thread */
	BUSY,
	DONE, /* waits for the caller to give it to the sink */
};

struct block {
	enum state state;
	uint8_t *in; /* BLOCK bytes */
	size_t n_in;
	uint8_t *out; /* room for the worst */
	size_t n_out;
};

struct ac_gzip {
	ac_sink_fn sink;
	void *ctx;
	int level;
	unsigned int max_threads;
	size_t out_size;
	bool any;              /* a member was made */
	struct compressor own; /* the caller's */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;  /* a block was filled, or stop */
	pthread_cond_t done;  /* a block was compressed */
	bool stop;
	struct block *blocks; /* a ring of n_blocks */
	size_t n_blocks;
	size_t fill;   /* the caller fills this one */
	size_t next;   /* a thread takes this one */
	size_t oldest; /* the sink gets this one */
	pthread_t threads[MAX_THREADS];
	unsigned int n_threads;
};

static void start_compressor(struct compressor *c, int level)
{
	*c = (struct compressor){.deflate = libdeflate_alloc_compressor(level)};
	/* As ac_xmalloc does. */
	if (c->deflate == NULL)
		abort();
	if (level == 1) {
		c->isal = ac_xmalloc(sizeof(*c->isal));
		c->work = ac_xmalloc(ISAL_DEF_LVL1_DEFAULT);
	}
}

static void release_compressor(struct compressor *c)
{
	libdeflate_free_compressor(c->deflate);
	free(c->isal);
	free(c->work);
}

struct ac_gzip *ac_gzip_new(int level, unsigned int threads, ac_sink_fn sink,
			    void *ctx)
{
	struct ac_gzip *g = ac_xcalloc(1, sizeof(*g));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (threads == 0)
		threads = cores > 1 ? (unsigned int)cores : 1;
	g->sink = sink;
	g->ctx = ctx;
	g->level = level;
	g->max_threads = threads < MAX_THREADS ? threads : MAX_THREADS;
	start_compressor(&g->own, level);
	g->out_size = libdeflate_gzip_compress_bound(g->own.deflate, BLOCK);
	/* One that is filled and one that is written out besides. */
	g->n_blocks = g->max_threads > 1 ? g->max_threads + 2 : 1;
	g->blocks = ac_xcalloc(g->n_blocks, sizeof(*g->blocks));
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->work, NULL);
	(void)pthread_cond_init(&g->done, NULL);
	return g;
}

void ac_gzip_free(struct ac_gzip *g)
{
	if (g == NULL)
		return;
	(void)pthread_mutex_lock(&g->lock);
	g->stop = true;
	(void)pthread_cond_broadcast(&g->work);
	(void)pthread_mutex_unlock(&g->lock);
	for (unsigned int i = 0; i < g->n_threads; i++)
		(void)pthread_join(g->threads[i], NULL);
	(void)pthread_cond_destroy(&g->done);
	(void)pthread_cond_destroy(&g->work);
	(void)pthread_mutex_destroy(&g->lock);
	for (size_t i = 0; i < g->n_blocks; i++) {
		free(g->blocks[i].in);
		free(g->blocks[i].out);
	}
	free(g->blocks);
	release_compressor(&g->own);
	free(g);
}

/* The size of what the block became, or 0: no room. */
static size_t compress_fast(const struct ac_gzip *g, const struct block *b,
			    const struct compressor *c)
{
	struct isal_zstream *z = c->isal;

	isal_deflate_stateless_init(z);
	z->level = 1;
	z->level_buf = c->work;
	z->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	z->gzip_flag = IGZIP_GZIP;
	z->end_of_stream = 1;
	z->flush = NO_FLUSH;
	z->next_in = b->in;
	z->avail_in = (uint32_t)b->n_in;
	z->next_out = b->out;
	z->avail_out = (uint32_t)g->out_size;
	return isal_deflate_stateless(z) == COMP_OK ? z->total_out : 0;
}

static void compress_block(const struct ac_gzip *g, struct block *b,
			   const struct compressor *c)
{
	if (b->out == NULL)
		b->out = ac_xmalloc(g->out_size);
	b->n_out = c->isal != NULL ? compress_fast(g, b, c) : 0;
	if (b->n_out == 0)
		b->n_out = libdeflate_gzip_compress(c->deflate, b->in, b->n_in,
						    b->out, g->out_size);
}

static void *compress_blocks(void *arg)
{
	struct ac_gzip *g = arg;
	struct compressor c;

	start_compressor(&c, g->level);
	(void)pthread_mutex_lock(&g->lock);
	for (;;) {
		struct block *b = &g->blocks[g->next];

		if (g->stop)
			break;
		if (b->state != FILLED) {
			(void)pthread_cond_wait(&g->work, &g->lock);
			continue;
		}
		b->state = BUSY;
		g->next = (g->next + 1) % g->n_blocks;
		(void)pthread_mutex_unlock(&g->lock);
		compress_block(g, b, &c);
		(void)pthread_mutex_lock(&g->lock);
		b->state = DONE;
		(void)pthread_cond_signal(&g->done);
	}
	(void)pthread_mutex_unlock(&g->lock);
	release_compressor(&c);
	return NULL;
}

/* Signals are for the program's own thread. */
static void start_threads(struct ac_gzip *g)
{
	sigset_t all;
	sigset_t old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (g->n_threads < g->max_threads &&
	       pthread_create(&g->threads[g->n_threads], NULL, compress_blocks,
			      g) == 0)
		g->n_threads++;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (g->n_threads == 0)
		g->max_threads = 1; /* none to be had: do it here */
}

/* Give the oldest block to the sink; WAIT until it is compressed.  1 when that
 * was done, 0 when there is none (ready). */
static int drain_one(struct ac_gzip *g, bool wait, struct ac_err *err)
{
	struct block *b = &g->blocks[g->oldest];
	enum state state;

	(void)pthread_mutex_lock(&g->lock);
	while (wait && (b->state == FILLED || b->state == BUSY))
		(void)pthread_cond_wait(&g->done, &g->lock);
	state = b->state;
	(void)pthread_mutex_unlock(&g->lock);
	if (state != DONE)
		return 0;
	/* Nobody else touches a block that is done. */
	if (g->sink(g->ctx, b->out, b->n_out, err) < 0)
		return -1;
	(void)pthread_mutex_lock(&g->lock);
	b->state = FREE;
	b->n_in = 0;
	(void)pthread_mutex_unlock(&g->lock);
	g->oldest = (g->oldest + 1) % g->n_blocks;
	return 1;
}

static int drain(struct ac_gzip *g, bool wait, struct ac_err *err)
{
	int ret;

	do
		ret = drain_one(g, wait, err);
	while (ret > 0);
	return ret;
}

/* The block being filled is complete. */
static int submit(struct ac_gzip *g, struct ac_err *err)
{
	struct block *b = &g->blocks[g->fill];

	g->any = true;
	if (g->max_threads == 1) {
		compress_block(g, b, &g->own);
		b->n_in = 0;
		return g->sink(g->ctx, b->out, b->n_out, err) < 0 ? -1 : 0;
	}
	(void)pthread_mutex_lock(&g->lock);
	b->state = FILLED;
	(void)pthread_cond_signal(&g->work);
	(void)pthread_mutex_unlock(&g->lock);
	g->fill = (g->fill + 1) % g->n_blocks;
	/* What is ready goes out; the next must be free. */
	if (drain(g, false, err) < 0)
		return -1;
	return g->fill == g->oldest ? drain_one(g, true, err) : 0;
}

int ac_gzip_feed(struct ac_gzip *g, const void *p, size_t n, struct ac_err *err)
{
	const uint8_t *from = p;

	while (n != 0) {
		struct block *b = &g->blocks[g->fill];
		size_t step = BLOCK - b->n_in < n ? BLOCK - b->n_in : n;

		if (b->in == NULL)
			b->in = ac_xmalloc(BLOCK);
		memcpy(b->in + b->n_in, from, step);
		b->n_in += step;
		from += step;
		n -= step;
		if (b->n_in < BLOCK)
			break;
		/* Small streams need no threads. */
		if (g->max_threads > 1 && g->n_threads == 0)
			start_threads(g);
		if (submit(g, err) < 0)
			return -1;
	}
	return 0;
}

int ac_gzip_cut(struct ac_gzip *g, struct ac_err *err)
{
	struct block *b = &g->blocks[g->fill];

	if (g->n_threads != 0 && drain(g, true, err) < 0)
		return -1;
	if (b->n_in == 0)
		return 0;
	/* Nothing else is under way: no need to wake anybody. */
	compress_block(g, b, &g->own);
	b->n_in = 0;
	g->any = true;
	return g->sink(g->ctx, b->out, b->n_out, err) < 0 ? -1 : 0;
}

int ac_gzip_finish(struct ac_gzip *g, struct ac_err *err)
{
	struct block *b = &g->blocks[g->fill];

	if (ac_gzip_cut(g, err) < 0)
		return -1;
	if (g->any)
		return 0;
	compress_block(g, b, &g->own);
	g->any = true;
	return g->sink(g->ctx, b->out, b->n_out, err) < 0 ? -1 : 0;
}
