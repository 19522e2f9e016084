/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_ZIP_H
#define AC_CODEC_ZIP_H

/*
 * Compression of a stream, on all cores, with the same bytes out whatever
 * their number: gzip in blocks of 1 MiB, each a member of its own (RFC 1952
 * 2.2), compressed by a pool of threads.  xz and bzip2 by their libraries.
 * The plain bytes can be digested on the way, by these threads.
 */

#include <stddef.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/codec/unzip.h"

struct ac_zipper;

/* LEVEL 1 to 9 (gzip also to 12); 0: the default, 6, of gzip 4, which is as
 * small as zlib's 6.  Level 1 of gzip may give other bytes on processors
 * without SSE 4.2 (other than x86-64, or before 2008): the library behind it
 * has other code for them.  Another level, and
 * formats that are not written (zlib, zstd), fail at the first call.  The sink
 * is called in the caller's thread, in order. */
AC_MUSTUSE struct ac_zipper *ac_zipper_new(enum ac_zip format, int level,
					   ac_sink_fn sink, void *ctx);
/* Before the first feed: on so many threads, the caller's included (gzip, xz;
 * at most 16).  0, the default: one a core. */
void ac_zipper_threads(struct ac_zipper *z, unsigned int n);
/* Before the first feed: digest all that is fed. */
void ac_zipper_hash(struct ac_zipper *z, enum ac_alg alg);
AC_MUSTUSE int ac_zipper_feed(struct ac_zipper *z, const void *p, size_t n,
			      struct ac_err *err);
/* To feed without copying: where the next bytes may be put, *cap of them, at
 * least one; NULL on failure.  ac_zipper_lent says how many were. */
AC_MUSTUSE void *ac_zipper_lend(struct ac_zipper *z, size_t *cap,
				struct ac_err *err);
AC_MUSTUSE int ac_zipper_lent(struct ac_zipper *z, size_t n,
			      struct ac_err *err);
/* End the current gzip member here, so that what follows can be copied
 * without being unpacked (a manifest in front of an archive).  All that was
 * fed has then been given to the sink.  Other formats: nothing happens. */
AC_MUSTUSE int ac_zipper_cut(struct ac_zipper *z, struct ac_err *err);
AC_MUSTUSE int ac_zipper_finish(struct ac_zipper *z, struct ac_err *err);
/* After that, once: the digest asked for. */
void ac_zipper_digest(struct ac_zipper *z, struct ac_digest *out);
void ac_zipper_free(struct ac_zipper *z);

#endif
