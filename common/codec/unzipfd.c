/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/unzipfd.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/codec/digest.h"
#include "common/sys/io.h"
#include "common/sys/ring.h"

enum { CHUNKS = 8, CHUNK = 256 << 10, INPUT = 128 << 10 };

struct ac_unzipfd {
	int fd;
	const char *what;
	bool ranged;        /* only these bytes, by pread */
	uint64_t off, left; /* what is to be read */
	struct ac_hash *hash;
	struct ac_unzip_limits limits;
	struct ac_ring *ring;
	enum ac_zip format;   /* written before the first chunk is passed on */
	struct ac_unzip *zip; /* the thread's */
	bool aborted;         /* the thread's: the consumer has gone */
	pthread_t thread;
	bool started;
	struct ac_err start_err;
};

/* The decoder writes into the ring. */
static void *lend(void *ctx, size_t *cap, struct ac_err *err)
{
	struct ac_unzipfd *u = ctx;
	void *slot = ac_ring_slot(u->ring, cap);

	if (slot == NULL) {
		u->aborted = true;
		(void)ac_err_set(err, AC_E_SYS, "no reader any more");
	}
	return slot;
}

static int pass_on(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_unzipfd *u = ctx;

	(void)p;
	(void)err;
	u->format = ac_unzip_format(u->zip);
	ac_ring_commit(u->ring, n);
	return 0;
}

/* The next bytes of the range: their number, 0 at its end, -1. */
static ssize_t read_range(struct ac_unzipfd *u, char *input, struct ac_err *err)
{
	size_t want = u->left < INPUT ? (size_t)u->left : INPUT;
	ssize_t n;

	if (want == 0)
		return 0;
	do
		n = pread(u->fd, input, want, (off_t)u->off);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return ac_err_sys(err, errno, "read '%s'", u->what);
	if (n == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' ends %llu bytes early", u->what,
				  (unsigned long long)u->left);
	if (u->hash != NULL)
		ac_hash_add(u->hash, input, (size_t)n);
	u->off += (uint64_t)n;
	u->left -= (uint64_t)n;
	return n;
}

static ssize_t read_some(struct ac_unzipfd *u, char *input, struct ac_err *err)
{
	return u->ranged ? read_range(u, input, err)
			 : ac_io_read(u->fd, input, INPUT, u->what, err);
}

static int pump(struct ac_unzipfd *u, char *input, struct ac_err *err)
{
	ssize_t n;

	while ((n = read_some(u, input, err)) > 0)
		if (ac_unzip_feed(u->zip, input, (size_t)n, err) < 0 ||
		    ac_unzip_flush(u->zip, err) < 0)
			return -1;
	if (n < 0 || ac_unzip_finish(u->zip, err) < 0)
		return -1;
	u->format = ac_unzip_format(u->zip);
	return 0;
}

static void *run(void *arg)
{
	struct ac_unzipfd *u = arg;
	struct ac_err err = AC_ERR_INIT;
	char *input = ac_xmalloc(INPUT);
	int r = pump(u, input, &err);

	free(input);
	if (!u->aborted)
		ac_ring_close(u->ring, r < 0 ? &err : NULL);
	return NULL;
}

static struct ac_unzipfd *start(struct ac_unzipfd *u,
				const struct ac_unzip_limits *limits)
{
	int r;

	if (limits != NULL)
		u->limits = *limits;
	u->ring = ac_ring_new(CHUNKS, CHUNK, 1);
	u->zip = ac_unzip_new(&u->limits, pass_on, u);
	ac_unzip_lend(u->zip, lend);
	r = pthread_create(&u->thread, NULL, run, u);
	u->started = r == 0;
	if (r != 0)
		(void)ac_err_sys(&u->start_err, r, "start a thread");
	return u;
}

struct ac_unzipfd *ac_unzipfd_new(int fd, const char *what,
				  const struct ac_unzip_limits *limits)
{
	struct ac_unzipfd *u = ac_xcalloc(1, sizeof(*u));

	u->fd = fd;
	u->what = what;
	return start(u, limits);
}

struct ac_unzipfd *ac_unzipfd_new_range(int fd, uint64_t off, uint64_t len,
					struct ac_hash *hash, const char *what,
					const struct ac_unzip_limits *limits)
{
	struct ac_unzipfd *u = ac_xcalloc(1, sizeof(*u));

	u->fd = fd;
	u->what = what;
	u->ranged = true;
	u->off = off;
	u->left = len;
	u->hash = hash;
	return start(u, limits);
}

ssize_t ac_unzipfd_source(void *ctx, const void **p, struct ac_err *err)
{
	struct ac_unzipfd *u = ctx;

	if (!u->started) {
		*err = u->start_err;
		return -1;
	}
	return ac_ring_next(u->ring, 0, p, err);
}

enum ac_zip ac_unzipfd_format(const struct ac_unzipfd *u)
{
	return u->format;
}

void ac_unzipfd_free(struct ac_unzipfd *u)
{
	if (u == NULL)
		return;
	if (u->started) {
		ac_ring_abort(u->ring);
		(void)pthread_join(u->thread, NULL);
	}
	ac_unzip_free(u->zip);
	ac_ring_free(u->ring);
	free(u);
}
