/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci.h"

/* One reading of an archive. */
struct reading {
	struct ac_tar_reader *tar;
	const struct ac_aci_events *ev;
	struct ac_set seen; /* paths below rootfs */
	struct ac_buf manifest;
	bool has_manifest, has_rootfs;
	bool only_manifest; /* stop when it is there */
};

static int read_manifest(struct reading *r, const struct ac_entry *e,
			 struct ac_err *err)
{
	const void *p;
	uint64_t off;
	size_t n;
	int more;

	if (r->has_manifest)
		return ac_err_set(err, AC_E_INVALID,
				  "duplicate file entry in archive: manifest");
	if (e->type != AC_F_REG)
		return ac_err_set(err, AC_E_INVALID,
				  "manifest is not a regular file");
	if (e->extents != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "manifest is a sparse file");
	while ((more = ac_tar_data(r->tar, &p, &n, &off, err)) > 0)
		ac_buf_add(&r->manifest, p, n);
	if (more < 0 || ac_buf_check(&r->manifest, "the manifest", err) < 0)
		return -1;
	r->has_manifest = true;
	if (r->ev->manifest == NULL)
		return 0;
	return r->ev->manifest(r->ev->ctx, ac_buf_str(&r->manifest),
			       r->manifest.len, err);
}

/* PATH relative to the rootfs, or NULL when it is not below it. */
static const char *below_rootfs(const char *path)
{
	if (strncmp(path, "rootfs", 6) != 0)
		return NULL;
	if (path[6] == '\0')
		return path + 6;
	return path[6] == '/' ? path + 7 : NULL;
}

/* A link of the image leads to one of its files. */
static int check_link(const struct ac_entry *e, struct ac_entry *out,
		      struct ac_err *err)
{
	const char *target = below_rootfs(e->link);

	if (target == NULL || *target == '\0')
		return ac_err_set(err, AC_E_INVALID,
				  "hard link '%s' leads to '%s', which is no "
				  "file below rootfs",
				  e->path, e->link);
	out->link = target;
	return 0;
}

static int read_file(struct reading *r, const struct ac_entry *e,
		     const char *path, struct ac_err *err)
{
	struct ac_entry here = *e;
	const void *p;
	uint64_t off;
	size_t n;
	int more;

	if (*path == '\0' && e->type != AC_F_DIR)
		return ac_err_set(err, AC_E_INVALID,
				  "rootfs is not a directory");
	if (*path == '\0')
		r->has_rootfs = true;
	else if (!ac_set_add(&r->seen, path))
		return ac_err_set(err, AC_E_INVALID,
				  "duplicate file entry in archive: %s",
				  e->path);
	here.path = path;
	if (e->type == AC_F_HARD && check_link(e, &here, err) < 0)
		return -1;
	if (r->ev->entry != NULL && r->ev->entry(r->ev->ctx, &here, err) < 0)
		return -1;
	if (e->type != AC_F_REG || r->ev->data == NULL)
		return 0;
	while ((more = ac_tar_data(r->tar, &p, &n, &off, err)) > 0)
		if (r->ev->data(r->ev->ctx, p, n, off, err) < 0)
			return -1;
	return more;
}

static int read_entries(struct reading *r, struct ac_err *err)
{
	struct ac_entry e;
	int more;

	while ((more = ac_tar_next(r->tar, &e, err)) > 0) {
		const char *path = below_rootfs(e.path);

		if (strcmp(e.path, "manifest") == 0) {
			if (read_manifest(r, &e, err) < 0)
				return -1;
			if (r->only_manifest)
				return 0;
		} else if (path != NULL) {
			if (!r->only_manifest &&
			    read_file(r, &e, path, err) < 0)
				return -1;
		} else if (e.path[0] != '\0' || e.type != AC_F_DIR) {
			return ac_err_set(err, AC_E_INVALID,
					  "unrecognized file path in layout: "
					  "\"%s\"",
					  e.path);
		}
	}
	if (more < 0)
		return -1;
	if (!r->has_manifest)
		return ac_err_set(err, AC_E_INVALID,
				  "no image manifest found in layout");
	if (!r->only_manifest && !r->has_rootfs)
		return ac_err_set(err, AC_E_INVALID,
				  "no rootfs found in layout");
	return 0;
}

static struct reading begin(ac_source_fn source, void *ctx,
			    const struct ac_aci_events *ev)
{
	return (struct reading){
		.tar = ac_tar_reader_new(NULL, source, ctx),
		.ev = ev,
		.seen = AC_SET_INIT,
		.manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST),
	};
}

static void end(struct reading *r)
{
	ac_tar_reader_free(r->tar);
	ac_set_release(&r->seen);
	ac_buf_release(&r->manifest);
}

int ac_aci_read(ac_source_fn source, void *source_ctx,
		const struct ac_aci_events *ev, struct ac_err *err)
{
	AC_CLEANUP(end) struct reading r = begin(source, source_ctx, ev);

	return read_entries(&r, err);
}

/* A source that hashes what it passes on. */
struct hashed {
	struct ac_unzipfd *in;
	struct ac_hash *hash;
};

static ssize_t hashed_source(void *ctx, const void **p, struct ac_err *err)
{
	struct hashed *h = ctx;
	ssize_t n = ac_unzipfd_source(h->in, p, err);

	if (n > 0)
		ac_hash_add(h->hash, *p, (size_t)n);
	return n;
}

static int rewind_fd(int fd, const char *what, struct ac_err *err)
{
	if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		return ac_err_sys(err, errno, "read '%s'", what);
	return 0;
}

int ac_aci_read_fd(int fd, const char *what, const struct ac_aci_events *ev,
		   struct ac_digest *id, enum ac_zip *zip, struct ac_err *err)
{
	AC_CLEANUP(ac_unzipfd_freep) struct ac_unzipfd *in = NULL;
	struct hashed h;
	int r;

	if (rewind_fd(fd, what, err) < 0)
		return -1;
	in = ac_unzipfd_new(fd, what, NULL);
	h = (struct hashed){.in = in, .hash = ac_hash_new(AC_SHA512)};
	r = ac_aci_read(hashed_source, &h, ev, err);
	if (r == 0) {
		ac_hash_final(h.hash, id);
		if (zip != NULL)
			*zip = ac_unzipfd_format(in);
	}
	ac_hash_free(h.hash);
	return r;
}

int ac_aci_manifest_fd(int fd, const char *what, char **text, size_t *len,
		       struct ac_err *err)
{
	static const struct ac_aci_events none = {.ctx = NULL};
	AC_CLEANUP(ac_unzipfd_freep) struct ac_unzipfd *in = NULL;

	if (rewind_fd(fd, what, err) < 0)
		return -1;
	in = ac_unzipfd_new(fd, what, NULL);
	AC_CLEANUP(end)
	struct reading r = begin(ac_unzipfd_source, in, &none);

	r.only_manifest = true;
	if (read_entries(&r, err) < 0)
		return -1;
	*len = r.manifest.len;
	*text = ac_buf_steal(&r.manifest);
	return 0;
}
