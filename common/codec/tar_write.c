/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/codec/tar.h"
#include "common/codec/tar_fmt.h"

enum { COPY_SIZE = 256 << 10 };

struct ac_tar_writer {
	ac_sink_fn sink;
	ac_lend_fn lend; /* NULL: files are read to COPY */
	ac_lent_fn lent;
	void *ctx;
	/* The entry being written. */
	char *path;                /* owned; NULL before the first */
	struct ac_extent *extents; /* owned: where its content is */
	size_t n_extents;
	uint64_t size; /* of the file */
	uint64_t left; /* bytes of content to come */
	size_t pad;    /* and zeros behind them */
	bool end_seen; /* of the file that was read */
	struct ac_buf records;
	char *copy; /* COPY_SIZE bytes, once needed */
};

static const char zeros[2 * AC_TAR_BLOCK];

struct ac_tar_writer *ac_tar_writer_new(ac_sink_fn sink, void *ctx)
{
	struct ac_tar_writer *w = ac_xmalloc(sizeof(*w));

	*w = (struct ac_tar_writer){
		.sink = sink,
		.ctx = ctx,
		.records = AC_BUF_INIT(64 << 20),
	};
	return w;
}

void ac_tar_writer_lend(struct ac_tar_writer *w, ac_lend_fn lend,
			ac_lent_fn lent)
{
	w->lend = lend;
	w->lent = lent;
}

void ac_tar_writer_free(struct ac_tar_writer *w)
{
	if (w == NULL)
		return;
	ac_buf_release(&w->records);
	free(w->path);
	free(w->extents);
	free(w->copy);
	free(w);
}

static int put(struct ac_tar_writer *w, const void *p, size_t n,
	       struct ac_err *err)
{
	return n != 0 && w->sink(w->ctx, p, n, err) < 0 ? -1 : 0;
}

static size_t padding(uint64_t n)
{
	return (AC_TAR_BLOCK - n % AC_TAR_BLOCK) % AC_TAR_BLOCK;
}

/* The pax header in front of the entry's own, when there are records. */
static int put_records(struct ac_tar_writer *w, struct ac_err *err)
{
	struct ac_tar_raw h = {.name = "PaxHeaders/entry", .type = 'x'};

	if (ac_buf_check(&w->records, "the attributes of a file", err) < 0)
		return -1;
	if (w->records.len == 0)
		return 0;
	(void)ac_tar_octal(h.mode, sizeof(h.mode), 0644);
	(void)ac_tar_octal(h.uid, sizeof(h.uid), 0);
	(void)ac_tar_octal(h.gid, sizeof(h.gid), 0);
	(void)ac_tar_octal(h.size, sizeof(h.size), w->records.len);
	(void)ac_tar_octal(h.mtime, sizeof(h.mtime), 0);
	(void)ac_tar_octal(h.major, sizeof(h.major), 0);
	(void)ac_tar_octal(h.minor, sizeof(h.minor), 0);
	ac_tar_seal(&h);
	if (put(w, &h, sizeof(h), err) < 0 ||
	    put(w, w->records.p, w->records.len, err) < 0)
		return -1;
	return put(w, zeros, padding(w->records.len), err);
}

static bool ends_in_hole(const struct ac_entry *e)
{
	const struct ac_extent *last = e->extents + e->n_extents - 1;

	return e->n_extents == 0 || last->off + last->len < e->size;
}

/* The map of a sparse file (GNU's format 1.0): its text, padded, which comes
 * in front of the data. */
static void put_sparse(struct ac_tar_writer *w, const struct ac_entry *e,
		       struct ac_buf *map)
{
	ac_tar_pax_number(&w->records, "GNU.sparse.major", 1);
	ac_tar_pax_number(&w->records, "GNU.sparse.minor", 0);
	ac_tar_pax_add(&w->records, "GNU.sparse.name", e->path,
		       strlen(e->path));
	ac_tar_pax_number(&w->records, "GNU.sparse.realsize", e->size);
	/* GNU tar takes the end of the last extent for the end of the file, so
	 * a hole there needs one more, of nothing. */
	ac_buf_addf(map, "%zu\n", e->n_extents + ends_in_hole(e));
	for (size_t i = 0; i < e->n_extents; i++)
		ac_buf_addf(map, "%ju\n%ju\n", (uintmax_t)e->extents[i].off,
			    (uintmax_t)e->extents[i].len);
	if (ends_in_hole(e))
		ac_buf_addf(map, "%ju\n0\n", (uintmax_t)e->size);
	ac_buf_add(map, zeros, padding(map->len));
}

/* Take over where the content of E is; false when its map makes no sense. */
static bool take_extents(struct ac_tar_writer *w, const struct ac_entry *e)
{
	struct ac_extent whole = {.off = 0, .len = e->size};
	uint64_t end = 0;
	bool sparse = e->extents != NULL;

	free(w->extents);
	w->extents = NULL;
	w->n_extents = 0;
	w->left = 0;
	w->size = e->size;
	if (e->type != AC_F_REG)
		return true;
	w->n_extents = sparse ? e->n_extents : 1;
	w->extents = ac_xcalloc(w->n_extents, sizeof(*w->extents));
	for (size_t i = 0; i < w->n_extents; i++) {
		w->extents[i] = sparse ? e->extents[i] : whole;
		if (w->extents[i].off < end || w->extents[i].off > e->size ||
		    w->extents[i].len > e->size - w->extents[i].off)
			return false;
		end = w->extents[i].off + w->extents[i].len;
		w->left += w->extents[i].len;
	}
	return true;
}

/* Everything of the entry before was written. */
static int check_done(const struct ac_tar_writer *w, struct ac_err *err)
{
	if (w->left != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' changed while it was read: %ju bytes "
				  "are missing",
				  w->path, (uintmax_t)w->left);
	return 0;
}

int ac_tar_add(struct ac_tar_writer *w, const struct ac_entry *e,
	       struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf map = AC_BUF_INIT(64 << 20);
	bool is_link = e->type == AC_F_LINK || e->type == AC_F_HARD;
	struct ac_tar_raw h;

	if (check_done(w, err) < 0)
		return -1;
	if (is_link && (e->link == NULL || e->link[0] == '\0'))
		return ac_tar_refuse(e->path, "a link without a target", err);
	if (e->mtime_ns > 999999999)
		return ac_tar_refuse(e->path, "bad time", err);
	if (!take_extents(w, e))
		return ac_tar_refuse(e->path, "broken sparse map", err);
	free(w->path);
	w->path = ac_xstrdup(e->path);
	ac_buf_reset(&w->records);
	if (e->type == AC_F_REG && e->extents != NULL)
		put_sparse(w, e, &map);
	if (ac_buf_check(&map, "the map of a sparse file", err) < 0 ||
	    ac_tar_header(e, map.len + w->left, &h, &w->records, err) < 0 ||
	    put_records(w, err) < 0 || put(w, &h, sizeof(h), err) < 0)
		return -1;
	w->pad = padding(w->left);
	return put(w, map.p, map.len, err);
}

static int grew(const struct ac_tar_writer *w, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "'%s' changed while it was read: it grew",
			  w->path != NULL ? w->path : "");
}

/* N more bytes of the content were put. */
static int count(struct ac_tar_writer *w, size_t n, struct ac_err *err)
{
	w->left -= n;
	return w->left == 0 && n != 0 ? put(w, zeros, w->pad, err) : 0;
}

int ac_tar_write(struct ac_tar_writer *w, const void *p, size_t n,
		 struct ac_err *err)
{
	if (n > w->left)
		return grew(w, err);
	if (put(w, p, n, err) < 0)
		return -1;
	return count(w, n, err);
}

/* Where content may be read to. */
static void *room(struct ac_tar_writer *w, size_t *cap, struct ac_err *err)
{
	if (w->lend != NULL)
		return w->lend(w->ctx, cap, err);
	if (w->copy == NULL)
		w->copy = ac_xmalloc(COPY_SIZE);
	*cap = COPY_SIZE;
	return w->copy;
}

static ssize_t read_at(const struct ac_tar_writer *w, int fd, void *p, size_t n,
		       uint64_t off, struct ac_err *err)
{
	ssize_t got;

	do
		got = pread(fd, p, n, (off_t)off);
	while (got < 0 && errno == EINTR);
	return got < 0 ? ac_err_sys(err, errno, "read '%s'", w->path) : got;
}

/* N bytes of content are at P, which room gave. */
static int pass_on(struct ac_tar_writer *w, const void *p, size_t n,
		   struct ac_err *err)
{
	if (w->lend == NULL)
		return ac_tar_write(w, p, n, err);
	return w->lent(w->ctx, n, err) < 0 ? -1 : count(w, n, err);
}

/* Pass on LEFT bytes at OFF at most: how many; 0: the file ends before.  Where
 * the file should end, one byte more is asked for: to see that it does. */
static ssize_t write_some(struct ac_tar_writer *w, int fd, uint64_t off,
			  uint64_t left, struct ac_err *err)
{
	uint64_t ask = left + (off + left == w->size);
	size_t cap;
	void *p = room(w, &cap, err);
	ssize_t n;

	if (p == NULL)
		return -1;
	if (ask > cap)
		ask = cap;
	n = read_at(w, fd, p, (size_t)ask, off, err);
	if (n <= 0)
		return n;
	if ((uint64_t)n > left)
		return pass_on(w, p, (size_t)left, err) < 0 ? -1 : grew(w, err);
	w->end_seen = (uint64_t)n == left && ask > left;
	return pass_on(w, p, (size_t)n, err) < 0 ? -1 : n;
}

static int write_extent(struct ac_tar_writer *w, int fd,
			const struct ac_extent *x, struct ac_err *err)
{
	uint64_t done = 0;

	while (done < x->len) {
		ssize_t n =
			write_some(w, fd, x->off + done, x->len - done, err);

		if (n < 0)
			return -1;
		if (n == 0)
			return check_done(w, err);
		done += (uint64_t)n;
	}
	return 0;
}

int ac_tar_write_fd(struct ac_tar_writer *w, int fd, struct ac_err *err)
{
	char byte;
	ssize_t n;

	w->end_seen = false;
	for (size_t i = 0; i < w->n_extents; i++)
		if (write_extent(w, fd, &w->extents[i], err) < 0)
			return -1;
	if (w->n_extents == 0 || w->end_seen)
		return 0;
	n = read_at(w, fd, &byte, 1, w->size, err);
	return n > 0 ? grew(w, err) : n < 0 ? -1 : 0;
}

int ac_tar_finish(struct ac_tar_writer *w, struct ac_err *err)
{
	if (check_done(w, err) < 0)
		return -1;
	return put(w, zeros, sizeof(zeros), err);
}
