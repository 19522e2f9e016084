/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/unzip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/codec/unzip_dec.h"

enum {
	HEAD = 6,           /* bytes that tell the format */
	OUT_SIZE = 1 << 20, /* plain bytes at a time */
	RATIO_FROM = 64 << 20,
	MAX_WASTE = 256 << 20, /* bytes that become nothing */
};

/* Where we are in the compressed stream. */
enum place {
	UNKNOWN, /* fewer than HEAD bytes came */
	MEMBER,  /* inside a member or frame */
	BETWEEN, /* behind one: another may follow */
	PADDING, /* zero bytes up to the end */
};

struct ac_unzip {
	struct ac_unzip_limits limits;
	ac_sink_fn sink;
	ac_lend_fn lend;
	ac_member_fn on_member;
	void *ctx;
	enum place place;
	bool expected; /* format was told */
	uint8_t head[HEAD];
	size_t n_head;
	uint64_t total_in, total_out;

	uint8_t *own; /* our output buffer, unless it is lent */
	uint8_t *out; /* the current one; NULL: none */
	size_t cap, used;

	struct ac_decoder dec;
};

static const char *const names[] = {
	[AC_ZIP_NONE] = "none",       [AC_ZIP_GZIP] = "gzip",
	[AC_ZIP_BZIP2] = "bzip2",     [AC_ZIP_XZ] = "xz",
	[AC_ZIP_ZSTD] = "zstd",       [AC_ZIP_ZLIB] = "zlib",
	[AC_ZIP_DEFLATE] = "deflate",
};

const char *ac_zip_name(enum ac_zip z)
{
	return names[z];
}

enum ac_zip ac_zip_by_name(const char *name)
{
	for (size_t i = 0; i < AC_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return (enum ac_zip)i;
	return AC_ZIP_NONE;
}

enum ac_zip ac_zip_detect(const void *p, size_t n)
{
	const uint8_t *b = p;

	if (n >= 3 && memcmp(b, "\x1f\x8b\x08", 3) == 0)
		return AC_ZIP_GZIP;
	if (n >= 4 && memcmp(b, "\x28\xb5\x2f\xfd", 4) == 0)
		return AC_ZIP_ZSTD;
	/* A frame to skip, before others. */
	if (n >= 4 && (b[0] & 0xf0) == 0x50 &&
	    memcmp(b + 1, "\x2a\x4d\x18", 3) == 0)
		return AC_ZIP_ZSTD;
	if (n >= 6 && memcmp(b,
			     "\xfd"
			     "7zXZ",
			     6) == 0)
		return AC_ZIP_XZ;
	/* "BZh", the level, and the start of a block or of the end. */
	if (n >= 6 && memcmp(b, "BZh", 3) == 0 && b[3] >= '1' && b[3] <= '9' &&
	    ((b[4] == 0x31 && b[5] == 0x41) || (b[4] == 0x17 && b[5] == 0x72)))
		return AC_ZIP_BZIP2;
	return AC_ZIP_NONE;
}

struct ac_unzip *ac_unzip_new(const struct ac_unzip_limits *limits,
			      ac_sink_fn sink, void *ctx)
{
	struct ac_unzip *u = ac_xcalloc(1, sizeof(*u));

	if (limits != NULL)
		u->limits = *limits;
	u->sink = sink;
	u->ctx = ctx;
	return u;
}

void ac_unzip_expect(struct ac_unzip *u, enum ac_zip z)
{
	u->dec.format = z;
	u->expected = true;
}

void ac_unzip_lend(struct ac_unzip *u, ac_lend_fn lend)
{
	u->lend = lend;
}

void ac_unzip_on_member(struct ac_unzip *u, ac_member_fn fn)
{
	u->on_member = fn;
}

enum ac_zip ac_unzip_format(const struct ac_unzip *u)
{
	return u->dec.format;
}

void ac_unzip_free(struct ac_unzip *u)
{
	if (u == NULL)
		return;
	ac_decoder_release(&u->dec);
	free(u->own);
	free(u);
}

/* Count N plain bytes that are about to go out. */
static int account(struct ac_unzip *u, size_t n, struct ac_err *err)
{
	u->total_out += n;
	if (u->limits.max_out != 0 && u->total_out > u->limits.max_out)
		return ac_limit_err(err, AC_LIMIT_UNPACKED, u->limits.max_out,
				    "%s data", names[u->dec.format]);
	if (u->limits.max_ratio != 0 && u->total_out > RATIO_FROM &&
	    u->total_out / u->limits.max_ratio > u->total_in)
		return ac_limit_err(err, AC_LIMIT_RATIO, u->limits.max_ratio,
				    "%s data", names[u->dec.format]);
	return 0;
}

/* Compressed bytes that become nothing (padding, empty members, frames to skip)
 * must not go on for ever: no compressor doubles what it is given. */
static int check_waste(const struct ac_unzip *u, struct ac_err *err)
{
	if (u->total_in / 2 <= u->total_out + MAX_WASTE / 2)
		return 0;
	return ac_err_set(err, AC_E_LIMIT,
			  "%s data: more than %d MiB of it unpack to nothing",
			  names[u->dec.format], MAX_WASTE >> 20);
}

/* Give what was written to the sink. */
static int flush(struct ac_unzip *u, struct ac_err *err)
{
	uint8_t *out = u->out;
	size_t n = u->used;

	if (n == 0)
		return 0;
	u->out = NULL;
	u->used = 0;
	return u->sink(u->ctx, out, n, err) < 0 ? -1 : 0;
}

int ac_unzip_flush(struct ac_unzip *u, struct ac_err *err)
{
	return flush(u, err);
}

/* Have room for plain bytes. */
static int have_room(struct ac_unzip *u, struct ac_err *err)
{
	if (u->out != NULL && u->used < u->cap)
		return 0;
	if (flush(u, err) < 0)
		return -1;
	if (u->lend != NULL) {
		u->out = u->lend(u->ctx, &u->cap, err);
		return u->out != NULL ? 0 : -1;
	}
	if (u->own == NULL)
		u->own = ac_xmalloc(OUT_SIZE);
	u->out = u->own;
	u->cap = OUT_SIZE;
	return 0;
}

/* Bytes that are not compressed. */
static int pass(struct ac_unzip *u, const uint8_t *p, size_t n,
		struct ac_err *err)
{
	u->total_in += n;
	if (account(u, n, err) < 0)
		return -1;
	if (u->lend == NULL)
		return n != 0 && u->sink(u->ctx, p, n, err) < 0 ? -1 : 0;
	while (n != 0) {
		size_t step;

		if (have_room(u, err) < 0)
			return -1;
		step = u->cap - u->used < n ? u->cap - u->used : n;
		memcpy(u->out + u->used, p, step);
		u->used += step;
		p += step;
		n -= step;
	}
	return 0;
}

/* At the first byte behind a member. */
static int next_member(struct ac_unzip *u, uint8_t first, struct ac_err *err)
{
	static const char magic[] = {
		[AC_ZIP_GZIP] = '\x1f',
		[AC_ZIP_BZIP2] = 'B',
		[AC_ZIP_XZ] = '\xfd',
	};
	bool another = u->dec.format == AC_ZIP_ZSTD
			       ? first == 0x28 || (first & 0xf0) == 0x50
			       : u->dec.format < AC_ZIP_ZLIB &&
					 first == (uint8_t)magic[u->dec.format];

	if (first == 0) {
		u->place = PADDING;
		return 0;
	}
	if (!another)
		return ac_decoder_broken(&u->dec,
					 "something else follows its end", err);
	u->place = MEMBER;
	return ac_decoder_start(&u->dec, err);
}

static int padding(struct ac_unzip *u, const uint8_t *p, size_t n,
		   struct ac_err *err)
{
	u->total_in += n;
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return ac_decoder_broken(
				&u->dec, "something else follows its end", err);
	return check_waste(u, err);
}

/* One step: 1 when there is nothing left to do with the input. */
static int advance(struct ac_unzip *u, struct ac_decoder_step *s,
		   struct ac_err *err)
{
	size_t before = s->n_in;
	size_t made;
	int ret;

	if (have_room(u, err) < 0)
		return -1;
	s->out = u->out + u->used;
	s->n_out = u->cap - u->used;
	ret = ac_decoder_step(&u->dec, s, err);
	made = u->cap - u->used - s->n_out;
	u->total_in += before - s->n_in;
	if (ret < 0 || account(u, made, err) < 0 || check_waste(u, err) < 0)
		return -1;
	u->used += made;
	if (ret == 1) {
		u->place = BETWEEN;
		if (u->on_member != NULL)
			u->on_member(u->ctx, u->total_in, u->total_out);
		return s->n_in == 0;
	}
	return s->n_in == 0 && s->n_out != 0;
}

static int decode(struct ac_unzip *u, const uint8_t *p, size_t n,
		  struct ac_err *err)
{
	struct ac_decoder_step s = {.in = p, .n_in = n};
	int done = n == 0;

	if (u->dec.format == AC_ZIP_NONE)
		return pass(u, p, n, err);
	while (done == 0) {
		if (u->place == BETWEEN && next_member(u, *s.in, err) < 0)
			return -1;
		if (u->place == PADDING)
			return padding(u, s.in, s.n_in, err);
		done = advance(u, &s, err);
	}
	return done < 0 ? -1 : 0;
}

/* Enough of the beginning is there to know the format. */
static int begin(struct ac_unzip *u, const uint8_t *p, size_t n,
		 struct ac_err *err)
{
	if (!u->expected)
		u->dec.format = ac_zip_detect(p, n);
	u->place = MEMBER;
	return u->dec.format != AC_ZIP_NONE ? ac_decoder_start(&u->dec, err)
					    : 0;
}

static int begin_with_head(struct ac_unzip *u, struct ac_err *err)
{
	if (begin(u, u->head, u->n_head, err) < 0)
		return -1;
	return decode(u, u->head, u->n_head, err);
}

int ac_unzip_feed(struct ac_unzip *u, const void *p, size_t n,
		  struct ac_err *err)
{
	const uint8_t *b = p;

	if (u->place == UNKNOWN && u->n_head == 0 && n >= HEAD) {
		if (begin(u, b, n, err) < 0)
			return -1;
	} else if (u->place == UNKNOWN) {
		size_t take = HEAD - u->n_head < n ? HEAD - u->n_head : n;

		if (take != 0)
			memcpy(u->head + u->n_head, b, take);
		u->n_head += take;
		if (u->n_head < HEAD)
			return 0;
		if (begin_with_head(u, err) < 0)
			return -1;
		b += take;
		n -= take;
	}
	if (decode(u, b, n, err) < 0)
		return -1;
	return u->lend == NULL ? flush(u, err) : 0;
}

int ac_unzip_finish(struct ac_unzip *u, struct ac_err *err)
{
	if (u->place == UNKNOWN && begin_with_head(u, err) < 0)
		return -1;
	if (u->dec.format != AC_ZIP_NONE && u->place == MEMBER)
		return ac_decoder_broken(&u->dec, "it ends early", err);
	return flush(u, err);
}
