/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image/aci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci_check.h"

struct layout {
	const struct ac_aci_events *ev;
	struct ac_tar_reader *tar;
	struct ac_aci_check *check;
	struct ac_buf manifest;
};

static void release(struct layout *l)
{
	ac_tar_reader_free(l->tar);
	ac_aci_check_free(l->check);
	ac_buf_release(&l->manifest);
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

static int on_entry(struct layout *l, struct ac_entry *e, struct ac_err *err)
{
	switch (ac_aci_check_entry(l->check, e, err)) {
	case AC_ACI_NOTHING:
		return 0;
	case AC_ACI_MANIFEST:
		return on_manifest(l, e, err);
	case AC_ACI_FILE:
		break;
	default:
		return -1;
	}
	if (l->ev->entry != NULL && l->ev->entry(l->ev->ctx, e, err) < 0)
		return -1;
	return e->type == AC_F_REG && l->ev->data != NULL ? pass_data(l, err)
							  : 0;
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
		.check = ac_aci_check_new(ev->warn, ev->ctx, ev->overlay_ok),
		.manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST),
	};
	static const struct ac_tar_limits limits = {.no_slash = true};
	struct ac_entry e;
	int ret;

	l.tar = ac_tar_reader_new(&limits, source, source_ctx);
	if (ev->warn != NULL)
		ac_tar_reader_check(l.tar, ac_aci_check_odd, l.check);
	while ((ret = ac_tar_next(l.tar, &e, err)) > 0)
		if (on_entry(&l, &e, err) < 0)
			return -1;
	return ret < 0 ? -1 : ac_aci_check_end(l.check, err);
}

/* --- from a file --- */

struct hashed {
	struct ac_unzipfd *unzip;
	struct ac_hash *hash;
	uint64_t size;
};

static ssize_t hashed_source(void *ctx, const void **p, struct ac_err *err)
{
	struct hashed *h = ctx;
	ssize_t n = ac_unzipfd_source(h->unzip, p, err);

	if (n > 0) {
		ac_hash_add(h->hash, *p, (size_t)n);
		h->size += (uint64_t)n;
	}
	if (n < 0)
		ac_err_rule(err, err->code == AC_E_LIMIT ? "A21" : "A5");
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
	const struct ac_unzip_limits limits = {
		.max_ratio = ac_limit_ratio(AC_ACI_MAX_RATIO)};
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
	if (ev->size != NULL)
		*ev->size = h.size;
	return 0;
}

/* Who wants the manifest alone does not judge the rest. */
static void ignore(AC_UNUSED void *ctx, AC_UNUSED const struct ac_err *why)
{
}

int ac_aci_manifest_fd(int fd, const char *what, char **text, size_t *len,
		       struct ac_err *err)
{
	const struct ac_unzip_limits limits = {
		.max_ratio = ac_limit_ratio(AC_ACI_MAX_RATIO)};
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_CLEANUP(ac_unzipfd_freep) struct ac_unzipfd *unzip = NULL;
	AC_CLEANUP(ac_tar_reader_freep) struct ac_tar_reader *tar = NULL;
	struct ac_entry e;
	int ret;

	if (rewind_fd(fd, what, err) < 0)
		return -1;
	unzip = ac_unzipfd_new(fd, what, &limits);
	tar = ac_tar_reader_new(NULL, ac_unzipfd_source, unzip);
	ac_tar_reader_check(tar, ignore, NULL);
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
