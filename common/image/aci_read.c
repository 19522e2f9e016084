/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/aci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/fpmap.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/unzipfd.h"
#include "common/sys/path.h"

/* A stream that decompresses to so many times its size is a bomb; gzip cannot
 * come near. */
enum { MAX_RATIO = 2000 };

struct layout {
	const struct ac_aci_events *ev;
	struct ac_tar_reader *tar;
	struct ac_fpmap seen; /* everything below rootfs */
	struct ac_buf manifest;
	bool has_manifest, has_rootfs;
	char *foreign; /* the first name that does not belong here */
};

static void release(struct layout *l)
{
	ac_tar_reader_free(l->tar);
	ac_fpmap_release(&l->seen);
	ac_buf_release(&l->manifest);
	free(l->foreign);
}

static int duplicate(const char *path, struct ac_err *err)
{
	AC_FREE char *show = ac_str_show(path);

	return ac_err_set(err, AC_E_INVALID,
			  "duplicate file entry in archive: %s", show);
}

int ac_aci_slurp(struct ac_tar_reader *tar, const struct ac_entry *e,
		 struct ac_buf *out, struct ac_err *err)
{
	const void *p;
	uint64_t off;
	size_t n;
	int ret;

	if (e->type != AC_F_REG)
		return ac_err_set(err, AC_E_INVALID,
				  "manifest is not a regular file");
	if (e->extents != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "manifest is a sparse file");
	if (e->size > AC_ACI_MAX_MANIFEST)
		return ac_err_set(err, AC_E_LIMIT,
				  "manifest of %llu bytes, at most %d",
				  (unsigned long long)e->size,
				  AC_ACI_MAX_MANIFEST);
	while ((ret = ac_tar_data(tar, &p, &n, &off, err)) > 0)
		ac_buf_add(out, p, n);
	return ret < 0 ? -1 : ac_buf_check(out, "the manifest", err);
}

static int on_manifest(struct layout *l, const struct ac_entry *e,
		       struct ac_err *err)
{
	if (l->has_manifest)
		return duplicate("manifest", err);
	l->has_manifest = true;
	if (ac_aci_slurp(l->tar, e, &l->manifest, err) < 0)
		return -1;
	if (l->ev->manifest == NULL)
		return 0;
	return l->ev->manifest(l->ev->ctx, ac_buf_str(&l->manifest),
			       l->manifest.len, err);
}

static int pass_data(struct layout *l, struct ac_err *err)
{
	const void *p;
	uint64_t off;
	size_t n;
	int ret;

	while ((ret = ac_tar_data(l->tar, &p, &n, &off, err)) > 0)
		if (l->ev->data(l->ev->ctx, p, n, off, err) < 0)
			return -1;
	return ret;
}

/* What is known of a path below rootfs. */
enum { LISTED = 1, LEAF = 2, PARENT = 4 };

static int bad_parent(const char *path, int len, struct ac_err *err)
{
	AC_FREE char *whole = ac_xasprintf("%.*s", len, path);
	AC_FREE char *show = ac_str_show(whole);

	return ac_err_set(err, AC_E_INVALID,
			  "'rootfs/%s' has files below it and is not a "
			  "directory",
			  show);
}

/* Take in that PATH is there, which needs its parents to be directories: what
 * is written through a link is not where it seems to be. */
static int note_path(struct layout *l, const char *path, bool dir,
		     struct ac_err *err)
{
	size_t len = strlen(path);
	uint32_t *v = NULL;

	(void)ac_fpmap_add(&l->seen, path, len, &v);
	if ((*v & LISTED) != 0)
		return duplicate(path - strlen("rootfs/"), err);
	if (!dir && (*v & PARENT) != 0)
		return bad_parent(path, (int)len, err);
	*v |= dir ? LISTED : LISTED | LEAF;
	while (len-- > 0) {
		if (path[len] != '/')
			continue;
		(void)ac_fpmap_add(&l->seen, path, len, &v);
		if ((*v & LEAF) != 0)
			return bad_parent(path, (int)len, err);
		if ((*v & PARENT) != 0)
			return 0; /* and so are those above */
		*v |= PARENT;
	}
	return 0;
}

/* An entry below rootfs, or rootfs itself. */
static int on_file(struct layout *l, struct ac_entry *e, struct ac_err *err)
{
	const char *whole = e->path;
	AC_FREE char *show = NULL;

	e->path += strlen("rootfs");
	e->path += *e->path == '/';
	if (e->path[0] == '\0') {
		if (e->type != AC_F_DIR)
			return ac_err_set(err, AC_E_INVALID,
					  "rootfs is not a directory");
		l->has_rootfs = true;
	} else if (note_path(l, e->path, e->type == AC_F_DIR, err) < 0) {
		return -1;
	}
	if (e->type == AC_F_HARD) {
		if (!ac_path_within(e->link, "rootfs") ||
		    strcmp(e->link, "rootfs") == 0) {
			show = ac_str_show(whole);
			return ac_err_set(err, AC_E_INVALID,
					  "hard link '%s' leads out of rootfs",
					  show);
		}
		e->link += strlen("rootfs/");
	}
	if (l->ev->entry != NULL && l->ev->entry(l->ev->ctx, e, err) < 0)
		return -1;
	return e->type == AC_F_REG && l->ev->data != NULL ? pass_data(l, err)
							  : 0;
}

static int on_entry(struct layout *l, struct ac_entry *e, struct ac_err *err)
{
	if (strcmp(e->path, "manifest") == 0)
		return on_manifest(l, e, err);
	if (ac_path_within(e->path, "rootfs"))
		return on_file(l, e, err);
	/* What is missing is worth more to say than what is too much. */
	if (e->path[0] != '\0' && l->foreign == NULL)
		l->foreign = ac_str_show(e->path);
	return 0;
}

static int no_manifest(struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "no image manifest found in layout");
}

int ac_aci_read(ac_source_fn source, void *source_ctx,
		const struct ac_aci_events *ev, struct ac_err *err)
{
	AC_CLEANUP(release)
	struct layout l = {
		.ev = ev,
		.seen = AC_FPMAP_INIT,
		.manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST),
	};
	struct ac_entry e;
	int ret;

	l.tar = ac_tar_reader_new(NULL, source, source_ctx);
	while ((ret = ac_tar_next(l.tar, &e, err)) > 0)
		if (on_entry(&l, &e, err) < 0)
			return -1;
	if (ret < 0)
		return -1;
	if (!l.has_manifest)
		return no_manifest(err);
	if (!l.has_rootfs)
		return ac_err_set(err, AC_E_INVALID,
				  "no rootfs found in layout");
	if (l.foreign != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "unrecognized file path in layout: \"%s\"",
				  l.foreign);
	return 0;
}

/* --- from a file --- */

struct hashed {
	struct ac_unzipfd *unzip;
	struct ac_hash *hash;
};

static ssize_t hashed_source(void *ctx, const void **p, struct ac_err *err)
{
	struct hashed *h = ctx;
	ssize_t n = ac_unzipfd_source(h->unzip, p, err);

	if (n > 0)
		ac_hash_add(h->hash, *p, (size_t)n);
	return n;
}

static void release_hashed(struct hashed *h)
{
	ac_unzipfd_free(h->unzip);
	ac_hash_free(h->hash);
}

/* To the start, where FD has one. */
static int rewind_fd(int fd, const char *what, struct ac_err *err)
{
	if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		return ac_err_sys(err, errno, "seek in '%s'", what);
	return 0;
}

int ac_aci_read_fd(int fd, const char *what, const struct ac_aci_events *ev,
		   struct ac_digest *id, enum ac_zip *zip, struct ac_err *err)
{
	static const struct ac_unzip_limits limits = {.max_ratio = MAX_RATIO};
	AC_CLEANUP(release_hashed) struct hashed h = {.unzip = NULL};

	if (rewind_fd(fd, what, err) < 0)
		return -1;
	h.unzip = ac_unzipfd_new(fd, what, &limits);
	h.hash = ac_hash_new(AC_SHA512);
	if (ac_aci_read(hashed_source, &h, ev, err) < 0)
		return -1;
	ac_hash_final(h.hash, id);
	if (zip != NULL)
		*zip = ac_unzipfd_format(h.unzip);
	return 0;
}

static void free_reader(struct ac_tar_reader **r)
{
	ac_tar_reader_free(*r);
}

int ac_aci_manifest_fd(int fd, const char *what, char **text, size_t *len,
		       struct ac_err *err)
{
	static const struct ac_unzip_limits limits = {.max_ratio = MAX_RATIO};
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_CLEANUP(ac_unzipfd_freep) struct ac_unzipfd *unzip = NULL;
	AC_CLEANUP(free_reader) struct ac_tar_reader *tar = NULL;
	struct ac_entry e;
	int ret;

	if (rewind_fd(fd, what, err) < 0)
		return -1;
	unzip = ac_unzipfd_new(fd, what, &limits);
	tar = ac_tar_reader_new(NULL, ac_unzipfd_source, unzip);
	while ((ret = ac_tar_next(tar, &e, err)) > 0) {
		if (strcmp(e.path, "manifest") != 0)
			continue;
		if (ac_aci_slurp(tar, &e, &b, err) < 0)
			return -1;
		*len = b.len;
		*text = ac_buf_steal(&b);
		return 0;
	}
	return ret < 0 ? -1 : no_manifest(err);
}
