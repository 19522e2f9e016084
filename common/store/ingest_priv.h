/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_INGEST_PRIV_H
#define AC_STORE_INGEST_PRIV_H

/* What the files of the ingest and of publishing share; nobody else includes
 * it. */

#include <pthread.h>

#include "common/base/err.h"
#include "common/codec/pgpcrypt.h"
#include "common/codec/unzip.h"
#include "common/store/ingest.h"
#include "common/store/scratch.h"
#include "common/store/unpack.h"
#include "common/sys/ring.h"

struct ingest_thread {
	pthread_t id;
	bool runs;
	int rc;
	struct ac_err err; /* when rc < 0 */
};

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
	uint64_t written; /* of them, passed on to the other threads */
	uint64_t flushed; /* of them, on their way to the disk */
	char *slot;       /* of .zipped, being filled; NULL: none */
	size_t cap, n_slot;

	struct ac_hash *blob_hash;
	bool encrypted;
	bool failed; /* all that follows fails with .err */
	struct ac_err err;
	bool finished;
	struct ac_digest blob, diff;

	struct ac_ring *zipped; /* as delivered: from here to the inflater */
	struct ac_ring *tar;    /* from there to the hasher and the writer */

	/* The other threads', until they are joined. */
	struct ac_pgp_decrypt *decrypt; /* NULL: it is not encrypted */
	struct ac_unzip *unzip;
	struct ac_hash *diff_hash;
	struct ac_unpack layer;
	struct ac_image image;
	struct ingest_thread inflater, hasher, writer;
	bool stuck; /* the inflater: because the writer gave up */
};

/* The threads of an ingest (ingest_threads.c): the inflater decrypts and
 * decompresses, the hasher hashes the archive, the writer parses it and makes
 * the files. */
AC_MUSTUSE int ingest_start(struct ac_ingest *in, struct ac_err *err);
/* Before the first bytes are passed on: they are encrypted. */
AC_MUSTUSE struct ac_pgp_decrypt *ingest_decrypt(struct ac_ingest *in);
/* No more bytes: wait for all of them.  -1 when one has failed. */
AC_MUSTUSE int ingest_join(struct ac_ingest *in, struct ac_err *err);
/* Whatever they do: end them, and free what they used. */
void ingest_end(struct ac_ingest *in);

/* It has become part of the store. */
void ac_ingest_published(struct ac_ingest *in);

/* Finish the layer on those below; once.  AC_E_... names the ingest. */
AC_MUSTUSE int ac_ingest_settle(struct ac_ingest *in,
				const struct ac_stack *below,
				struct ac_err *err);

#endif
