/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/zip.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/codec/zip_gzip.h"

enum {
	OUT_SIZE = 256 << 10,
	XZ_THREADS = 16,
	XZ_MEMORY = 1 << 30, /* for more than one thread */
};

struct ac_zipper {
	enum ac_zip format;
	int level;
	unsigned int threads;
	ac_sink_fn sink;
	void *ctx;
	bool started;
	struct ac_blocks *blocks; /* of gzip, and in front when hashing */
	struct ac_hash *hash;     /* may be NULL */
	bz_stream bzip2;
	lzma_stream xz;
	uint8_t *out;  /* OUT_SIZE; of bzip2 and xz */
	uint8_t *room; /* OUT_SIZE; to be lent without blocks */
};

struct ac_zipper *ac_zipper_new(enum ac_zip format, int level, ac_sink_fn sink,
				void *ctx)
{
	struct ac_zipper *z = ac_xcalloc(1, sizeof(*z));

	z->format = format;
	z->level = level != 0 ? level : format == AC_ZIP_GZIP ? 4 : 6;
	z->sink = sink;
	z->ctx = ctx;
	return z;
}

void ac_zipper_threads(struct ac_zipper *z, unsigned int n)
{
	z->threads = n;
}

void ac_zipper_hash(struct ac_zipper *z, enum ac_alg alg)
{
	ac_hash_free(z->hash);
	z->hash = ac_hash_new(alg);
}

void ac_zipper_free(struct ac_zipper *z)
{
	if (z == NULL)
		return;
	/* Its threads use the others. */
	ac_blocks_free(z->blocks);
	if (z->started && z->format == AC_ZIP_BZIP2)
		(void)BZ2_bzCompressEnd(&z->bzip2);
	if (z->started && z->format == AC_ZIP_XZ)
		lzma_end(&z->xz);
	ac_hash_free(z->hash);
	free(z->out);
	free(z->room);
	free(z);
}

/* In blocks, whose size depends on the level alone, and so do the bytes.  Each
 * thread needs a dictionary: at high levels there are fewer. */
static lzma_ret start_xz(struct ac_zipper *z)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	lzma_mt mt = {.preset = (uint32_t)z->level,
		      .check = LZMA_CHECK_CRC64,
		      .threads = z->threads != 0 ? z->threads
				 : cores > 1     ? (uint32_t)cores
						 : 1};

	if (mt.threads > XZ_THREADS)
		mt.threads = XZ_THREADS;
	while (mt.threads > 1 &&
	       lzma_stream_encoder_mt_memusage(&mt) > XZ_MEMORY)
		mt.threads--;
	z->xz = (lzma_stream)LZMA_STREAM_INIT;
	return lzma_stream_encoder_mt(&z->xz, &mt);
}

/* Compress N bytes, or what is left when END: 1 at the end, 0, -1. */
static int bzip2_step(struct ac_zipper *z, bool end, size_t *made,
		      struct ac_err *err)
{
	int ret;

	z->bzip2.next_out = (char *)z->out;
	z->bzip2.avail_out = OUT_SIZE;
	ret = BZ2_bzCompress(&z->bzip2, end ? BZ_FINISH : BZ_RUN);
	*made = OUT_SIZE - z->bzip2.avail_out;
	if (ret < 0)
		return ac_err_set(err, AC_E_SYS, "bzip2: error %d", ret);
	return end ? ret == BZ_STREAM_END : z->bzip2.avail_in == 0;
}

static int xz_step(struct ac_zipper *z, bool end, size_t *made,
		   struct ac_err *err)
{
	lzma_ret ret;

	z->xz.next_out = z->out;
	z->xz.avail_out = OUT_SIZE;
	ret = lzma_code(&z->xz, end ? LZMA_FINISH : LZMA_RUN);
	*made = OUT_SIZE - z->xz.avail_out;
	if (ret != LZMA_OK && ret != LZMA_STREAM_END)
		return ac_err_set(err, AC_E_SYS, "xz: error %d", (int)ret);
	return end ? ret == LZMA_STREAM_END : z->xz.avail_in == 0;
}

static int run(struct ac_zipper *z, bool end, struct ac_err *err)
{
	int done;

	do {
		size_t made;

		done = z->format == AC_ZIP_XZ ? xz_step(z, end, &made, err)
					      : bzip2_step(z, end, &made, err);
		if (done < 0)
			return -1;
		if (made != 0 && z->sink(z->ctx, z->out, made, err) < 0)
			return -1;
	} while (done == 0);
	return 0;
}

/* Compress N bytes here, or give them on as they are. */
static int compress(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_zipper *z = ctx;
	const uint8_t *from = p;

	if (z->format == AC_ZIP_NONE)
		return n != 0 && z->sink(z->ctx, p, n, err) < 0 ? -1 : 0;
	while (n != 0) {
		/* bzip2 counts in 32 bits. */
		size_t step = n < 1U << 30 ? n : 1U << 30;

		z->bzip2.next_in = (char *)(uintptr_t)from;
		z->bzip2.avail_in = (unsigned int)step;
		z->xz.next_in = from;
		z->xz.avail_in = step;
		if (run(z, false, err) < 0)
			return -1;
		from += step;
		n -= step;
	}
	return 0;
}

static void start_blocks(struct ac_zipper *z)
{
	struct ac_blocks_opts opts = {.level = z->level,
				      .threads = z->threads,
				      .hash = z->hash,
				      .sink = compress,
				      .ctx = z};

	if (z->format == AC_ZIP_GZIP) {
		opts.packer = &ac_gzip_packer;
		opts.sink = z->sink;
		opts.ctx = z->ctx;
	}
	z->blocks = ac_blocks_new(&opts);
}

static int start(struct ac_zipper *z, struct ac_err *err)
{
	int max = z->format == AC_ZIP_GZIP ? 12 : 9;

	if (z->started)
		return 0;
	if (z->level < 1 || z->level > max)
		return ac_err_set(err, AC_E_USAGE,
				  "no compression level %d of %s: it has 1 to "
				  "%d",
				  z->level, ac_zip_name(z->format), max);
	switch (z->format) {
	case AC_ZIP_NONE:
	case AC_ZIP_GZIP:
		break;
	case AC_ZIP_BZIP2:
		if (BZ2_bzCompressInit(&z->bzip2, z->level, 0, 0) != BZ_OK)
			return ac_err_set(err, AC_E_LIMIT,
					  "out of memory for bzip2");
		break;
	case AC_ZIP_XZ:
		if (start_xz(z) != LZMA_OK)
			return ac_err_set(err, AC_E_LIMIT,
					  "out of memory for xz");
		break;
	default:
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "writing %s is not supported; use gzip, "
				  "bzip2 or xz",
				  ac_zip_name(z->format));
	}
	if (z->format == AC_ZIP_BZIP2 || z->format == AC_ZIP_XZ)
		z->out = ac_xmalloc(OUT_SIZE);
	if (z->format == AC_ZIP_GZIP || z->hash != NULL)
		start_blocks(z);
	z->started = true;
	return 0;
}

/* Into the blocks. */
static int fill(struct ac_zipper *z, const void *p, size_t n,
		struct ac_err *err)
{
	const uint8_t *from = p;

	while (n != 0) {
		size_t cap;
		void *to = ac_blocks_lend(z->blocks, &cap);
		size_t step = n < cap ? n : cap;

		memcpy(to, from, step);
		if (ac_blocks_lent(z->blocks, step, err) < 0)
			return -1;
		from += step;
		n -= step;
	}
	return 0;
}

int ac_zipper_feed(struct ac_zipper *z, const void *p, size_t n,
		   struct ac_err *err)
{
	if (start(z, err) < 0)
		return -1;
	return z->blocks != NULL ? fill(z, p, n, err) : compress(z, p, n, err);
}

void *ac_zipper_lend(struct ac_zipper *z, size_t *cap, struct ac_err *err)
{
	if (start(z, err) < 0)
		return NULL;
	if (z->blocks != NULL)
		return ac_blocks_lend(z->blocks, cap);
	if (z->room == NULL)
		z->room = ac_xmalloc(OUT_SIZE);
	*cap = OUT_SIZE;
	return z->room;
}

int ac_zipper_lent(struct ac_zipper *z, size_t n, struct ac_err *err)
{
	return z->blocks != NULL ? ac_blocks_lent(z->blocks, n, err)
				 : compress(z, z->room, n, err);
}

int ac_zipper_cut(struct ac_zipper *z, struct ac_err *err)
{
	if (start(z, err) < 0)
		return -1;
	return z->format == AC_ZIP_GZIP ? ac_blocks_cut(z->blocks, err) : 0;
}

int ac_zipper_finish(struct ac_zipper *z, struct ac_err *err)
{
	if (start(z, err) < 0 ||
	    (z->blocks != NULL && ac_blocks_finish(z->blocks, err) < 0))
		return -1;
	return z->format == AC_ZIP_XZ || z->format == AC_ZIP_BZIP2
		       ? run(z, true, err)
		       : 0;
}

void ac_zipper_digest(struct ac_zipper *z, struct ac_digest *out)
{
	ac_hash_final(z->hash, out);
}
