/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/relist.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/tar.h"
#include "common/codec/unzipfd.h"
#include "common/store/ingest.h"
#include "common/store/list.h"
#include "common/store/plan.h"
#include "common/store/scratch.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/xattr.h"

static int open_list(const struct ac_store *s, const char *layer, int *dir,
		     struct ac_err *err)
{
	AC_FREE char *path = ac_xasprintf("layers/%s", layer);
	int fd;

	*dir = openat(s->dirfd, path,
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*dir < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? ac_err_set(err, AC_E_NOT_FOUND, "no '%s'",
					    path)
			       : ac_err_sys(err, errno, "open '%s/%s'", s->path,
					    path);
	fd = ac_list_open(*dir, err);
	return fd >= 0 ? fd : ac_err_ctx(err, "'%s/%s'", s->path, path);
}

/* The end of a layer's list: 1, 0 when there is no list that is one. */
static int end_of(const struct ac_store *s, const char *layer,
		  struct ac_list_end *end, struct ac_err *err)
{
	AC_CLOSE int dir = -1;
	AC_CLOSE int fd = open_list(s, layer, &dir, err);

	if (fd >= 0 && ac_list_end(fd, end, err) == 0)
		return 1;
	return err->code == AC_E_NOT_FOUND || err->code == AC_E_INVALID ? 0
									: -1;
}

/* Is it known that the layer has no attributes? */
static int has_none(const struct ac_store *s, const char *layer,
		    struct ac_err *err)
{
	struct ac_list_end end = {.entries = 0};
	int r = end_of(s, layer, &end, err);

	return r <= 0 ? r : end.has_xattrs && end.xattrs == 0;
}

/* Say in the list of LAYER that there are no attributes: a new file in the
 * place of the old one, so that there is one at any time. */
static int complete(const struct ac_store *s, const char *layer,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_scratch_release) struct ac_scratch d = AC_SCRATCH_INIT;
	AC_CLOSE int dir = -1;
	AC_CLOSE int from = open_list(s, layer, &dir, err);
	AC_CLOSE int to = -1;
	struct ac_list_end end = {.entries = 0};
	char line[80];
	int n;

	if (from < 0 || ac_list_end(from, &end, err) < 0 ||
	    ac_scratch_open(&d, s, err) < 0)
		return -1;
	to = openat(d.fd, "files", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0644);
	if (to < 0)
		return ac_err_sys(err, errno, "make a list of files");
	n = snprintf(line, sizeof(line), "= %" PRIu64 " %" PRIu64 " 0\n",
		     end.entries, end.bytes);
	if (ac_io_copy(from, 0, end.at, to, "the list of files", err) < 0 ||
	    ac_io_write(to, line, (size_t)n, "the list of files", err) < 0)
		return -1;
	if (fsync(to) < 0 || renameat(d.fd, "files", dir, "files") < 0)
		return ac_err_sys(err, errno, "write '%s/layers/%s/files'",
				  s->path, layer);
	return 0;
}

static bool has_xattrs(const struct ac_entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++)
		if (ac_xattr_kept(e->xattrs[i].name))
			return true;
	return false;
}

/* 1 when an entry of the archive has an attribute, 0 when none has. */
static int search(struct ac_tar_reader *tar, struct ac_err *err)
{
	struct ac_entry e;
	int r;

	while ((r = ac_tar_next(tar, &e, err)) > 0) {
		if (has_xattrs(&e))
			return 1;
		if (ac_interrupt_check(err) < 0)
			return -1;
	}
	return r;
}

static int search_blob(const struct ac_store *s, const struct ac_blob *b,
		       struct ac_err *err)
{
	AC_CLOSE int fd = ac_store_open_blob(s, &b->digest, err);
	AC_CLEANUP(ac_unzipfd_freep) struct ac_unzipfd *plain = NULL;
	struct ac_tar_reader *tar;
	int r;

	if (fd < 0)
		return -1;
	plain = ac_unzipfd_new(fd, "the stored archive", NULL);
	tar = ac_tar_reader_new(NULL, ac_unzipfd_source, plain);
	r = search(tar, err);
	ac_tar_reader_free(tar);
	return r;
}

/* 1 when there may be attributes in layer I of R, 0 when there are none. */
static int may_have(const struct ac_store *s, const struct ac_record *r,
		    size_t i, struct ac_err *err)
{
	size_t blob = r->kind == AC_IMAGE_OCI ? i + 2 : 0;

	/* Who makes it again has the key, or not. */
	if (blob >= r->n_blobs || r->encrypted)
		return 1;
	/* Directories without an entry and files behind hard links are those
	 * below. */
	for (size_t k = 0; k < i; k++) {
		int none = has_none(s, r->layers.v[k], err);

		if (none <= 0)
			return none < 0 ? -1 : 1;
	}
	return search_blob(s, &r->blobs[blob], err);
}

int ac_relist_layer(const struct ac_store *s, const struct ac_record *r,
		    size_t i, struct ac_err *err)
{
	struct ac_list_end end = {.entries = 0};
	int got = end_of(s, r->layers.v[i], &end, err);

	if (got <= 0 || end.has_xattrs)
		return got < 0 ? -1 : AC_RELIST_DONE;
	got = may_have(s, r, i, err);
	if (got != 0)
		return got < 0 ? -1 : AC_RELIST_AGAIN;
	return complete(s, r->layers.v[i], err) < 0 ? -1 : AC_RELIST_DONE;
}

/* Has no layer of P attributes, and is the tree made of these? */
static int plan_has_none(const struct ac_store *s, const struct ac_record *r,
			 const struct ac_plan *p, struct ac_err *err)
{
	int none = ac_plan_is_made(s, r, p, err);

	for (size_t i = 0; none > 0 && i < p->n; i++)
		for (size_t k = 0; none > 0 && k < p->v[i].layers.n; k++)
			none = has_none(s, p->v[i].layers.v[k], err);
	return none;
}

int ac_relist_flat(const struct ac_store *s, const struct ac_record *r,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_plan_release) struct ac_plan p = AC_PLAN_INIT;
	AC_FREE char *name = ac_plan_layer(r);
	struct ac_list_end end = {.entries = 0};
	struct ac_err ignored;
	int got = end_of(s, name, &end, err);

	if (got <= 0 || end.has_xattrs)
		return got < 0 ? -1 : AC_RELIST_DONE;
	/* A dependency that is gone: the tree stays as it is. */
	if (ac_plan_make(s, r, &p, &ignored) < 0)
		return AC_RELIST_DONE;
	got = plan_has_none(s, r, &p, err);
	if (got <= 0)
		return got < 0 ? -1 : AC_RELIST_AGAIN;
	return complete(s, name, err) < 0 ? -1 : AC_RELIST_DONE;
}
