/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/codec/tar.h"
#include "common/codec/unzipfd.h"
#include "common/codec/zip.h"
#include "common/image/aci.h"
#include "common/image/aci_check.h"
#include "common/image/acipatch_priv.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"

/*
 * The tar flows through the reader, which tells where entries are, to the
 * compressor, which gets the bytes as they were.  Those of an entry's headers
 * wait until the reader has said whose they are.
 */
struct stream {
	const struct ac_aci_patch *p;
	const char *text; /* the new manifest */
	size_t len;
	int out;
	struct ac_unzipfd *unzip;
	struct ac_tar_reader *tar;
	struct ac_zipper *zip;

	const char *chunk; /* what the reader has now */
	size_t n;
	uint64_t base;      /* the place of the chunk in the tar */
	uint64_t done;      /* what is before this place has been dealt with */
	uint64_t keep;      /* what is behind this place waits... */
	struct ac_buf kept; /* ...here, when its chunk has gone */
	uint64_t drop;      /* what is before this place is not copied */
	bool found;
};

static void release(struct stream *s)
{
	ac_tar_reader_free(s->tar);
	ac_unzipfd_free(s->unzip);
	ac_zipper_free(s->zip);
	ac_buf_release(&s->kept);
}

static int to_file(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct stream *s = ctx;

	if (ac_interrupt_check(err) < 0)
		return -1;
	return ac_io_write(s->out, p, n, "the image", err);
}

/* Copy what the chunk has before the place TO. */
static int pass(struct stream *s, uint64_t to, struct ac_err *err)
{
	uint64_t from = s->done;

	if (to > s->base + s->n)
		to = s->base + s->n;
	if (to <= from)
		return 0;
	s->done = to;
	if (from < s->drop)
		from = s->drop < to ? s->drop : to;
	return to == from ? 0
			  : ac_zipper_feed(s->zip, s->chunk + (from - s->base),
					   (size_t)(to - from), err);
}

/* Set aside what the chunk has before the place TO. */
static int keep(struct stream *s, uint64_t to, struct ac_err *err)
{
	if (to > s->base + s->n)
		to = s->base + s->n;
	if (to <= s->done)
		return 0;
	ac_buf_add(&s->kept, s->chunk + (s->done - s->base),
		   (size_t)(to - s->done));
	s->done = to;
	return ac_buf_check(&s->kept, "the headers of an entry", err);
}

static int pass_kept(struct stream *s, struct ac_err *err)
{
	int r = s->kept.len == 0
			? 0
			: ac_zipper_feed(s->zip, s->kept.p, s->kept.len, err);

	ac_buf_reset(&s->kept);
	return r;
}

/* Deal with all of the chunk: the reader wants another. */
static int finish_chunk(struct stream *s, struct ac_err *err)
{
	/* Behind the end there are no more headers. */
	if (ac_tar_ended(s->tar)) {
		s->keep = UINT64_MAX;
		if (pass_kept(s, err) < 0)
			return -1;
	}
	if (pass(s, s->keep, err) < 0 || keep(s, UINT64_MAX, err) < 0)
		return -1;
	s->base += s->n;
	s->n = 0;
	return 0;
}

static ssize_t source(void *ctx, const void **p, struct ac_err *err)
{
	struct stream *s = ctx;
	ssize_t n;

	if (finish_chunk(s, err) < 0)
		return -1;
	n = ac_unzipfd_source(s->unzip, p, err);
	if (n > 0) {
		s->chunk = *p;
		s->n = (size_t)n;
	}
	return n;
}

/* The new manifest in place of the entry E, whose headers wait. */
static int replace(struct stream *s, const struct ac_entry *e,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(2 * ACIPATCH_MAX_HEAD);
	AC_CLEANUP(ac_buf_release)
	struct ac_buf old = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	uint64_t end = ac_tar_entry_end(s->tar);
	uint64_t start = ac_tar_entry_start(s->tar);

	if (pass(s, start, err) < 0 ||
	    keep(s, ac_tar_position(s->tar), err) < 0 ||
	    acipatch_head(&s->kept, e, err) < 0 ||
	    acipatch_entry(&s->kept, s->text, s->len, &b, err) < 0 ||
	    ac_zipper_feed(s->zip, b.p, b.len, err) < 0 ||
	    (start == 0 && ac_zipper_cut(s->zip, err) < 0))
		return -1;
	ac_buf_reset(&s->kept);
	s->drop = end;
	s->keep = end;
	if (ac_aci_slurp(s->tar, e, &old, err) < 0)
		return -1;
	if (old.len != s->p->text.len ||
	    memcmp(ac_buf_str(&old), ac_buf_str(&s->p->text), old.len) != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' changed while it was read", s->p->what);
	return 0;
}

static int on_entry(struct stream *s, const struct ac_entry *e,
		    struct ac_err *err)
{
	if (strcmp(e->path, "manifest") == 0) {
		if (s->found)
			return ac_err_set(err, AC_E_INVALID,
					  "duplicate file entry in archive: "
					  "manifest");
		s->found = true;
		if (e->type != AC_F_REG || e->extents != NULL)
			return ac_err_set(err, AC_E_INVALID,
					  "manifest is not a regular file");
		return replace(s, e, err);
	}
	s->keep = ac_tar_entry_end(s->tar);
	return pass_kept(s, err);
}

static int copy_entries(struct stream *s, struct ac_err *err)
{
	struct ac_entry e;
	int r;

	while ((r = ac_tar_next(s->tar, &e, err)) > 0)
		if (on_entry(s, &e, err) < 0)
			return -1;
	if (r < 0)
		return -1;
	s->keep = UINT64_MAX;
	if (pass_kept(s, err) < 0 || finish_chunk(s, err) < 0)
		return -1;
	return s->found ? 0
			: ac_err_set(err, AC_E_INVALID,
				     "no image manifest found in layout");
}

int acipatch_stream(const struct ac_aci_patch *p, const char *text, size_t len,
		    const struct ac_aci_patch_zip *zip, int out,
		    struct ac_err *err)
{
	const struct ac_unzip_limits limits = {
		.max_ratio = ac_limit_ratio(AC_ACI_MAX_RATIO)};
	AC_CLEANUP(release)
	struct stream s = {.p = p,
			   .text = text != NULL ? text : ac_buf_str(&p->text),
			   .len = text != NULL ? len : p->text.len,
			   .out = out,
			   .kept = AC_BUF_INIT(ACIPATCH_MAX_HEAD)};

	if (lseek(p->fd, 0, SEEK_SET) < 0)
		return ac_err_sys(err, errno, "seek in '%s'", p->what);
	s.unzip = ac_unzipfd_new(p->fd, p->what, &limits);
	s.tar = ac_tar_reader_new(NULL, source, &s);
	s.zip = ac_zipper_new(zip->format, zip->level, to_file, &s);
	if (copy_entries(&s, err) < 0)
		return -1;
	return ac_zipper_finish(s.zip, err);
}
