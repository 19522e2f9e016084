/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/unzip_dec.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

enum { WINDOW_LOG = 27 }; /* 128 MiB: the largest history we hold */

int ac_decoder_broken(const struct ac_decoder *u, const char *why,
		      struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID, "broken %s data: %s",
			  ac_zip_name(u->format), why);
}

static int isal_start(struct ac_decoder *u, struct ac_err *err)
{
	(void)err;
	if (u->isal == NULL) {
		u->isal = ac_xmalloc(sizeof(*u->isal));
		isal_inflate_init(u->isal);
	} else {
		isal_inflate_reset(u->isal);
	}
	u->isal->crc_flag = u->format == AC_ZIP_ZLIB      ? ISAL_ZLIB
			    : u->format == AC_ZIP_DEFLATE ? ISAL_DEFLATE
							  : ISAL_GZIP;
	return 0;
}

static int isal_step(struct ac_decoder *u, struct ac_decoder_step *s,
		     struct ac_err *err)
{
	struct inflate_state *d = u->isal;
	uint32_t in = s->n_in < UINT32_MAX ? (uint32_t)s->n_in : UINT32_MAX;
	uint32_t out = s->n_out < UINT32_MAX ? (uint32_t)s->n_out : UINT32_MAX;
	size_t extra;
	int ret;

	d->next_in = (uint8_t *)(uintptr_t)s->in;
	d->avail_in = in;
	d->next_out = s->out;
	d->avail_out = out;
	ret = isal_inflate(d);
	s->in += in - d->avail_in;
	s->n_in -= in - d->avail_in;
	s->out += out - d->avail_out;
	s->n_out -= out - d->avail_out;
	switch (ret) {
	case ISAL_DECOMP_OK:
	case ISAL_END_INPUT:
	case ISAL_OUT_OVERFLOW:
		if (d->block_state != ISAL_BLOCK_FINISH)
			return 0;
		/* Behind zlib's short trailer it may have read on: what is
		 * left in its bit buffer goes back. */
		extra = (size_t)d->read_in_length / 8;
		if (extra > in - d->avail_in)
			return ac_decoder_broken(u, "impossible code", err);
		s->in -= extra;
		s->n_in += extra;
		return 1;
	case ISAL_INCORRECT_CHECKSUM:
		return ac_decoder_broken(u,
					 "its checksum or size does not match",
					 err);
	case ISAL_INVALID_WRAPPER:
	case ISAL_UNSUPPORTED_METHOD:
		return ac_decoder_broken(u, "not a header", err);
	case ISAL_NEED_DICT:
		return ac_decoder_broken(u, "it needs a dictionary", err);
	default:
		return ac_decoder_broken(u, "impossible code", err);
	}
}

static int zstd_start(struct ac_decoder *u, struct ac_err *err)
{
	(void)err;
	if (u->zstd != NULL)
		return 0; /* it goes from frame to frame by itself */
	u->zstd = ZSTD_createDCtx();
	if (u->zstd == NULL)
		return ac_err_set(err, AC_E_LIMIT, "out of memory for zstd");
	(void)ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
	return 0;
}

static int zstd_step(struct ac_decoder *u, struct ac_decoder_step *s,
		     struct ac_err *err)
{
	ZSTD_inBuffer in = {.src = s->in, .size = s->n_in};
	ZSTD_outBuffer out = {.dst = s->out, .size = s->n_out};
	size_t ret = ZSTD_decompressStream(u->zstd, &out, &in);

	s->in += in.pos;
	s->n_in -= in.pos;
	s->out += out.pos;
	s->n_out -= out.pos;
	if (!ZSTD_isError(ret))
		return ret == 0;
	if (ZSTD_getErrorCode(ret) == ZSTD_error_frameParameter_windowTooLarge)
		return ac_err_set(err, AC_E_LIMIT,
				  "zstd window of more than 128 MiB");
	return ac_decoder_broken(u, ZSTD_getErrorName(ret), err);
}

static int bzip2_start(struct ac_decoder *u, struct ac_err *err)
{
	if (u->bzip2 != NULL)
		(void)BZ2_bzDecompressEnd(u->bzip2);
	else
		u->bzip2 = ac_xmalloc(sizeof(*u->bzip2));
	*u->bzip2 = (bz_stream){.opaque = NULL};
	if (BZ2_bzDecompressInit(u->bzip2, 0, 0) != BZ_OK)
		return ac_err_set(err, AC_E_LIMIT, "out of memory for bzip2");
	return 0;
}

static int bzip2_step(struct ac_decoder *u, struct ac_decoder_step *s,
		      struct ac_err *err)
{
	bz_stream *d = u->bzip2;
	unsigned int in =
		s->n_in < UINT32_MAX ? (unsigned int)s->n_in : UINT32_MAX;
	unsigned int out =
		s->n_out < UINT32_MAX ? (unsigned int)s->n_out : UINT32_MAX;
	int ret;

	d->next_in = (char *)(uintptr_t)s->in;
	d->avail_in = in;
	d->next_out = (char *)s->out;
	d->avail_out = out;
	ret = BZ2_bzDecompress(d);
	s->in += in - d->avail_in;
	s->n_in -= in - d->avail_in;
	s->out += out - d->avail_out;
	s->n_out -= out - d->avail_out;
	if (ret == BZ_OK || ret == BZ_STREAM_END)
		return ret == BZ_STREAM_END;
	return ac_decoder_broken(u,
				 ret == BZ_DATA_ERROR_MAGIC
					 ? "not a header"
					 : "its checksum or a code "
					   "is wrong",
				 err);
}

static int xz_start(struct ac_decoder *u, struct ac_err *err)
{
	/* The dictionary, and less than a MiB besides. */
	uint64_t memory = (1ULL << WINDOW_LOG) + (1 << 20);

	if (u->xz == NULL) {
		u->xz = ac_xmalloc(sizeof(*u->xz));
		*u->xz = (lzma_stream)LZMA_STREAM_INIT;
	}
	if (lzma_stream_decoder(u->xz, memory, LZMA_TELL_UNSUPPORTED_CHECK) !=
	    LZMA_OK)
		return ac_err_set(err, AC_E_LIMIT, "out of memory for xz");
	return 0;
}

static int xz_step(struct ac_decoder *u, struct ac_decoder_step *s,
		   struct ac_err *err)
{
	lzma_stream *d = u->xz;
	lzma_ret ret;

	d->next_in = s->in;
	d->avail_in = s->n_in;
	d->next_out = s->out;
	d->avail_out = s->n_out;
	ret = lzma_code(d, LZMA_RUN);
	s->in = d->next_in;
	s->n_in = d->avail_in;
	s->out = d->next_out;
	s->n_out = d->avail_out;
	switch (ret) {
	case LZMA_OK:
	case LZMA_BUF_ERROR: /* no progress: nothing to do */
		return 0;
	case LZMA_STREAM_END:
		return 1;
	case LZMA_MEMLIMIT_ERROR:
		return ac_err_set(err, AC_E_LIMIT,
				  "xz dictionary of more than 128 MiB");
	case LZMA_UNSUPPORTED_CHECK:
	case LZMA_OPTIONS_ERROR:
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "xz data with a filter or check unknown "
				  "here");
	case LZMA_FORMAT_ERROR:
		return ac_decoder_broken(u, "not a header", err);
	default:
		return ac_decoder_broken(u, "its checksum or a code is wrong",
					 err);
	}
}

static const struct {
	int (*start)(struct ac_decoder *u, struct ac_err *err);
	int (*step)(struct ac_decoder *u, struct ac_decoder_step *s,
		    struct ac_err *err);
} decoders[] = {
	[AC_ZIP_GZIP] = {isal_start, isal_step},
	[AC_ZIP_BZIP2] = {bzip2_start, bzip2_step},
	[AC_ZIP_XZ] = {xz_start, xz_step},
	[AC_ZIP_ZSTD] = {zstd_start, zstd_step},
	[AC_ZIP_ZLIB] = {isal_start, isal_step},
	[AC_ZIP_DEFLATE] = {isal_start, isal_step},
};

int ac_decoder_start(struct ac_decoder *u, struct ac_err *err)
{
	return decoders[u->format].start(u, err);
}

int ac_decoder_step(struct ac_decoder *u, struct ac_decoder_step *s,
		    struct ac_err *err)
{
	return decoders[u->format].step(u, s, err);
}

void ac_decoder_release(struct ac_decoder *u)
{
	switch (u->format) {
	case AC_ZIP_BZIP2:
		if (u->bzip2 != NULL)
			(void)BZ2_bzDecompressEnd(u->bzip2);
		free(u->bzip2);
		break;
	case AC_ZIP_XZ:
		if (u->xz != NULL)
			lzma_end(u->xz);
		free(u->xz);
		break;
	case AC_ZIP_ZSTD:
		(void)ZSTD_freeDCtx(u->zstd);
		break;
	default:
		free(u->isal);
		break;
	}
	*u = (struct ac_decoder){.format = AC_ZIP_NONE};
}
