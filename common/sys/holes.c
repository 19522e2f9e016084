/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/holes.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

/* Beyond so many pieces the rest of a file is one. */
enum { MAX_EXTENTS = 1 << 20 };

static void add(struct ac_holes *h, size_t n, off_t from, off_t to)
{
	if (n == h->cap) {
		h->cap = n != 0 ? n * 2 : 16;
		h->v = ac_xrealloc(h->v, h->cap, sizeof(*h->v));
	}
	h->v[n] = (struct ac_extent){.off = (uint64_t)from,
				     .len = (uint64_t)(to - from)};
}

/* How many runs of data there are, or -1. */
static ssize_t find(struct ac_holes *h, int fd, off_t size)
{
	off_t at = 0;
	size_t n = 0;

	while (at < size) {
		off_t from = lseek(fd, at, SEEK_DATA);
		off_t to;

		if (from < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		if (from < 0)
			return -1;
		to = n + 1 < MAX_EXTENTS ? lseek(fd, from, SEEK_HOLE) : size;
		if (to < 0)
			return -1;
		add(h, n++, from, to);
		at = to;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : (ssize_t)n;
}

int ac_holes_find(struct ac_holes *h, int fd, const struct stat *st,
		  const char *what, struct ac_entry *e, struct ac_err *err)
{
	off_t size = st->st_size;
	ssize_t n;

	if (st->st_blocks >= (size + 511) / 512)
		return 0;
	n = find(h, fd, size);
	if (n < 0)
		return ac_err_sys(err, errno, "seek in '%s'", what);
	if (n == 1 && h->v[0].len == (uint64_t)size)
		return 0; /* compressed, not sparse */
	if (n == 0)
		add(h, 0, 0, 0); /* not NULL */
	e->extents = h->v;
	e->n_extents = (size_t)n;
	return 0;
}

void ac_holes_release(struct ac_holes *h)
{
	free(h->v);
	*h = AC_HOLES_INIT;
}
