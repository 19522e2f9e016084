/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/zip_blocks.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/codec/digest.h"

enum {
	MAX_THREADS = 16, /* each needs 3 MiB */
	SPARE = 4,        /* blocks besides one a thread */
};

enum state {
	FREE,   /* the caller may fill it */
	FILLED, /* to be packed */
	BUSY,   /* being packed */
	DONE,
};

struct block {
	enum state state;
	bool hashed; /* or needs not be */
	uint8_t *in; /* AC_BLOCK_SIZE bytes */
	size_t n_in;
	uint8_t *out; /* room for the worst */
	size_t n_out;
};

struct task {
	struct block *block;
	bool hash; /* it; else pack it */
};

struct ac_blocks {
	struct ac_blocks_opts opts;
	void *own; /* the caller's, for packing */
	bool any;  /* there was a block */
	unsigned int max_workers;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;  /* there is something to do, or stop */
	pthread_cond_t ready; /* the oldest block is complete */
	bool stop;
	struct block *blocks; /* a ring of n_blocks */
	size_t n_blocks;
	size_t fill;    /* the caller fills this one */
	size_t to_pack; /* next */
	size_t to_hash; /* next, or being hashed */
	bool hashing;
	size_t oldest; /* the sink gets this one */
	pthread_t workers[MAX_THREADS];
	unsigned int n_workers;
};

static unsigned int count_threads(unsigned int asked)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int n = asked != 0  ? asked
			 : cores > 1 ? (unsigned int)cores
				     : 1;

	return n < MAX_THREADS ? n : MAX_THREADS;
}

struct ac_blocks *ac_blocks_new(const struct ac_blocks_opts *opts)
{
	struct ac_blocks *s = ac_xcalloc(1, sizeof(*s));
	unsigned int threads = count_threads(opts->threads);

	/* Hashing keeps only one busy. */
	if (opts->packer == NULL && threads > 2)
		threads = 2;
	s->opts = *opts;
	s->max_workers = threads - 1;
	s->n_blocks = s->max_workers != 0 ? threads + SPARE : 1;
	s->blocks = ac_xcalloc(s->n_blocks, sizeof(*s->blocks));
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->work, NULL);
	(void)pthread_cond_init(&s->ready, NULL);
	return s;
}

static void *start_packer(const struct ac_blocks *s)
{
	return s->opts.packer != NULL ? s->opts.packer->start(s->opts.level)
				      : NULL;
}

static void stop_packer(const struct ac_blocks *s, void *own)
{
	if (own != NULL)
		s->opts.packer->stop(own);
}

void ac_blocks_free(struct ac_blocks *s)
{
	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->stop = true;
	(void)pthread_cond_broadcast(&s->work);
	(void)pthread_mutex_unlock(&s->lock);
	for (unsigned int i = 0; i < s->n_workers; i++)
		(void)pthread_join(s->workers[i], NULL);
	(void)pthread_cond_destroy(&s->ready);
	(void)pthread_cond_destroy(&s->work);
	(void)pthread_mutex_destroy(&s->lock);
	for (size_t i = 0; i < s->n_blocks; i++) {
		free(s->blocks[i].in);
		free(s->blocks[i].out);
	}
	free(s->blocks);
	stop_packer(s, s->own);
	free(s);
}

static size_t next(const struct ac_blocks *s, size_t i)
{
	return (i + 1) % s->n_blocks;
}

static bool is_ready(const struct block *b)
{
	return b->state == DONE && b->hashed;
}

/* With the lock: something to do.  Hashing comes first: nobody can share it, so
 * all wait for it in the end. */
static bool take(struct ac_blocks *s, struct task *t)
{
	struct block *b = &s->blocks[s->to_hash];

	if (!s->hashing && b->state != FREE && !b->hashed) {
		s->hashing = true;
		*t = (struct task){.block = b, .hash = true};
		return true;
	}
	b = &s->blocks[s->to_pack];
	if (b->state != FILLED)
		return false;
	b->state = BUSY;
	s->to_pack = next(s, s->to_pack);
	*t = (struct task){.block = b};
	return true;
}

static void pack(const struct ac_blocks *s, struct block *b, void *own)
{
	if (b->out == NULL)
		b->out = ac_xmalloc(s->opts.packer->room(own));
	b->n_out = s->opts.packer->pack(own, b->in, b->n_in, b->out);
}

/* With the lock, which is let go of meanwhile. */
static void perform(struct ac_blocks *s, const struct task *t, void *own)
{
	struct block *b = t->block;

	(void)pthread_mutex_unlock(&s->lock);
	if (t->hash)
		ac_hash_add(s->opts.hash, b->in, b->n_in);
	else
		pack(s, b, own);
	(void)pthread_mutex_lock(&s->lock);
	if (t->hash) {
		b->hashed = true;
		s->hashing = false;
		s->to_hash = next(s, s->to_hash);
	} else {
		b->state = DONE;
	}
	if (b == &s->blocks[s->oldest] && is_ready(b))
		(void)pthread_cond_signal(&s->ready);
}

static void *work(void *arg)
{
	struct ac_blocks *s = arg;
	void *own = start_packer(s);
	struct task t;

	(void)pthread_mutex_lock(&s->lock);
	while (!s->stop)
		if (take(s, &t))
			perform(s, &t, own);
		else
			(void)pthread_cond_wait(&s->work, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
	stop_packer(s, own);
	return NULL;
}

/* As many as can be had.  Signals are for the program's own thread. */
static void start_workers(struct ac_blocks *s)
{
	sigset_t all;
	sigset_t old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (s->n_workers < s->max_workers &&
	       pthread_create(&s->workers[s->n_workers], NULL, work, s) == 0)
		s->n_workers++;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->max_workers = s->n_workers;
}

/* Give the oldest block to the sink.  With the lock, which is let go of
 * meanwhile: nobody else touches a block that is ready. */
static int give(struct ac_blocks *s, struct ac_err *err)
{
	struct block *b = &s->blocks[s->oldest];
	int r;

	(void)pthread_mutex_unlock(&s->lock);
	r = s->opts.packer != NULL
		    ? s->opts.sink(s->opts.ctx, b->out, b->n_out, err)
		    : s->opts.sink(s->opts.ctx, b->in, b->n_in, err);
	(void)pthread_mutex_lock(&s->lock);
	b->state = FREE;
	b->n_in = 0;
	s->oldest = next(s, s->oldest);
	return r;
}

/* Work, or wait for those who do. */
static void help(struct ac_blocks *s)
{
	struct task t;

	if (!take(s, &t)) {
		(void)pthread_cond_wait(&s->ready, &s->lock);
		return;
	}
	if (s->own == NULL)
		s->own = start_packer(s);
	perform(s, &t, s->own);
}

/* Give on what is ready, and go on until there is a block to fill, or until
 * ALL was given. */
static int settle(struct ac_blocks *s, bool all, struct ac_err *err)
{
	int r = 0;

	(void)pthread_mutex_lock(&s->lock);
	while (r == 0 && s->blocks[s->oldest].state != FREE) {
		if (is_ready(&s->blocks[s->oldest]))
			r = give(s, err);
		else if (all || s->blocks[s->fill].state != FREE)
			help(s);
		else
			break;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r < 0 ? -1 : 0;
}

/* The block being filled is complete. */
static void submit(struct ac_blocks *s)
{
	struct block *b = &s->blocks[s->fill];

	s->any = true;
	(void)pthread_mutex_lock(&s->lock);
	b->state = s->opts.packer != NULL ? FILLED : DONE;
	b->hashed = s->opts.hash == NULL;
	s->fill = next(s, s->fill);
	(void)pthread_cond_signal(&s->work);
	if (b->state == FILLED && !b->hashed)
		(void)pthread_cond_signal(&s->work); /* two things to do */
	(void)pthread_mutex_unlock(&s->lock);
}

void *ac_blocks_lend(struct ac_blocks *s, size_t *cap)
{
	struct block *b = &s->blocks[s->fill];

	if (b->in == NULL)
		b->in = ac_xmalloc(AC_BLOCK_SIZE);
	*cap = AC_BLOCK_SIZE - b->n_in;
	return b->in + b->n_in;
}

int ac_blocks_lent(struct ac_blocks *s, size_t n, struct ac_err *err)
{
	struct block *b = &s->blocks[s->fill];

	b->n_in += n;
	if (b->n_in < AC_BLOCK_SIZE)
		return 0;
	/* Small streams need no threads. */
	if (s->n_workers < s->max_workers)
		start_workers(s);
	submit(s);
	return settle(s, false, err);
}

int ac_blocks_cut(struct ac_blocks *s, struct ac_err *err)
{
	if (s->blocks[s->fill].n_in != 0)
		submit(s);
	return settle(s, true, err);
}

int ac_blocks_finish(struct ac_blocks *s, struct ac_err *err)
{
	size_t cap;

	if (!s->any && s->opts.packer != NULL) {
		(void)!ac_blocks_lend(s, &cap);
		submit(s);
	}
	return ac_blocks_cut(s, err);
}
