/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_ZIP_GZIP_H
#define AC_CODEC_ZIP_GZIP_H

/*
 * gzip by blocks on several threads, behind zip.h.  Nobody else includes this.
 *
 * Blocks go round a ring: the caller fills one and hands it to the threads;
 * what they made of it goes to the sink in the caller's thread, in order.
 */

#include <stddef.h>

#include "common/base/attr.h"
#include "common/codec/zip.h"

struct ac_err;
struct ac_gzip;

/* THREADS 0: one a core. */
AC_MUSTUSE struct ac_gzip *ac_gzip_new(int level, unsigned int threads,
				       ac_sink_fn sink, void *ctx);
AC_MUSTUSE int ac_gzip_feed(struct ac_gzip *g, const void *p, size_t n,
			    struct ac_err *err);
/* End the block that is being filled, if anything is in it, and give all there
 * is to the sink. */
AC_MUSTUSE int ac_gzip_cut(struct ac_gzip *g, struct ac_err *err);
/* The same, and an empty member when there was no other. */
AC_MUSTUSE int ac_gzip_finish(struct ac_gzip *g, struct ac_err *err);
void ac_gzip_free(struct ac_gzip *g);

#endif
