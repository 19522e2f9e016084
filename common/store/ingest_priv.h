/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_INGEST_PRIV_H
#define AC_STORE_INGEST_PRIV_H

/* What ingest.c and publish.c share; nobody else includes it. */

#include <pthread.h>

#include "common/base/err.h"
#include "common/codec/pgpcrypt.h"
#include "common/codec/unzip.h"
#include "common/store/ingest.h"
#include "common/store/scratch.h"
#include "common/store/unpack.h"
#include "common/sys/ring.h"

struct ac_ingest {
	struct ac_ingest_opts opts;
	struct ac_digest want_blob, want_diff; /* what opts points to */
	char *what;

	/* scratch/blob and scratch/layer/{rootfs,files} */
	struct ac_scratch dir;
	struct ac_partial *partial; /* or NULL */
	int blobdir; /* the directory with "blob"; borrowed of dir or partial */
	int blobfd;  /* owned, or the partial's */
	bool published;
	uint64_t size;    /* bytes fed */
	uint64_t stored;  /* of them, in the file */
	uint64_t written; /* of them, behind the small buffer */
	uint64_t flushed; /* of them, on their way to the disk */
	char *small;      /* collects short feeds; owned */
	size_t n_small;

	struct ac_hash *blob_hash;
	struct ac_pgp_decrypt *decrypt; /* NULL: it is not encrypted */
	bool encrypted;
	struct ac_unzip *unzip;
	struct ac_ring *ring;
	bool failed; /* all that follows fails with .err */
	struct ac_err err;
	bool finished;
	struct ac_digest blob, diff;

	/* The other thread's, until it is joined. */
	pthread_t worker, hasher;
	bool working, hashing;
	struct ac_hash *diff_hash;
	struct ac_unpack layer;
	struct ac_image image;
	int worker_rc;
	struct ac_err worker_err;
};

/* It has become part of the store. */
void ac_ingest_published(struct ac_ingest *in);

/* Finish the layer on those below; once.  AC_E_... names the ingest. */
AC_MUSTUSE int ac_ingest_settle(struct ac_ingest *in,
				const struct ac_stack *below,
				struct ac_err *err);

#endif
