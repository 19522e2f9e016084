/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>

#include "common/base/err.h"
#include "common/store/ingest_priv.h"

/* For each layer under way 7 MiB.  A chunk is what makes the decompressor fast,
 * and enough of them keep three threads busy on two processors. */
enum {
	ZIPPED_CHUNKS = 4,
	ZIPPED_SIZE = 256 << 10,
	TAR_CHUNKS = 12,
	TAR_SIZE = 512 << 10,
};

/* Who gets the archive. */
enum { WRITER, HASHER, CONSUMERS };

/* None of them is in a hurry, all of them wake each other for each chunk:
 * measured, a fifth of the switches and a twentieth of the time of a pull. What
 * the user asked for stays, and what we execute does not get it. */
static void be_patient(void)
{
	const struct sched_param none = {.sched_priority = 0};

	if (sched_getscheduler(0) == SCHED_OTHER)
		(void)sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK,
					 &none);
}

static ssize_t source(void *ctx, const void **p, struct ac_err *err)
{
	struct ac_ingest *in = ctx;

	return ac_ring_next(in->tar, WRITER, p, err);
}

static void *write_files(void *ctx)
{
	struct ac_ingest *in = ctx;
	struct ingest_thread *t = &in->writer;

	be_patient();
	t->rc = ac_unpack_read(&in->layer, source, in, &t->err);
	if (t->rc < 0)
		ac_ring_abort(in->tar);
	return NULL;
}

/* Beside the writer: files are made while the next bytes are hashed. */
static void *hash(void *ctx)
{
	struct ac_ingest *in = ctx;
	struct ac_err ignored = AC_ERR_INIT; /* the writer gets it as well */
	const void *p;
	ssize_t n;

	be_patient();
	while ((n = ac_ring_next(in->tar, HASHER, &p, &ignored)) > 0)
		ac_hash_add(in->diff_hash, p, (size_t)n);
	return NULL;
}

static int chunk_full(void *ctx, AC_UNUSED const void *p, size_t n,
		      AC_UNUSED struct ac_err *err)
{
	struct ac_ingest *in = ctx;

	ac_ring_commit(in->tar, n);
	return 0;
}

static void *lend_chunk(void *ctx, size_t *cap, struct ac_err *err)
{
	struct ac_ingest *in = ctx;
	void *p = ac_ring_slot(in->tar, cap);

	in->stuck = p == NULL;
	if (in->stuck)
		(void)ac_err_set(err, AC_E_INVALID, "its files were refused");
	return p;
}

static int to_unzip(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_ingest *in = ctx;

	return ac_unzip_feed(in->unzip, p, n, err);
}

static int inflate_all(struct ac_ingest *in, struct ac_err *err)
{
	const void *p;
	ssize_t n;

	while ((n = ac_ring_next(in->zipped, 0, &p, err)) > 0) {
		int rc = in->decrypt != NULL
				 ? ac_pgp_decrypt_feed(in->decrypt, p,
						       (size_t)n, err)
				 : ac_unzip_feed(in->unzip, p, (size_t)n, err);

		if (rc < 0)
			return -1;
	}
	if (n < 0 || (in->decrypt != NULL &&
		      ac_pgp_decrypt_finish(in->decrypt, err) < 0))
		return -1;
	return ac_unzip_finish(in->unzip, err);
}

static void *inflate(void *ctx)
{
	struct ac_ingest *in = ctx;
	struct ingest_thread *t = &in->inflater;

	be_patient();
	t->rc = inflate_all(in, &t->err);
	if (t->rc < 0)
		ac_ring_abort(in->zipped);
	ac_ring_close(in->tar, t->rc < 0 ? &t->err : NULL);
	return NULL;
}

static int launch(struct ac_ingest *in, struct ingest_thread *t,
		  void *(*fn)(void *ctx), struct ac_err *err)
{
	int r = pthread_create(&t->id, NULL, fn, in);

	t->runs = r == 0;
	return r == 0 ? 0 : ac_err_sys(err, r, "start a thread");
}

int ingest_start(struct ac_ingest *in, struct ac_err *err)
{
	const struct ac_unzip_limits limits = {.max_out = in->opts.max_bytes,
					       .max_ratio = in->opts.max_ratio};

	in->zipped = ac_ring_new(ZIPPED_CHUNKS, ZIPPED_SIZE, 1);
	in->tar = ac_ring_new(TAR_CHUNKS, TAR_SIZE, CONSUMERS);
	in->unzip = ac_unzip_new(&limits, chunk_full, in);
	ac_unzip_lend(in->unzip, lend_chunk);
	/* This one ends the others, if one cannot be started. */
	if (launch(in, &in->inflater, inflate, err) < 0 ||
	    launch(in, &in->writer, write_files, err) < 0)
		return -1;
	return launch(in, &in->hasher, hash, err);
}

struct ac_pgp_decrypt *ingest_decrypt(struct ac_ingest *in)
{
	return ac_pgp_decrypt_new(in->opts.secret, in->what, to_unzip, in);
}

static void join(struct ingest_thread *t)
{
	if (t->runs)
		(void)pthread_join(t->id, NULL);
	t->runs = false;
}

static void join_all(struct ac_ingest *in, const struct ac_err *why)
{
	ac_ring_close(in->zipped, why);
	/* It closes the other ring. */
	join(&in->inflater);
	join(&in->hasher);
	join(&in->writer);
}

int ingest_join(struct ac_ingest *in, struct ac_err *err)
{
	const struct ingest_thread *bad = NULL;

	join_all(in, NULL);
	/* Of both, the first cause. */
	if (in->inflater.rc < 0 && !in->stuck)
		bad = &in->inflater;
	else if (in->writer.rc < 0)
		bad = &in->writer;
	if (bad == NULL)
		return 0;
	*err = bad->err;
	return -1;
}

void ingest_end(struct ac_ingest *in)
{
	const struct ac_err gone = {.code = AC_E_INVALID};

	if (in->zipped == NULL)
		return;
	/* What is queued need not be written. */
	ac_ring_abort(in->tar);
	join_all(in, &gone);
	ac_pgp_decrypt_free(in->decrypt);
	ac_unzip_free(in->unzip);
	ac_ring_free(in->zipped);
	ac_ring_free(in->tar);
	in->decrypt = NULL;
	in->unzip = NULL;
	in->zipped = in->tar = NULL;
	in->slot = NULL;
}
