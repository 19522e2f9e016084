/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci.h"
#include "common/image/acifile.h"
#include "common/store/ingest.h"
#include "common/store/render.h"
#include "common/store/root.h"
#include "common/store/used.h"
#include "common/sys/io.h"

struct out {
	int fd;
};

static int to_fd(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	const struct out *o = ctx;

	return ac_io_write(o->fd, p, n, "the image archive", err);
}

static int pump(struct ac_unzipfd *u, struct ac_zipper *z, struct out *o,
		struct ac_err *err)
{
	const void *p;
	ssize_t n;

	while ((n = ac_unzipfd_source(u, &p, err)) > 0) {
		int r = z != NULL ? ac_zipper_feed(z, p, (size_t)n, err)
				  : to_fd(o, p, (size_t)n, err);

		if (r < 0)
			return -1;
	}
	if (n < 0)
		return -1;
	return z != NULL ? ac_zipper_finish(z, err) : 0;
}

/* The archive as it came, but for its compression and encryption. */
static int export_aci(const struct ac_store *s, const struct ac_record *r,
		      int fd, enum ac_zip zip, struct ac_secret *secret,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	int blob;
	struct out o = {.fd = fd};
	struct ac_unzipfd *u;
	struct ac_zipper *z = NULL;
	int rc;

	if (r->n_blobs == 0)
		return ac_err_set(err, AC_E_INVALID, "its record has no blob");
	blob = ac_store_open_blob(s, &r->blobs[0].digest, err);
	if (blob < 0)
		return -1;
	f = ac_aci_file_adopt(blob, r->image.name, secret, err);
	if (f == NULL)
		return -1;
	u = ac_unzipfd_new(ac_aci_file_fd(f), "the stored archive", NULL);
	if (zip != AC_ZIP_NONE)
		z = ac_zipper_new(zip, 0, to_fd, &o);
	rc = pump(u, z, &o, err);
	ac_zipper_free(z);
	ac_unzipfd_free(u);
	return rc == 0 ? ac_aci_file_end(f, err) : rc;
}

static int write_squashed(struct ac_merge *m, struct ac_aci_writer *w,
			  const struct ac_record *r, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	struct ac_entry e;
	int64_t mtime = 0;
	bool first = true;
	int fd;
	int rc;

	ac_image_write(r->image.doc, &manifest);
	if (ac_buf_check(&manifest, "the manifest", err) < 0)
		return -1;
	while ((rc = ac_merge_next(m, &e, &fd, err)) > 0) {
		/* The root comes first, and its time is the only one that the
		 * manifest can have without knowing the hour. */
		if (first) {
			mtime = e.mtime;
			if (ac_aci_write_manifest(w, manifest.p, manifest.len,
						  mtime, err) < 0)
				return -1;
			first = false;
		}
		/* Without privileges all files here are ours; in an image
		 * that is root. */
		if (geteuid() != 0)
			e.uid = e.gid = 0;
		if (ac_aci_write_entry(w, &e, fd, err) < 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	return ac_aci_writer_finish(w, NULL, err);
}

static int export_squashed(const struct ac_store *s, const struct ac_record *r,
			   int fd, enum ac_zip zip, struct ac_err *err)
{
	AC_CLEANUP(ac_plan_release) struct ac_plan p = AC_PLAN_INIT;
	AC_CLEANUP(ac_root_release) struct ac_root from = AC_ROOT_INIT;
	struct ac_merge *m;
	struct ac_aci_writer *w;
	int rc;

	if (ac_plan_make(s, r, &p, err) < 0 ||
	    ac_root_open(&from, s, &p, err) < 0)
		return -1;
	m = ac_merge_new(from.layers, from.n);
	w = ac_aci_writer_new(fd, zip, 0);
	rc = write_squashed(m, w, r, err);
	ac_aci_writer_free(w);
	ac_merge_free(m);
	return rc;
}

int ac_export(const struct ac_store *s, const struct ac_record *r, int fd,
	      enum ac_zip zip, struct ac_secret *secret, struct ac_err *err)
{
	int rc;

	ac_store_touch(s, r->id);
	rc = r->kind == AC_IMAGE_ACI ? export_aci(s, r, fd, zip, secret, err)
				     : export_squashed(s, r, fd, zip, err);
	return rc < 0 ? ac_err_ctx(err, "image '%s'", r->image.name) : 0;
}
