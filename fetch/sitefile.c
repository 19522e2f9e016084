/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/sitefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/at.h"
#include "common/sys/atomic.h"
#include "common/sys/io.h"
#include "common/sys/path.h"

enum { CHUNK = 1 << 18 };

/* Where PATH goes: its directory, open and made, and its last name. */
struct spot {
	int dir;
	char *name;
};

static void spot_release(struct spot *s)
{
	if (s->dir >= 0)
		(void)close(s->dir);
	free(s->name);
}

static int spot_open(struct spot *s, int dirfd, const char *path,
		     struct ac_err *err)
{
	AC_FREE char *parent = NULL;
	struct ac_str dir;
	struct ac_str base;

	ac_path_split(path, &dir, &base);
	parent = ac_xstrndup(dir.p, dir.len);
	s->name = ac_xstrndup(base.p, base.len);
	s->dir = ac_at_mkdirs(dirfd, parent, 0755, err);
	return s->dir < 0 ? -1 : 0;
}

static bool holds(const struct spot *s, const void *p, size_t len)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf have = AC_BUF_INIT(len + 1);
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int fd =
		ac_at_open(s->dir, s->name, O_RDONLY | O_NONBLOCK, 0, &err);

	return fd >= 0 && ac_io_slurp(fd, &have, s->name, &err) == 0 &&
	       have.len == len && memcmp(ac_buf_str(&have), p, len) == 0;
}

int site_put(int dirfd, const char *path, const void *p, size_t len,
	     struct ac_err *err)
{
	AC_CLEANUP(ac_atomic_release) struct ac_atomic a = AC_ATOMIC_INIT;
	AC_CLEANUP(spot_release) struct spot s = {.dir = -1};

	if (spot_open(&s, dirfd, path, err) < 0)
		return -1;
	if (holds(&s, p, len))
		return 0; /* visitors keep what they have cached */
	if (ac_atomic_open(&a, s.dir, s.name, 0644, err) < 0 ||
	    ac_io_write(a.fd, p, len, path, err) < 0)
		return -1;
	return ac_atomic_commit(&a, err);
}

/* In the kernel, and without copying where the file system shares blocks; by
 * hand where it will not. */
static int copy(int from, int to, const char *what, struct ac_err *err)
{
	AC_FREE char *chunk = NULL;
	off_t off = 0;
	ssize_t n;

	do {
		n = copy_file_range(from, &off, to, NULL, 1 << 30, 0);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n == 0)
		return 0;
	if (off != 0)
		return ac_err_sys(err, errno, "copy to '%s'", what);
	chunk = ac_xmalloc(CHUNK);
	while ((n = pread(from, chunk, CHUNK, off)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ac_err_sys(err, errno, "read '%s'", what);
		if (ac_io_write(to, chunk, (size_t)n, what, err) < 0)
			return -1;
		off += n;
	}
	return 0;
}

int site_put_fd(int dirfd, const char *path, int fd, struct ac_err *err)
{
	AC_CLEANUP(ac_atomic_release) struct ac_atomic a = AC_ATOMIC_INIT;
	AC_CLEANUP(spot_release) struct spot s = {.dir = -1};

	if (spot_open(&s, dirfd, path, err) < 0 ||
	    ac_atomic_open(&a, s.dir, s.name, 0644, err) < 0 ||
	    copy(fd, a.fd, path, err) < 0)
		return -1;
	return ac_atomic_commit(&a, err);
}

static bool same_file(int dirfd, const char *a, const char *b)
{
	struct stat sa;
	struct stat sb;

	return fstatat(dirfd, a, &sa, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(dirfd, b, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* A hard link that appears by renaming: 0, or -1 when there are none here. */
static int link_over(const struct spot *s, const char *from)
{
	char tmp[40];
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return -1;
	(void)snprintf(tmp, sizeof(tmp), ".tmp-%016" PRIx64, r);
	if (linkat(s->dir, from, s->dir, tmp, 0) < 0)
		return -1;
	if (renameat(s->dir, tmp, s->dir, s->name) == 0)
		return 0;
	(void)unlinkat(s->dir, tmp, 0);
	return -1;
}

int site_alias(int dirfd, const char *from, const char *path,
	       struct ac_err *err)
{
	AC_CLEANUP(spot_release) struct spot s = {.dir = -1};
	struct ac_str base;
	struct ac_str dir;
	AC_CLOSE int fd = -1;

	ac_path_split(from, &dir, &base);
	if (spot_open(&s, dirfd, path, err) < 0)
		return -1;
	fd = ac_at_open(dirfd, from, O_RDONLY, 0, err);
	if (fd < 0 && err->code == AC_E_NOT_FOUND) {
		*err = AC_ERR_INIT;
		return site_remove(dirfd, path, err);
	}
	if (fd < 0)
		return -1;
	/* Renaming one name of a file over another does nothing at all. */
	if (same_file(s.dir, base.p, s.name) || link_over(&s, base.p) == 0)
		return 0;
	return site_put_fd(dirfd, path, fd, err);
}

int site_remove(int dirfd, const char *path, struct ac_err *err)
{
	AC_CLEANUP(spot_release) struct spot s = {.dir = -1};

	if (spot_open(&s, dirfd, path, err) < 0)
		return -1;
	if (unlinkat(s.dir, s.name, 0) < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "remove '%s'", path);
	return 0;
}
