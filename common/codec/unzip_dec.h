/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_UNZIP_DEC_H
#define AC_CODEC_UNZIP_DEC_H

/* One decompressor behind unzip.h, whatever the library.  Nobody else includes
 * this. */

#include <bzlib.h>
#include <lzma.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/unzip.h"

struct ac_err;

struct ac_decoder {
	enum ac_zip format; /* set before the first start; never NONE then */
	union {             /* owned; NULL before the first start */
		struct inflate_state *isal;
		struct ZSTD_DCtx_s *zstd;
		bz_stream *bzip2;
		lzma_stream *xz;
	};
};

/* What a step reads and writes; it moves them forward. */
struct ac_decoder_step {
	const uint8_t *in;
	size_t n_in;
	uint8_t *out;
	size_t n_out;
};

/* Begin a member. */
AC_MUSTUSE int ac_decoder_start(struct ac_decoder *u, struct ac_err *err);
/* Work until input or output is used up: 1 when the member ends, 0, -1. */
AC_MUSTUSE int ac_decoder_step(struct ac_decoder *u, struct ac_decoder_step *s,
			       struct ac_err *err);
void ac_decoder_release(struct ac_decoder *u);

/* AC_E_INVALID: "broken gzip data: WHY". */
int ac_decoder_broken(const struct ac_decoder *u, const char *why,
		      struct ac_err *err);

#endif
