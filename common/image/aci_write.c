/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/aci.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/treerd.h"

enum { OUT_SIZE = 256 << 10 };

struct ac_aci_writer {
	int fd;
	struct ac_zipper *zip;
	struct ac_tar_writer *tar;
	struct ac_buf out;  /* compressed bytes on their way to FD */
	size_t unflushed;   /* bytes that the disk may not have begun with */
	struct ac_buf path; /* of the entry being added, and of its target */
	struct ac_buf link;
	int64_t mtime;   /* of a rootfs that nobody names */
	bool has_rootfs; /* its entry was written */
	void (*progress)(void *ctx, uint64_t n);
	void *progress_ctx;
};

static int put(struct ac_aci_writer *w, const void *p, size_t n,
	       struct ac_err *err)
{
	if (ac_io_write(w->fd, p, n, "the image", err) < 0)
		return -1;
	w->unflushed += n;
	if (w->unflushed >= AC_IO_FLUSH_STEP) {
		ac_io_flush_behind(w->fd);
		w->unflushed = 0;
	}
	return 0;
}

static int flush(struct ac_aci_writer *w, struct ac_err *err)
{
	if (w->out.len != 0 && put(w, w->out.p, w->out.len, err) < 0)
		return -1;
	ac_buf_reset(&w->out);
	return 0;
}

/* What the zipper gives: small pieces are gathered. */
static int to_file(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_aci_writer *w = ctx;

	if (w->out.len + n > OUT_SIZE && flush(w, err) < 0)
		return -1;
	if (n >= OUT_SIZE)
		return put(w, p, n, err);
	ac_buf_add(&w->out, p, n);
	return 0;
}

static int count(struct ac_aci_writer *w, size_t n, struct ac_err *err)
{
	if (ac_interrupt_check(err) < 0)
		return -1;
	if (w->progress != NULL)
		w->progress(w->progress_ctx, n);
	return 0;
}

static int to_zipper(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_aci_writer *w = ctx;

	return count(w, n, err) < 0 ? -1 : ac_zipper_feed(w->zip, p, n, err);
}

static void *lend(void *ctx, size_t *cap, struct ac_err *err)
{
	struct ac_aci_writer *w = ctx;

	return ac_zipper_lend(w->zip, cap, err);
}

static int lent(void *ctx, size_t n, struct ac_err *err)
{
	struct ac_aci_writer *w = ctx;

	return count(w, n, err) < 0 ? -1 : ac_zipper_lent(w->zip, n, err);
}

struct ac_aci_writer *ac_aci_writer_new(int fd, enum ac_zip zip, int level)
{
	struct ac_aci_writer *w = ac_xcalloc(1, sizeof(*w));

	w->fd = fd;
	w->out = AC_BUF_INIT(OUT_SIZE);
	w->path = AC_BUF_INIT(1 << 20);
	w->link = AC_BUF_INIT(1 << 20);
	w->zip = ac_zipper_new(zip, level, to_file, w);
	w->tar = ac_tar_writer_new(to_zipper, w);
	ac_tar_writer_lend(w->tar, lend, lent);
	return w;
}

void ac_aci_writer_identify(struct ac_aci_writer *w)
{
	ac_zipper_hash(w->zip, AC_SHA512); /* of the tar */
}

void ac_aci_writer_free(struct ac_aci_writer *w)
{
	if (w == NULL)
		return;
	ac_tar_writer_free(w->tar);
	ac_zipper_free(w->zip);
	ac_buf_release(&w->out);
	ac_buf_release(&w->path);
	ac_buf_release(&w->link);
	free(w);
}

int ac_aci_write_manifest(struct ac_aci_writer *w, const char *text, size_t len,
			  int64_t mtime, struct ac_err *err)
{
	const struct ac_entry e = {.type = AC_F_REG,
				   .path = "manifest",
				   .mode = 0644,
				   .mtime = mtime,
				   .size = len};

	w->mtime = mtime;
	if (ac_tar_add(w->tar, &e, err) < 0 ||
	    ac_tar_write(w->tar, text, len, err) < 0)
		return -1;
	return ac_zipper_cut(w->zip, err);
}

/* Every image has an entry for the rootfs.  Nobody can say before the end that
 * none will come. */
static int write_rootfs(struct ac_aci_writer *w, struct ac_err *err)
{
	const struct ac_entry e = {.type = AC_F_DIR,
				   .path = "rootfs",
				   .mode = 0755,
				   .mtime = w->mtime};

	if (w->has_rootfs)
		return 0;
	w->has_rootfs = true;
	return ac_tar_add(w->tar, &e, err);
}

static const char *in_rootfs(struct ac_buf *b, const char *path)
{
	ac_buf_reset(b);
	ac_buf_adds(b, *path != '\0' ? "rootfs/" : "rootfs");
	ac_buf_adds(b, path);
	return ac_buf_str(b);
}

int ac_aci_write_entry(struct ac_aci_writer *w, const struct ac_entry *e,
		       int content_fd, struct ac_err *err)
{
	struct ac_entry there = *e;

	if (*e->path == '\0')
		w->has_rootfs = true;
	there.path = in_rootfs(&w->path, e->path);
	if (e->type == AC_F_HARD)
		there.link = in_rootfs(&w->link, e->link);
	if (ac_buf_check(&w->path, "a path", err) < 0 ||
	    ac_buf_check(&w->link, "a path", err) < 0 ||
	    ac_tar_add(w->tar, &there, err) < 0)
		return -1;
	return content_fd >= 0 ? ac_tar_write_fd(w->tar, content_fd, err) : 0;
}

int ac_aci_write_data(struct ac_aci_writer *w, const void *p, size_t n,
		      struct ac_err *err)
{
	return ac_tar_write(w->tar, p, n, err);
}

int ac_aci_writer_finish(struct ac_aci_writer *w, struct ac_digest *id,
			 struct ac_err *err)
{
	if (write_rootfs(w, err) < 0 || ac_tar_finish(w->tar, err) < 0 ||
	    ac_zipper_finish(w->zip, err) < 0 || flush(w, err) < 0)
		return -1;
	if (id != NULL)
		ac_zipper_digest(w->zip, id);
	return 0;
}

static int add_file(struct ac_aci_writer *w, const struct ac_aci_build *opts,
		    struct ac_entry *e, int fd, struct ac_err *err)
{
	if (opts->owner_root) {
		e->uid = 0;
		e->gid = 0;
	}
	if (opts->max_mtime >= 0 && e->mtime >= opts->max_mtime) {
		e->mtime = opts->max_mtime;
		e->mtime_ns = 0;
	}
	return ac_aci_write_entry(w, e, fd, err);
}

static int add_tree(struct ac_aci_writer *w, const struct ac_aci_build *opts,
		    int rootfs_fd, struct ac_err *err)
{
	struct ac_treerd *rd = ac_treerd_new(rootfs_fd);
	struct ac_entry e;
	int fd;
	int r;

	while ((r = ac_treerd_next(rd, &e, &fd, err)) > 0)
		if (add_file(w, opts, &e, fd, err) < 0) {
			r = -1;
			break;
		}
	ac_treerd_free(rd);
	return r;
}

int ac_aci_build(int fd, const char *manifest, size_t len, int rootfs_fd,
		 const struct ac_aci_build *opts, struct ac_digest *id,
		 struct ac_err *err)
{
	struct ac_aci_writer *w = ac_aci_writer_new(fd, opts->zip, opts->level);
	int64_t mtime = opts->max_mtime >= 0 ? opts->max_mtime : 0;
	int r;

	if (id != NULL)
		ac_aci_writer_identify(w);
	w->progress = opts->progress;
	w->progress_ctx = opts->progress_ctx;
	r = ac_aci_write_manifest(w, manifest, len, mtime, err);
	if (r == 0)
		r = add_tree(w, opts, rootfs_fd, err);
	if (r == 0)
		r = ac_aci_writer_finish(w, id, err);
	ac_aci_writer_free(w);
	return r;
}
