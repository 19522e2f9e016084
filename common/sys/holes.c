/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/holes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

enum {
	MAX_EXTENTS = 1 << 20, /* beyond so many the rest of a file is one */
	BLOCK = 4096,
	PART = 64 * BLOCK,
	RUN = (1 << 20) / BLOCK, /* so many blocks make a file sparse */
};

static const char zeros[BLOCK];

/* Add the data from FROM to TO behind the N extents, or to the last one when
 * nothing is in between.  Returns how many there are. */
static size_t add(struct ac_holes *h, size_t n, off_t from, off_t to)
{
	struct ac_extent *last = n != 0 ? &h->v[n - 1] : NULL;

	if (last != NULL &&
	    (last->off + last->len == (uint64_t)from || n == MAX_EXTENTS)) {
		last->len = (uint64_t)to - last->off;
		return n;
	}
	if (n == h->cap) {
		h->cap = n != 0 ? n * 2 : 16;
		h->v = ac_xrealloc(h->v, h->cap, sizeof(*h->v));
	}
	h->v[n] = (struct ac_extent){.off = (uint64_t)from,
				     .len = (uint64_t)(to - from)};
	return n + 1;
}

/* Blocks of SIZE bytes at P, which are at AT in the file: those that are not
 * zeros. */
static size_t add_blocks(struct ac_holes *h, size_t n, const char *p,
			 size_t size, off_t at)
{
	for (size_t i = 0; i < size; i += BLOCK) {
		size_t len = size - i < BLOCK ? size - i : BLOCK;

		if (memcmp(p + i, zeros, len) != 0)
			n = add(h, n, at + (off_t)i, at + (off_t)(i + len));
	}
	return n;
}

/* What the file system calls data, from FROM (the start of a block) to TO.
 * Returns how many extents there are, or -1. */
static ssize_t scan(struct ac_holes *h, size_t n, int fd, off_t from, off_t to)
{
	if (h->buf == NULL)
		h->buf = ac_xmalloc(PART);
	while (from < to) {
		off_t left = to - from;
		size_t want = left < PART ? (size_t)left : PART;
		size_t got = 0;

		while (got < want) {
			ssize_t r = pread(fd, h->buf + got, want - got,
					  from + (off_t)got);

			if (r < 0 && errno != EINTR)
				return -1;
			if (r == 0)
				break; /* who reads it will see that it shrank
					*/
			got += r > 0 ? (size_t)r : 0;
		}
		if (got < want)
			return (ssize_t)add(h, n, from, to);
		n = add_blocks(h, n, h->buf, got, from);
		from += (off_t)got;
	}
	return (ssize_t)n;
}

/* How many runs of data there are, or -1. */
static ssize_t find(struct ac_holes *h, int fd, off_t size)
{
	off_t at = 0;
	ssize_t n = 0;

	while (at < size) {
		off_t from = lseek(fd, at, SEEK_DATA);
		off_t to;

		if (from < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		if (from < 0)
			return -1;
		to = lseek(fd, from, SEEK_HOLE);
		if (to < 0)
			return -1;
		/* Whole blocks, each looked at once. */
		from -= from % BLOCK;
		from = from > at ? from : at;
		to += BLOCK - 1 - (to + BLOCK - 1) % BLOCK;
		to = to < size ? to : size;
		n = scan(h, (size_t)n, fd, from, to);
		if (n < 0)
			return -1;
		at = to;
	}
	return n;
}

/* All holes, into *e; FD is at its start again. */
static int find_all(struct ac_holes *h, int fd, off_t size, const char *what,
		    struct ac_entry *e, struct ac_err *err)
{
	ssize_t n = find(h, fd, size);

	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return ac_err_sys(err, errno, "seek in '%s'", what);
	if (n == 1 && h->v[0].len == (uint64_t)size)
		return 0; /* compressed, not sparse */
	if (n == 0)
		(void)add(h, 0, 0, 0); /* not NULL */
	e->extents = h->v;
	e->n_extents = (size_t)n;
	return 0;
}

/* Is the block I of the file a block of zeros?  1, 0, or -1.  What has shrunk
 * is no zeros: who reads it will see that. */
static int is_zeros(int fd, off_t i, off_t size)
{
	char block[BLOCK];
	off_t left = size - i * BLOCK;
	size_t want = left < BLOCK ? (size_t)left : BLOCK;
	ssize_t n;

	do
		n = pread(fd, block, want, i * BLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	return (size_t)n == want && memcmp(block, zeros, want) == 0;
}

/* Are there RUN blocks of zeros next to each other?  1, 0, or -1.  The last of
 * RUN blocks is looked at first, so that usually one in RUN is read. */
static int has_run(int fd, off_t size)
{
	off_t n = (size + BLOCK - 1) / BLOCK;
	off_t from = 0;  /* a run may begin here */
	off_t known = 0; /* from here to `clean` all are zeros */
	off_t clean = 0;

	while (from + RUN <= n) {
		off_t i = from + RUN;
		int r = 1;

		while (r > 0 && i > from) {
			if (i == clean)
				i = known;
			else if ((r = is_zeros(fd, i - 1, size)) > 0)
				i--;
		}
		if (r < 0)
			return -1;
		if (i <= from)
			return 1;
		known = i;
		clean = from + RUN;
		from = i;
	}
	return 0;
}

int ac_holes_find(struct ac_holes *h, int fd, const struct stat *st,
		  const char *what, struct ac_entry *e, struct ac_err *err)
{
	int r = has_run(fd, st->st_size);

	if (r < 0)
		return ac_err_sys(err, errno, "read '%s'", what);
	return r > 0 ? find_all(h, fd, st->st_size, what, e, err) : 0;
}

int ac_holes_on_disk(struct ac_holes *h, int fd, const struct stat *st,
		     const char *what, struct ac_entry *e, struct ac_err *err)
{
	if (st->st_blocks >= (st->st_size + 511) / 512)
		return 0;
	return find_all(h, fd, st->st_size, what, e, err);
}

void ac_holes_release(struct ac_holes *h)
{
	free(h->v);
	free(h->buf);
	*h = AC_HOLES_INIT;
}
