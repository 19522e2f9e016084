/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/sys/treewr_priv.h"

enum { CHUNK = 256 << 10 };

static int changed(const struct ac_treewr *w, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "'%s': its source changed while it was copied",
			  w->path);
}

/* Share the blocks.  1 when that was done. */
static int clone_all(struct ac_treewr *w, int fd)
{
	if (w->no_clone)
		return 0;
	if (ioctl(w->fd, FICLONE, fd) == 0)
		return 1;
	w->no_clone = true;
	return 0;
}

/* LEN bytes at OFF within the kernel, *len less those that were copied.  1 when
 * it cannot do (the rest). */
static int in_kernel(struct ac_treewr *w, int fd, uint64_t *off, uint64_t *len,
		     struct ac_err *err)
{
	while (*len != 0) {
		off_t in = (off_t)*off;
		off_t out = in;
		size_t ask = *len < 1 << 30 ? (size_t)*len : 1 << 30;
		ssize_t n = copy_file_range(fd, &in, w->fd, &out, ask, 0);

		if (n < 0 && (errno == ENOSPC || errno == EDQUOT ||
			      errno == EFBIG || errno == EIO))
			return ac_err_sys(err, errno, "write '%s'", w->path);
		if (n < 0 && errno == EINTR)
			continue;
		/* Some pseudo file systems say 0 for "cannot". */
		if (n <= 0)
			return 1;
		*off += (uint64_t)n;
		*len -= (uint64_t)n;
		w->pos = *off;
		w->got += (uint64_t)n;
	}
	return 0;
}

static int by_hand(struct ac_treewr *w, int fd, uint64_t off, uint64_t len,
		   struct ac_err *err)
{
	if (w->copy_buf == NULL)
		w->copy_buf = ac_xmalloc(CHUNK);
	while (len != 0) {
		size_t ask = len < CHUNK ? (size_t)len : CHUNK;
		ssize_t n = pread(fd, w->copy_buf, ask, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ac_err_sys(err, errno, "read '%s'", w->path);
		if (n == 0)
			return changed(w, err);
		if (ac_treewr_data(w, w->copy_buf, (size_t)n, off, err) < 0)
			return -1;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int copy_run(struct ac_treewr *w, int fd, uint64_t off, uint64_t len,
		    struct ac_err *err)
{
	if (w->o.note == NULL) {
		int r = in_kernel(w, fd, &off, &len, err);

		if (r < 0)
			return -1;
	}
	return by_hand(w, fd, off, len, err);
}

int ac_treewr_copy(struct ac_treewr *w, int fd, struct ac_err *err)
{
	const struct ac_extent all = {.len = w->cur.size};
	const struct ac_extent *x = &all;
	size_t n = 1;
	struct stat st;

	if (w->fd < 0)
		return 0; /* empty, and complete already */
	if (fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", w->path);
	if ((uint64_t)st.st_size != w->cur.size)
		return changed(w, err);
	if (w->o.note == NULL && clone_all(w, fd))
		return treewr_complete(w, err);
	if (w->cur.extents != NULL) {
		x = w->cur.extents;
		n = w->cur.n_extents;
	}
	for (; n != 0; n--, x++)
		if (copy_run(w, fd, x->off, x->len, err) < 0)
			return -1;
	/* By hand the last byte completed it. */
	return w->fd >= 0 ? treewr_complete(w, err) : 0;
}
