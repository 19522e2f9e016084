/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/zip.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
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
	struct ac_gzip *gzip;
	bz_stream bzip2;
	lzma_stream xz;
	uint8_t *out; /* OUT_SIZE; of bzip2 and xz */
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

void ac_zipper_free(struct ac_zipper *z)
{
	if (z == NULL)
		return;
	if (z->started && z->format == AC_ZIP_BZIP2)
		(void)BZ2_bzCompressEnd(&z->bzip2);
	if (z->started && z->format == AC_ZIP_XZ)
		lzma_end(&z->xz);
	ac_gzip_free(z->gzip);
	free(z->out);
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
		break;
	case AC_ZIP_GZIP:
		z->gzip = ac_gzip_new(z->level, z->threads, z->sink, z->ctx);
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
	z->started = true;
	return 0;
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

int ac_zipper_feed(struct ac_zipper *z, const void *p, size_t n,
		   struct ac_err *err)
{
	const uint8_t *from = p;

	if (start(z, err) < 0)
		return -1;
	if (z->format == AC_ZIP_GZIP)
		return ac_gzip_feed(z->gzip, p, n, err);
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

int ac_zipper_cut(struct ac_zipper *z, struct ac_err *err)
{
	if (start(z, err) < 0)
		return -1;
	return z->format == AC_ZIP_GZIP ? ac_gzip_cut(z->gzip, err) : 0;
}

int ac_zipper_finish(struct ac_zipper *z, struct ac_err *err)
{
	if (start(z, err) < 0)
		return -1;
	if (z->format == AC_ZIP_GZIP)
		return ac_gzip_finish(z->gzip, err);
	return z->format == AC_ZIP_NONE ? 0 : run(z, true, err);
}
