/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_ZIP_BLOCKS_H
#define AC_CODEC_ZIP_BLOCKS_H

/*
 * A stream cut into blocks of 1 MiB, on which several threads work, behind
 * zip.h.  Nobody else includes this.
 *
 * Blocks go round a ring.  The caller fills one and submits it; each is packed
 * (independently of the others) and hashed (in order) by whoever is free: a
 * thread, or the caller, when it has no block left to fill and would wait.
 * What was made of a block goes to the sink in the caller's thread, in order.
 * So no core is idle while there is something to do, and the result is the
 * same whatever their number: without threads the caller does all.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/unzip.h"

struct ac_blocks;
struct ac_err;
struct ac_hash;

enum { AC_BLOCK_SIZE = 1 << 20 };

/* How a block is packed. */
struct ac_block_packer {
	/* What a thread needs for it. */
	void *(*start)(int level);
	void (*stop)(void *own);
	/* What a block may become at most. */
	size_t (*room)(const void *own);
	/* Pack the N bytes at IN to OUT: how many it made.  Always room. */
	size_t (*pack)(void *own, uint8_t *in, size_t n, uint8_t *out);
};

struct ac_blocks_opts {
	const struct ac_block_packer *packer; /* NULL: blocks as they are */
	int level;
	unsigned int threads; /* the caller's included; 0: one a core */
	struct ac_hash *hash; /* of all that is given; borrowed, may be NULL */
	ac_sink_fn sink;
	void *ctx;
};

AC_MUSTUSE struct ac_blocks *ac_blocks_new(const struct ac_blocks_opts *opts);
/* Where the next bytes may be put: *cap of them, at least one. */
AC_MUSTUSE void *ac_blocks_lend(struct ac_blocks *s, size_t *cap);
/* N bytes were put there. */
AC_MUSTUSE int ac_blocks_lent(struct ac_blocks *s, size_t n,
			      struct ac_err *err);
/* End the block that is being filled, if anything is in it, and give all there
 * is to the sink. */
AC_MUSTUSE int ac_blocks_cut(struct ac_blocks *s, struct ac_err *err);
/* The same; when there was no block at all, one of no bytes is packed. */
AC_MUSTUSE int ac_blocks_finish(struct ac_blocks *s, struct ac_err *err);
/* Ends the threads, also with blocks under way. */
void ac_blocks_free(struct ac_blocks *s);

#endif
