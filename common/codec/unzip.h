/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_UNZIP_H
#define AC_CODEC_UNZIP_H

/*
 * Decompression of a stream, pushed: compressed bytes in, plain bytes to a
 * sink.  The format is found by its magic: gzip (RFC 1952), bzip2, xz, zstd
 * (RFC 8878), else the bytes pass through as they are; zlib (RFC 1950) and bare
 * deflate (RFC 1951) only when told.  Several members or frames behind each
 * other are one stream; checksums are verified; what follows the last member
 * and is not another is an error, but for zero bytes.  A stream that ends early
 * is AC_E_INVALID.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_unzip;

enum ac_zip {
	AC_ZIP_NONE,
	AC_ZIP_GZIP,
	AC_ZIP_BZIP2,
	AC_ZIP_XZ,
	AC_ZIP_ZSTD,
	AC_ZIP_ZLIB,
	AC_ZIP_DEFLATE,
};

const char *ac_zip_name(enum ac_zip z); /* "gzip"; "none" */
/* AC_ZIP_NONE for what is no such name. */
enum ac_zip ac_zip_by_name(const char *name);
/* By the first bytes (6 are enough). */
enum ac_zip ac_zip_detect(const void *p, size_t n);

/* Where plain bytes go.  A negative return ends the work. */
typedef int (*ac_sink_fn)(void *ctx, const void *p, size_t n,
			  struct ac_err *err);

struct ac_unzip_limits {
	uint64_t max_out;   /* plain bytes; 0: no limit */
	uint64_t max_ratio; /* plain to compressed, checked above 64 MiB; 0: no
			     * limit */
};

/* zstd windows and xz dictionaries above 128 MiB are AC_E_LIMIT.  LIMITS (may
 * be NULL) is copied. */
AC_MUSTUSE struct ac_unzip *ac_unzip_new(const struct ac_unzip_limits *limits,
					 ac_sink_fn sink, void *ctx);
/* Before the first feed: the stream is of format Z, whatever its first bytes.
 * The only way to have zlib and deflate read. */
void ac_unzip_expect(struct ac_unzip *u, enum ac_zip z);
/* Before the first feed: write into memory that LEND returns (*cap bytes, with
 * the same CTX as the sink; NULL ends the work with *err), and give it back
 * through the sink once it is full or the stream ends: to fill a ring's slots
 * (sys/ring.h) without copying.  Without it all that was decoded has been given
 * to the sink when ac_unzip_feed returns. */
typedef void *(*ac_lend_fn)(void *ctx, size_t *cap, struct ac_err *err);
void ac_unzip_lend(struct ac_unzip *u, ac_lend_fn lend);

/* Before the first feed: be told (with the sink's CTX) where each member or
 * frame ends: so many bytes of the stream, and so many plain ones, are before
 * that place. */
typedef void (*ac_member_fn)(void *ctx, uint64_t in, uint64_t out);
void ac_unzip_on_member(struct ac_unzip *u, ac_member_fn fn);

/* The more bytes at a time the faster: 256 KiB are enough. */
AC_MUSTUSE int ac_unzip_feed(struct ac_unzip *u, const void *p, size_t n,
			     struct ac_err *err);
/* Give what was decoded so far to the sink, though the memory that was lent is
 * not full. */
AC_MUSTUSE int ac_unzip_flush(struct ac_unzip *u, struct ac_err *err);
/* No more input: AC_E_INVALID when the stream is not complete. */
AC_MUSTUSE int ac_unzip_finish(struct ac_unzip *u, struct ac_err *err);
/* AC_ZIP_NONE while fewer than 6 bytes were fed. */
enum ac_zip ac_unzip_format(const struct ac_unzip *u);
void ac_unzip_free(struct ac_unzip *u);

#endif
