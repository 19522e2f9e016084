/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actool/layout.h"
#include "actool/walk.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/acifile.h"
#include "common/image/manifest.h"
#include "common/sys/interrupt.h"
#include "common/sys/treerd.h"

enum { PART = 256 << 10 };

/* One file of a layout after the other. */
struct files {
	const struct ac_aci_events *ev;
	struct ac_treerd *rd; /* owned */
	char *buf;            /* PART bytes, owned */
};

static void release(struct files *f)
{
	ac_treerd_free(f->rd);
	free(f->buf);
}

static int pass_extent(const struct files *f, int fd, const char *path,
		       const struct ac_extent *x, struct ac_err *err)
{
	uint64_t done = 0;

	while (done < x->len) {
		uint64_t left = x->len - done;
		ssize_t n = pread(fd, f->buf, left < PART ? left : PART,
				  (off_t)(x->off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ac_err_sys(err, errno, "read '%s'", path);
		if (n == 0)
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' changed while it was read",
					  path);
		if (ac_interrupt_check(err) < 0 ||
		    f->ev->data(f->ev->ctx, f->buf, (size_t)n, x->off + done,
				err) < 0)
			return -1;
		done += (uint64_t)n;
	}
	return 0;
}

static int pass_data(const struct files *f, const struct ac_entry *e, int fd,
		     struct ac_err *err)
{
	const struct ac_extent whole = {.off = 0, .len = e->size};
	const struct ac_extent *x = e->extents != NULL ? e->extents : &whole;
	size_t n = e->extents != NULL ? e->n_extents : 1;

	for (size_t i = 0; i < n; i++)
		if (pass_extent(f, fd, e->path, &x[i], err) < 0)
			return -1;
	return 0;
}

static int walk_rootfs(int rootfs, const struct ac_aci_events *ev,
		       struct ac_err *err)
{
	AC_CLEANUP(release) struct files f = {.ev = ev};
	bool root = geteuid() == 0;
	struct ac_entry e;
	int fd;
	int r;

	f.rd = ac_treerd_new(rootfs);
	f.buf = ac_xmalloc(PART);
	while ((r = ac_treerd_next(f.rd, &e, &fd, err)) > 0) {
		if (!root)
			e.uid = e.gid = 0;
		if (ac_interrupt_check(err) < 0 ||
		    (ev->entry != NULL && ev->entry(ev->ctx, &e, err) < 0))
			return -1;
		if (fd >= 0 && ev->data != NULL &&
		    pass_data(&f, &e, fd, err) < 0)
			return -1;
	}
	return r;
}

static int walk_layout(int dirfd, const struct ac_aci_events *ev,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf text = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_JSON struct ac_json *doc = NULL;
	AC_CLOSE int rootfs = -1;

	if (check_layout(dirfd, &doc, NULL, err) < 0)
		return ac_err_ctx(err, "invalid image layout");
	ac_image_write(doc, &text);
	if (ac_buf_check(&text, "the manifest", err) < 0 ||
	    (ev->manifest != NULL &&
	     ev->manifest(ev->ctx, ac_buf_str(&text), text.len, err) < 0))
		return -1;
	rootfs = openat(dirfd, "rootfs",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rootfs < 0)
		return ac_err_sys(err, errno, "open 'rootfs'");
	return walk_rootfs(rootfs, ev, err);
}

static uint64_t file_size(const char *path)
{
	struct stat st;
	int r = strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &st)
				       : stat(path, &st);

	return r == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

int walk_image(const char *path, struct ac_secret *secret,
	       const struct ac_aci_events *ev, struct walk *out,
	       struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	AC_CLOSE int dirfd = -1;
	struct ac_aci_events with = *ev;

	*out = (struct walk){.zip = AC_ZIP_NONE};
	if (strcmp(path, "-") != 0)
		dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd >= 0) {
		out->layout = true;
		return walk_layout(dirfd, ev, err);
	}
	f = ac_aci_file_open(path, secret, err);
	if (f == NULL)
		return -1;
	out->size = file_size(path);
	out->encrypted = ac_aci_file_encrypted(f);
	with.size = &out->tar_size;
	return ac_aci_file_read(f, &with, &out->id, &out->zip, err);
}
