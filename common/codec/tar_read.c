/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/tar.h"
#include "common/codec/tar_fmt.h"

enum { MAX_TAIL = 64 << 20 }; /* bytes behind the end of an archive */

/*
 * Our own reader, because a library of leniency is no help against archives
 * made to be read in two ways: libarchive cuts names at a NUL, takes unknown
 * types for files, and changes names to the locale's normal form.  It remains
 * the oracle that tests compare with.
 */
struct ac_tar_reader {
	struct ac_tar_stream in;
	struct ac_tar_limits limits;
	bool ended; /* the archive's mark was seen */
	uint64_t entries;
	uint64_t start; /* of the entry, in the archive */

	struct ac_buf body; /* of an extended header */

	/* The entry. */
	struct ac_tar_pax pax;
	bool has_pax, has_long_name, has_long_link;
	struct ac_tar_names names; /* of the last entry too, for messages */
	struct ac_tar_map map;     /* of a sparse file */
	struct ac_extent whole;    /* of any other */
	const struct ac_extent *extents;
	size_t n_extents;
	uint64_t done;   /* of the first extent */
	uint64_t stored; /* bytes of data left in the archive */
	uint64_t pad;    /* and of padding behind them */
};

struct ac_tar_reader *ac_tar_reader_new(const struct ac_tar_limits *l,
					ac_source_fn source, void *ctx)
{
	struct ac_tar_reader *r = ac_xmalloc(sizeof(*r));

	*r = (struct ac_tar_reader){
		.in = {.source = source, .ctx = ctx},
		.body = AC_BUF_INIT(AC_TAR_MAX_PAX),
		.pax = AC_TAR_PAX_INIT,
	};
	if (l != NULL)
		r->limits = *l;
	r->names.no_slash = r->limits.no_slash;
	if (r->limits.max_entries == 0)
		r->limits.max_entries = ac_limit(AC_LIMIT_ENTRIES);
	if (r->limits.max_xattr_bytes == 0)
		r->limits.max_xattr_bytes = ac_limit(AC_LIMIT_XATTRS);
	r->pax.max_xattr_bytes = r->limits.max_xattr_bytes;
	return r;
}

void ac_tar_reader_free(struct ac_tar_reader *r)
{
	if (r == NULL)
		return;
	ac_buf_release(&r->body);
	ac_tar_pax_release(&r->pax);
	ac_tar_map_release(&r->map);
	free(r->names.path);
	free(r->names.link);
	free(r);
}

void ac_tar_reader_check(struct ac_tar_reader *r, ac_tar_odd_fn odd, void *ctx)
{
	r->names.odd = odd;
	r->names.odd_ctx = ctx;
}

void ac_tar_reader_seek(struct ac_tar_reader *r, ac_seek_fn seek)
{
	r->in.seek = seek;
}

uint64_t ac_tar_position(const struct ac_tar_reader *r)
{
	return r->in.total - r->in.n;
}

uint64_t ac_tar_entry_start(const struct ac_tar_reader *r)
{
	return r->start;
}

uint64_t ac_tar_entry_end(const struct ac_tar_reader *r)
{
	return ac_tar_position(r) + r->stored + r->pad;
}

bool ac_tar_ended(const struct ac_tar_reader *r)
{
	return r->ended;
}

/* WHY, and where in the archive. */
static int refuse(const struct ac_tar_reader *r, const char *why,
		  struct ac_err *err)
{
	const char *last = r->names.path;
	AC_FREE char *show = ac_str_show(last != NULL ? last : "");

	if (last == NULL)
		return ac_err_set(err, AC_E_INVALID, "not a tar archive: %s",
				  why);
	return ac_err_set(err, AC_E_INVALID, "broken tar after '%.300s': %s",
			  show, why);
}

/* The archive ends where it should not. */
static int stops(const struct ac_tar_reader *r, const char *where,
		 struct ac_err *err)
{
	AC_FREE char *why = ac_xasprintf("the archive stops %s", where);

	(void)refuse(r, why, err);
	ac_err_rule(err, "A13");
	return -1;
}

static int stops_in_file(const struct ac_tar_reader *r, struct ac_err *err)
{
	(void)ac_tar_refuse(r->names.path, "the archive stops within the file",
			    err);
	ac_err_rule(err, "A13");
	return -1;
}

/* The next block: 1, 0 at the end, -1. */
static int next_block(struct ac_tar_reader *r, const char **p,
		      struct ac_err *err)
{
	ssize_t n = ac_tar_stream_block(&r->in, p, err);

	if (n <= 0)
		return (int)n;
	if (n < AC_TAR_BLOCK)
		return stops(r, "within a header", err);
	return 1;
}

static bool is_zero(const char *p)
{
	return p[0] == '\0' && memcmp(p, p + 1, AC_TAR_BLOCK - 1) == 0;
}

/* After the first zero block: one more, or the end; then whatever is left of
 * the source, which must not go on for ever. */
static int read_end(struct ac_tar_reader *r, struct ac_err *err)
{
	const char *p;
	uint64_t left = 0;
	int ret = next_block(r, &p, err);

	if (ret < 0)
		return -1;
	if (ret > 0 && !is_zero(p))
		return refuse(r, "an entry behind a single zero block", err);
	r->ended = true;
	do {
		left += r->in.n;
		if (left > MAX_TAIL)
			return ac_err_set(err, AC_E_LIMIT,
					  "tar archive: more than %d MiB "
					  "follow its end",
					  MAX_TAIL >> 20);
		r->in.n = 0;
		ret = ac_tar_stream_fill(&r->in, err);
	} while (ret > 0);
	return ret;
}

/* The next header, checked: 1, 0 at the end of the archive, -1. */
static int next_header(struct ac_tar_reader *r, struct ac_tar_raw *h,
		       struct ac_err *err)
{
	const char *p;
	int64_t sum;
	int64_t as_unsigned;
	int64_t as_signed;
	int ret = next_block(r, &p, err);

	if (ret <= 0)
		return ret;
	if (is_zero(p))
		return read_end(r, err) < 0 ? -1 : 0;
	memcpy(h, p, sizeof(*h));
	ac_tar_sum(h, &as_unsigned, &as_signed);
	if (ac_tar_number(h->sum, sizeof(h->sum), &sum) < 0 ||
	    (sum != as_unsigned && sum != as_signed))
		return refuse(r, "the checksum of a header is wrong", err);
	return 1;
}

static int header_size(const struct ac_tar_reader *r,
		       const struct ac_tar_raw *h, uint64_t *out,
		       struct ac_err *err)
{
	int64_t v;

	if (ac_tar_number(h->size, sizeof(h->size), &v) < 0 || v < 0)
		return refuse(r, "impossible size in a header", err);
	*out = (uint64_t)v;
	return 0;
}

static uint64_t padding(uint64_t n)
{
	return (AC_TAR_BLOCK - n % AC_TAR_BLOCK) % AC_TAR_BLOCK;
}

/* The body of an extended header into r->body. */
static int read_body(struct ac_tar_reader *r, const struct ac_tar_raw *h,
		     struct ac_err *err)
{
	uint64_t size = 0;
	ssize_t got;
	char *to;
	int whole = 0;

	if (header_size(r, h, &size, err) < 0)
		return -1;
	ac_buf_reset(&r->body);
	to = size <= AC_TAR_MAX_PAX ? ac_buf_room(&r->body, size) : NULL;
	if (to == NULL)
		return ac_err_set(err, AC_E_LIMIT,
				  "tar: extended header of %ju bytes, at most "
				  "%d",
				  (uintmax_t)size, AC_TAR_MAX_PAX);
	got = ac_tar_stream_read(&r->in, to, size, err);
	if (got < 0)
		return -1;
	if ((uint64_t)got == size)
		whole = ac_tar_stream_skip(&r->in, padding(size), err);
	if (whole < 0)
		return -1;
	if (whole == 0)
		return stops(r, "within an extended header", err);
	r->body.len = size;
	to[size] = '\0';
	return 0;
}

/* GNU's long name in r->body, which is the name and a NUL. */
static int take_long(struct ac_tar_reader *r, struct ac_buf *to, bool *has,
		     struct ac_err *err)
{
	size_t n = r->body.len;
	const char *p = ac_buf_str(&r->body);

	if (*has)
		return refuse(r, "two long names for one entry", err);
	while (n != 0 && p[n - 1] == '\0')
		n--;
	if (n != 0 && memchr(p, '\0', n) != NULL)
		return refuse(r, "a NUL in a name", err);
	ac_buf_reset(to);
	ac_buf_add(to, p, n);
	if (ac_buf_check(to, "a name in the archive", err) < 0)
		return -1;
	*has = true;
	return 0;
}

static int count(struct ac_tar_reader *r, struct ac_err *err)
{
	if (++r->entries > r->limits.max_entries)
		return ac_limit_err(err, AC_LIMIT_ENTRIES,
				    r->limits.max_entries, "the archive");
	return 0;
}

/* Say where it was; the name of the entry itself is not known yet. */
static int in_header(const struct ac_tar_reader *r, struct ac_err *err)
{
	const char *last = r->names.path;
	AC_FREE char *show = ac_str_show(last != NULL ? last : "");

	return ac_err_ctx(err, "tar entry after '%.300s'", show);
}

/* An extended header: 1 when H was one, 0 when it is the entry's own. */
static int extended(struct ac_tar_reader *r, const struct ac_tar_raw *h,
		    struct ac_err *err)
{
	bool gnu = r->has_long_name || r->has_long_link;
	const char *why = NULL;

	if (h->type != '\0' && strchr("xgLK", h->type) != NULL)
		why = ac_tar_bad_number(h);
	if (why != NULL)
		return refuse(r, why, err);
	switch (h->type) {
	case 'x':
	case 'g':
		/* Two in a row, or of two kinds: nobody writes that, and
		 * tools would differ in which counts. */
		if (r->has_pax || gnu)
			return refuse(r, "two extended headers in a row", err);
		if (h->type == 'g' && count(r, err) < 0)
			return -1;
		if (read_body(r, h, err) < 0)
			return -1;
		if (ac_tar_pax_parse(&r->pax, ac_buf_str(&r->body), r->body.len,
				     h->type == 'g', err) < 0)
			return in_header(r, err);
		r->has_pax = h->type == 'x';
		return 1;
	case 'L':
	case 'K':
		if (r->has_pax)
			return refuse(r, "two extended headers in a row", err);
		if (read_body(r, h, err) < 0)
			return -1;
		if (h->type == 'L' ? take_long(r, &r->pax.path,
					       &r->has_long_name, err) < 0
				   : take_long(r, &r->pax.link,
					       &r->has_long_link, err) < 0)
			return -1;
		/* An empty one does not count. */
		r->pax.has_path = r->has_long_name && r->pax.path.len != 0;
		r->pax.has_link = r->has_long_link && r->pax.link.len != 0;
		return 1;
	default:
		return 0;
	}
}

/* Where the data of a sparse file belongs. */
static int read_map(struct ac_tar_reader *r, const struct ac_tar_raw *h,
		    struct ac_entry *e, struct ac_err *err)
{
	static const struct ac_extent none;
	struct ac_tar_map swap = r->map;

	ac_tar_map_reset(&r->map);
	if (h->type == 'S') {
		if (ac_tar_map_old(&r->map, &r->in, h, &e->size, err) < 0)
			return -1;
	} else if (!r->pax.has_real_size) {
		return ac_err_set(err, AC_E_INVALID, "sparse without a size");
	} else if (r->pax.map_in_data) {
		if (ac_tar_map_in_data(&r->map, &r->in, &r->stored, err) < 0)
			return -1;
	} else {
		r->map = r->pax.map;
		r->pax.map = swap;
	}
	if (h->type != 'S')
		e->size = r->pax.real_size;
	if (r->map.end > e->size || r->map.stored != r->stored)
		return ac_err_set(err, AC_E_INVALID,
				  "the sparse map does not match the sizes");
	r->extents = r->map.n != 0 ? r->map.v : &none;
	r->n_extents = r->map.n;
	e->extents = r->extents;
	e->n_extents = r->n_extents;
	return 0;
}

/* Leave the entry before: 1, 0 when the archive ends with it, -1. */
static int skip_rest(struct ac_tar_reader *r, struct ac_err *err)
{
	int ret = ac_tar_stream_skip(&r->in, r->stored, err);

	if (ret < 0)
		return -1;
	if (ret == 0)
		return stops_in_file(r, err);
	r->stored = 0;
	ret = ac_tar_stream_skip(&r->in, r->pad, err);
	r->pad = 0;
	return ret;
}

static int check_depth(const struct ac_entry *e, struct ac_err *err)
{
	uint64_t depth = 0;

	for (const char *p = e->path; *p != '\0'; p++)
		depth += *p == '/';
	if (depth > ac_limit(AC_LIMIT_DEPTH))
		return ac_limit_err(err, AC_LIMIT_DEPTH,
				    ac_limit(AC_LIMIT_DEPTH), "'%.60s...'",
				    e->path);
	return 0;
}

static int read_entry(struct ac_tar_reader *r, const struct ac_tar_raw *h,
		      struct ac_entry *e, struct ac_err *err)
{
	if (count(r, err) < 0 ||
	    ac_tar_entry(h, &r->pax, &r->names, e, err) < 0 ||
	    check_depth(e, err) < 0)
		return -1;
	r->stored = e->size;
	r->pad = padding(e->size);
	r->done = 0;
	r->whole = (struct ac_extent){.off = 0, .len = e->size};
	r->extents = &r->whole;
	r->n_extents = 1;
	if ((h->type == 'S' || r->pax.sparse) && read_map(r, h, e, err) < 0) {
		AC_FREE char *show = ac_str_show(e->path);

		return ac_err_ctx(err, "tar entry '%.300s'", show);
	}
	return 1;
}

int ac_tar_next(struct ac_tar_reader *r, struct ac_entry *e, struct ac_err *err)
{
	struct ac_tar_raw h = {.type = 0};
	int ret = skip_rest(r, err);

	ac_tar_pax_reset(&r->pax);
	r->has_pax = false;
	r->has_long_name = false;
	r->has_long_link = false;
	r->start = ac_tar_position(r);
	while (ret > 0 && !r->ended) {
		ret = next_header(r, &h, err);
		if (ret <= 0)
			break;
		ret = extended(r, &h, err);
		if (ret < 0)
			break;
		if (ret == 0)
			return read_entry(r, &h, e, err);
	}
	if (ret == 0 && (r->has_pax || r->has_long_name || r->has_long_link))
		return stops(r, "before an entry", err);
	return ret < 0 ? -1 : 0;
}

int ac_tar_data(struct ac_tar_reader *r, const void **p, size_t *n,
		uint64_t *off, struct ac_err *err)
{
	uint64_t left;
	int ret;

	while (r->n_extents != 0 && r->done == r->extents->len) {
		r->extents++;
		r->n_extents--;
		r->done = 0;
	}
	if (r->n_extents == 0)
		return 0;
	ret = ac_tar_stream_fill(&r->in, err);
	if (ret < 0)
		return -1;
	if (ret == 0)
		return stops_in_file(r, err);
	left = r->extents->len - r->done;
	*p = r->in.p;
	*n = r->in.n < left ? r->in.n : (size_t)left;
	*off = r->extents->off + r->done;
	r->in.p += *n;
	r->in.n -= *n;
	r->done += *n;
	r->stored -= *n;
	return 1;
}
