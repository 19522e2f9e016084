/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci_check.h"
#include "common/store/ingest_priv.h"
#include "common/store/partial.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"

enum {
	READ_SIZE = 256 << 10,
	FLUSH_STEP = 8 << 20,
	MAX_FDS = 65536,
};

/* Each layer under way keeps some forty files open. */
static void raise_fd_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= MAX_FDS)
		return;
	l.rlim_cur = l.rlim_max < MAX_FDS ? l.rlim_max : MAX_FDS;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static void set_limits(struct ac_ingest *in, const struct ac_ingest_opts *o)
{
	in->opts = *o;
	if (in->opts.max_bytes == 0)
		in->opts.max_bytes = ac_limit(AC_LIMIT_UNPACKED);
	if (in->opts.max_entries == 0)
		in->opts.max_entries = ac_limit(AC_LIMIT_ENTRIES);
	if (in->opts.max_ratio == 0)
		in->opts.max_ratio = ac_limit_ratio(
			o->kind == AC_IMAGE_ACI ? AC_ACI_MAX_RATIO
						: AC_LAYER_MAX_RATIO);
	if (o->blob != NULL) {
		in->want_blob = *o->blob;
		in->opts.blob = &in->want_blob;
	}
	if (o->diff != NULL) {
		in->want_diff = *o->diff;
		in->opts.diff = &in->want_diff;
	}
	in->what = ac_xstrdup(o->what != NULL ? o->what : "the download");
	in->opts.what = in->what;
}

/* An ACI's id is a SHA-512; all else has SHA-256, which processors have
 * instructions for. */
static enum ac_alg diff_alg(const struct ac_ingest *in)
{
	if (in->opts.diff != NULL)
		return in->opts.diff->alg;
	return in->opts.kind == AC_IMAGE_ACI ? AC_SHA512 : AC_SHA256;
}

static int open_blob(struct ac_ingest *in, const struct ac_store *s,
		     struct ac_err *err)
{
	in->partial = in->opts.partial;
	if (in->partial != NULL) {
		in->blobdir = ac_partial_dir(in->partial);
		in->blobfd = ac_partial_fd(in->partial);
		return 0;
	}
	in->blobdir = in->dir.fd;
	in->blobfd = openat(in->dir.fd, "blob",
			    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (in->blobfd < 0)
		return ac_err_sys(err, errno, "make a file in '%s/ingest'",
				  s->path);
	return 0;
}

static int start(struct ac_ingest *in, struct ac_store *s, struct ac_err *err)
{
	if (ac_scratch_open(&in->dir, s, err) < 0 || open_blob(in, s, err) < 0)
		return -1;
	in->layer.kind = in->opts.kind;
	in->layer.max_bytes = in->opts.max_bytes;
	in->layer.max_entries = in->opts.max_entries;
	in->layer.image = &in->image;
	if (ac_unpack_open(&in->layer, in->dir.fd, "layer", err) < 0)
		return -1;
	return ingest_start(in, err);
}

struct ac_ingest *ac_ingest_new(struct ac_store *s,
				const struct ac_ingest_opts *opts,
				struct ac_err *err)
{
	struct ac_ingest *in = ac_xcalloc(1, sizeof(*in));

	raise_fd_limit();
	set_limits(in, opts);
	in->dir = AC_SCRATCH_INIT;
	in->layer.dir = in->layer.rootfs = in->layer.files = -1;
	in->blobfd = in->blobdir = -1;
	in->blob_hash = ac_hash_new(in->opts.blob != NULL ? in->opts.blob->alg
							  : AC_SHA256);
	in->diff_hash = ac_hash_new(diff_alg(in));
	if (start(in, s, err) < 0) {
		(void)ac_err_ctx(err, "%s", in->what);
		ac_ingest_free(in);
		return NULL;
	}
	return in;
}

/* What only the stream needed: many layers may wait for their turn. */
static void end_stream(struct ac_ingest *in)
{
	ingest_end(in);
	ac_hash_free(in->blob_hash);
	ac_hash_free(in->diff_hash);
	in->blob_hash = in->diff_hash = NULL;
}

/* The next N bytes behind those that are written, and are in the file up to
 * in->stored: the rest is put there. */
static int store_bytes(struct ac_ingest *in, const void *p, size_t n,
		       struct ac_err *err)
{
	uint64_t there = in->stored - in->written;
	size_t skip = there < n ? (size_t)there : n;
	const char *rest = (const char *)p + skip;

	n -= skip;
	in->stored += n;
	if (in->partial != NULL)
		return ac_partial_add(in->partial, rest, n, err);
	return ac_io_write(in->blobfd, rest, n, "the store's ingest", err);
}

/* What came and is to be gone on with is all in the file. */
static void release_partial(struct ac_ingest *in)
{
	bool keep = !in->failed && !in->published;
	struct ac_err ignored = AC_ERR_INIT;

	if (in->partial == NULL)
		return;
	if (keep && in->n_slot != 0)
		(void)!store_bytes(in, in->slot, in->n_slot, &ignored);
	ac_partial_free(in->partial, keep);
	in->partial = NULL;
	in->blobfd = -1;
}

void ac_ingest_discard(struct ac_ingest *in)
{
	in->failed = true;
	ac_ingest_free(in);
}

void ac_ingest_published(struct ac_ingest *in)
{
	in->published = true;
}

struct ac_partial *ac_ingest_take_partial(struct ac_ingest *in)
{
	in->blobfd = in->partial != NULL ? -1 : in->blobfd;
	return ac_steal_ptr(&in->partial);
}

struct ac_partial *ac_ingest_partial(const struct ac_ingest *in)
{
	return in->partial;
}

uint64_t ac_ingest_size(const struct ac_ingest *in)
{
	return in->size;
}

void ac_ingest_free(struct ac_ingest *in)
{
	if (in == NULL)
		return;
	/* When it did not even start. */
	in->partial = in->opts.partial != NULL && in->blobdir < 0
			      ? in->opts.partial
			      : in->partial;
	release_partial(in);
	end_stream(in);
	ac_unpack_release(&in->layer);
	ac_image_release(&in->image);
	if (in->blobfd >= 0)
		(void)close(in->blobfd);
	ac_scratch_release(&in->dir);
	free(in->what);
	free(in);
}

/* All that follows fails in the same way. */
static int fail(struct ac_ingest *in, struct ac_err *err)
{
	in->failed = true;
	in->err = *err;
	return -1;
}

/* Let the disk begin with what is complete: less is left for the end. */
static void flush_behind(struct ac_ingest *in)
{
	if (in->written - in->flushed < FLUSH_STEP)
		return;
	(void)sync_file_range(in->blobfd, (off_t)in->flushed,
			      (off_t)(in->written - in->flushed),
			      SYNC_FILE_RANGE_WRITE);
	in->flushed = in->written;
}

/* The first bytes tell whether an image is encrypted. */
static void look(struct ac_ingest *in)
{
	if (in->opts.kind != AC_IMAGE_ACI ||
	    !ac_pgp_is_encrypted(in->slot, in->n_slot))
		return;
	in->encrypted = true;
	in->decrypt = ingest_decrypt(in);
}

/* What was collected is stored, hashed, and goes on to the other threads. */
static int pass_on(struct ac_ingest *in, struct ac_err *err)
{
	size_t n = in->n_slot;

	if (n == 0)
		return 0;
	if (store_bytes(in, in->slot, n, err) < 0)
		return -1;
	if (in->written == 0)
		look(in);
	in->written += n;
	flush_behind(in);
	ac_hash_add(in->blob_hash, in->slot, n);
	in->slot = NULL;
	in->n_slot = 0;
	ac_ring_commit(in->zipped, n);
	/* Meanwhile somebody may be asked for a passphrase: nothing else is to
	 * be told or shown until that is known. */
	if (in->encrypted && in->written == n)
		ac_ring_drain(in->zipped);
	return 0;
}

static int feed(struct ac_ingest *in, const char *p, size_t n,
		struct ac_err *err)
{
	in->size += n;
	if (in->opts.size != 0 && in->size > in->opts.size)
		return ac_err_set(err, AC_E_VERIFY,
				  "it is longer than the %" PRIu64
				  " bytes that were announced",
				  in->opts.size);
	while (n != 0) {
		size_t some;

		if (in->slot == NULL)
			in->slot = ac_ring_slot(in->zipped, &in->cap);
		if (in->slot == NULL) {
			(void)!ingest_join(in, err); /* why they gave up */
			return -1;
		}
		some = n < in->cap - in->n_slot ? n : in->cap - in->n_slot;
		memcpy(in->slot + in->n_slot, p, some);
		in->n_slot += some;
		p += some;
		n -= some;
		if (in->n_slot == in->cap && pass_on(in, err) < 0)
			return -1;
	}
	return 0;
}

int ac_ingest_feed(struct ac_ingest *in, const void *p, size_t n,
		   struct ac_err *err)
{
	if (in->failed) {
		*err = in->err;
		return -1;
	}
	if (n == 0)
		return 0;
	if (feed(in, p, n, err) < 0) {
		(void)ac_err_ctx(err, "%s", in->what);
		return fail(in, err);
	}
	return 0;
}

static int again(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_ingest *in = ctx;

	in->stored += n;
	return ac_ingest_feed(in, p, n, err);
}

int ac_ingest_resume(struct ac_ingest *in, uint64_t *have, struct ac_err *err)
{
	*have = ac_partial_size(in->partial);
	if (ac_partial_replay(in->partial, again, in, err) < 0)
		return -1;
	*have = in->size;
	return 0;
}

int ac_ingest_feed_fd(struct ac_ingest *in, int fd, struct ac_err *err)
{
	AC_FREE char *buf = ac_xmalloc(READ_SIZE);
	ssize_t n;

	while ((n = ac_io_read(fd, buf, READ_SIZE, in->what, err)) > 0)
		if (ac_interrupt_check(err) < 0 ||
		    ac_ingest_feed(in, buf, (size_t)n, err) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

int ac_ingest_from_store(struct ac_ingest *in, const struct ac_store *s,
			 const struct ac_digest *d, struct ac_err *err)
{
	AC_CLOSE int fd = ac_store_open_blob(s, d, err);

	if (fd < 0 || ac_ingest_feed_fd(in, fd, err) < 0)
		return -1;
	return ac_ingest_finish(in, err);
}

static int mismatch(const char *which, const struct ac_digest *want,
		    const struct ac_digest *got, struct ac_err *err)
{
	char a[AC_DIGEST_TEXT];
	char b[AC_DIGEST_TEXT];

	ac_digest_print(want, ':', a);
	ac_digest_print(got, ':', b);
	return ac_err_set(err, AC_E_VERIFY,
			  "%s has digest %s, not the expected %s; it was "
			  "damaged or replaced on its way",
			  which, b, a);
}

/* The order matters for the message: a download that was cut short is also
 * broken gzip data and a broken archive. */
static int check(struct ac_ingest *in, struct ac_err *err)
{
	if (in->opts.size != 0 && in->size != in->opts.size)
		return ac_err_set(err, AC_E_VERIFY,
				  "it ends after %" PRIu64 " of %" PRIu64
				  " bytes",
				  in->size, in->opts.size);
	ac_hash_final(in->blob_hash, &in->blob);
	if (in->opts.blob != NULL && !ac_digest_equal(&in->blob, in->opts.blob))
		return mismatch("it", in->opts.blob, &in->blob, err);
	return 0;
}

static int finish(struct ac_ingest *in, struct ac_err *err)
{
	const struct ac_stack nothing = {.n = 0};
	struct ac_err bad = AC_ERR_INIT;
	int rc = pass_on(in, &bad);

	if (rc == 0)
		rc = ingest_join(in, &bad);
	if ((rc == 0 || bad.code != AC_E_SYS) && check(in, err) < 0)
		return -1;
	if (rc < 0) {
		*err = bad;
		return -1;
	}
	/* It was to grow; now it is what it will be. */
	if (in->partial != NULL && fchmod(in->blobfd, 0444) < 0)
		return ac_err_sys(err, errno, "the mode of a blob");
	ac_hash_final(in->diff_hash, &in->diff);
	if (in->opts.diff != NULL && !ac_digest_equal(&in->diff, in->opts.diff))
		return mismatch("the archive in it", in->opts.diff, &in->diff,
				err);
	end_stream(in);
	/* An image archive stands on nothing. */
	return in->opts.kind == AC_IMAGE_ACI
		       ? ac_unpack_settle(&in->layer, &nothing, NULL, NULL, err)
		       : 0;
}

int ac_ingest_finish(struct ac_ingest *in, struct ac_err *err)
{
	if (in->failed) {
		*err = in->err;
		return -1;
	}
	if (finish(in, err) < 0) {
		(void)ac_err_ctx(err, "%s", in->what);
		return fail(in, err);
	}
	in->finished = true;
	return 0;
}

/* The blob once more, into the same layer. */
static int reread(void *ctx, struct ac_err *err)
{
	struct ac_ingest *in = ctx;
	struct ac_unzipfd *u;
	int rc;

	if (lseek(in->blobfd, 0, SEEK_SET) < 0)
		return ac_err_sys(err, errno, "read the blob again");
	u = ac_unzipfd_new(in->blobfd, in->what, NULL);
	rc = ac_unpack_read(&in->layer, ac_unzipfd_source, u, err);
	ac_unzipfd_free(u);
	return rc;
}

int ac_ingest_settle(struct ac_ingest *in, const struct ac_stack *below,
		     struct ac_err *err)
{
	if (in->layer.w == NULL)
		return 0;
	if (ac_unpack_settle(&in->layer, below, reread, in, err) < 0)
		return ac_err_ctx(err, "%s", in->what);
	return 0;
}

uint64_t ac_ingest_stored(const struct ac_ingest *in)
{
	return in->stored;
}

int ac_ingest_blob_fd(const struct ac_ingest *in)
{
	return in->blobfd;
}

const struct ac_digest *ac_ingest_blob(const struct ac_ingest *in)
{
	return &in->blob;
}

const struct ac_digest *ac_ingest_diff(const struct ac_ingest *in)
{
	return &in->diff;
}

const struct ac_image *ac_ingest_image(const struct ac_ingest *in)
{
	return &in->image;
}
