/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/interrupt.h"

enum { CHUNK = 64 << 10, COPY_CHUNK = 1 << 20, STEP = 32 << 20 };

int ac_io_write(int fd, const void *p, size_t n, const char *what,
		struct ac_err *err)
{
	const char *at = p;

	while (n != 0) {
		ssize_t w = write(fd, at, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return ac_err_sys(err, errno, "write '%s'", what);
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int ac_io_close(int *fd, const char *what, struct ac_err *err)
{
	/* On Linux it is closed then, whatever the reason. */
	if (close(ac_steal_fd(fd)) < 0 && errno != EINTR)
		return ac_err_sys(err, errno, "write '%s'", what);
	return 0;
}

int ac_io_write_close(int *fd, const void *p, size_t n, const char *what,
		      struct ac_err *err)
{
	return ac_io_write(*fd, p, n, what, err) < 0
		       ? -1
		       : ac_io_close(fd, what, err);
}

int ac_io_pwrite(int fd, const void *p, size_t n, uint64_t off,
		 const char *what, struct ac_err *err)
{
	const char *at = p;

	while (n != 0) {
		ssize_t w = pwrite(fd, at, n, (off_t)off);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return ac_err_sys(err, errno, "write '%s'", what);
		at += w;
		n -= (size_t)w;
		off += (uint64_t)w;
	}
	return 0;
}

ssize_t ac_io_read(int fd, void *p, size_t n, const char *what,
		   struct ac_err *err)
{
	char *at = p;
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, at + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return ac_err_sys(err, errno, "read '%s'", what);
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

/* How much to ask for next: all of a regular file at once (and a byte more,
 * to see its end), a chunk of anything else; never beyond OUT's maximum. */
static size_t ask(const struct stat *st, const struct ac_buf *out)
{
	size_t n = CHUNK;
	size_t left = out->max - out->len;

	if (S_ISREG(st->st_mode) && st->st_size >= 0 &&
	    (uint64_t)st->st_size < left)
		n = (size_t)st->st_size + 1;
	return n < left ? n : left;
}

void ac_io_flush_behind(int fd)
{
	/* What cannot (a pipe) need not. */
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* As ac_io_copy, as far as the kernel can: *off and *len are what is left. */
static int copy_in_kernel(int in, uint64_t *off, uint64_t *len, int out,
			  const char *what, struct ac_err *err)
{
	while (*len != 0) {
		off_t at = (off_t)*off;
		size_t ask = *len < STEP ? (size_t)*len : STEP;
		ssize_t n = copy_file_range(in, &at, out, NULL, ask, 0);

		if (ac_interrupt_check(err) < 0)
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT ||
			      errno == EFBIG || errno == EIO))
			return ac_err_sys(err, errno, "copy '%s'", what);
		/* Some file systems say 0 for "cannot". */
		if (n <= 0)
			break;
		*off += (uint64_t)n;
		*len -= (uint64_t)n;
		ac_io_flush_behind(out);
	}
	return 0;
}

int ac_io_copy(int in, uint64_t off, uint64_t len, int out, const char *what,
	       struct ac_err *err)
{
	AC_FREE char *buf = NULL;

	if (copy_in_kernel(in, &off, &len, out, what, err) < 0)
		return -1;
	if (len != 0)
		buf = ac_xmalloc(COPY_CHUNK);
	while (len != 0) {
		size_t ask = len < COPY_CHUNK ? (size_t)len : COPY_CHUNK;
		ssize_t n = pread(in, buf, ask, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ac_err_sys(err, errno, "read '%s'", what);
		if (n == 0)
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' got shorter while it was read",
					  what);
		if (ac_io_write(out, buf, (size_t)n, what, err) < 0 ||
		    ac_interrupt_check(err) < 0)
			return -1;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

int ac_io_slurp(int fd, struct ac_buf *out, const char *what,
		struct ac_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "read '%s'", what);
	for (;;) {
		size_t n = ask(&st, out);
		char extra;
		char *to = n != 0 ? ac_buf_room(out, n) : &extra;
		ssize_t r;

		if (to == NULL)
			return ac_buf_check(out, what, err);
		r = ac_io_read(fd, to, n != 0 ? n : 1, what, err);
		if (r < 0)
			return -1;
		if (n == 0 && r != 0) {
			out->overflow = true;
			return ac_buf_check(out, what, err);
		}
		if (n != 0) {
			out->len += (size_t)r;
			out->p[out->len] = '\0';
		}
		if (r == 0 || (size_t)r < n)
			return 0;
		st.st_mode = 0; /* it grew: go on by chunks */
	}
}

/* A descriptor of NAME, opened with FLAGS too. */
static int open_file(int dirfd, const char *name, int flags, struct ac_err *err)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return ac_err_set(err, AC_E_NOT_FOUND, "no file '%s'", name);
	return ac_err_sys(err, errno, "open '%s'", name);
}

int ac_io_read_file(int dirfd, const char *name, struct ac_buf *out,
		    struct ac_err *err)
{
	AC_CLOSE int fd = open_file(dirfd, name, 0, err);

	return fd < 0 ? -1 : ac_io_slurp(fd, out, name, err);
}

int ac_io_regular(int fd, const char *what, struct stat *st, struct ac_err *err)
{
	if (fstat(fd, st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", what);
	if (!S_ISREG(st->st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not a regular file", what);
	return 0;
}

int ac_io_read_regular(int dirfd, const char *name, struct ac_buf *out,
		       struct ac_err *err)
{
	AC_CLOSE int fd = open_file(dirfd, name, O_NONBLOCK, err);
	struct stat st;

	if (fd < 0 || ac_io_regular(fd, name, &st, err) < 0)
		return -1;
	return ac_io_slurp(fd, out, name, err);
}

int ac_io_names(int dirfd, const char *name, struct ac_strv *out)
{
	AC_CLOSE int fd =
		openat(dirfd, name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AC_CLOSEDIR DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (d == NULL)
		return -1;
	(void)ac_steal_fd(&fd); /* d owns it now */
	while (errno = 0, (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			ac_strv_push(out, e->d_name);
	if (errno != 0)
		return -1;
	ac_strv_sort(out);
	return 0;
}
