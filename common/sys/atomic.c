/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/atomic.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/io.h"

static int random_name(struct ac_atomic *a, struct ac_err *err)
{
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return ac_err_sys(err, errno, "getrandom");
	(void)snprintf(a->tmp, sizeof(a->tmp), ".tmp-%016jx", (uintmax_t)r);
	return 0;
}

/* Give the file, which has no name, one beside the final one: link(2) does not
 * replace. */
static int link_name(int fd, int dirfd, const char *name)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return linkat(fd, "", dirfd, name, AT_EMPTY_PATH);
}

/* Remove NAME when whoever made it holds no lock on it any more. */
static bool drop_stale(int dirfd, const char *name)
{
	struct stat a;
	struct stat b;
	AC_CLOSE int fd = openat(dirfd, name,
				 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
					 O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	       fstat(fd, &a) == 0 &&
	       fstatat(dirfd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
	       unlinkat(dirfd, name, 0) == 0;
}

/* Give it the temporary name that belongs to the final one.  Who is killed
 * before the rename leaves it behind; the next to write the file finds it. */
static bool link_own_name(struct ac_atomic *a)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (const char *s = a->name; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	(void)snprintf(a->tmp, sizeof(a->tmp), ".tmp-%016jx", (uintmax_t)h);
	/* The lock is there before the name is. */
	if (flock(a->fd, LOCK_EX | LOCK_NB) == 0 &&
	    (link_name(a->fd, a->dirfd, a->tmp) == 0 ||
	     (errno == EEXIST && drop_stale(a->dirfd, a->tmp) &&
	      link_name(a->fd, a->dirfd, a->tmp) == 0)))
		return true;
	a->tmp[0] = '\0';
	return false;
}

/* A file without a name, or -1: not here, or it could not be named later. */
static int open_unnamed(int dirfd, mode_t mode)
{
	AC_CLOSE int fd =
		openat(dirfd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, mode);

	if (fd >= 0 && geteuid() != 0 && access("/proc/self/fd", X_OK) != 0)
		return -1;
	return ac_steal_fd(&fd);
}

int ac_atomic_open(struct ac_atomic *a, int dirfd, const char *name,
		   mode_t mode, struct ac_err *err)
{
	if (strchr(name, '/') != NULL || name[0] == '\0' ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return ac_err_set(err, AC_E_INVALID, "bad file name '%s'",
				  name);
	a->tmp[0] = '\0';
	a->fresh = false;
	a->fd = open_unnamed(dirfd, mode);
	if (a->fd < 0) {
		if (random_name(a, err) < 0)
			return -1;
		a->fd = openat(dirfd, a->tmp,
			       O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	}
	if (a->fd < 0)
		return ac_err_sys(err, errno, "create '%s'", name);
	a->dirfd = dirfd;
	a->name = name;
	return 0;
}

/* From the temporary name to the final one, and then tmp is "". */
static int move(struct ac_atomic *a)
{
	/* A file system that does not know the flag has link(2), as a rule. */
	int r = !a->fresh ? renameat(a->dirfd, a->tmp, a->dirfd, a->name)
			  : renameat2(a->dirfd, a->tmp, a->dirfd, a->name,
				      RENAME_NOREPLACE);

	if (r < 0 && a->fresh && errno == EINVAL &&
	    linkat(a->dirfd, a->tmp, a->dirfd, a->name, 0) == 0)
		r = unlinkat(a->dirfd, a->tmp, 0);
	if (r == 0)
		a->tmp[0] = '\0'; /* release() has nothing to undo */
	return r;
}

static int tell_move(const struct ac_atomic *a, struct ac_err *err)
{
	if (!a->fresh || errno != EEXIST)
		return ac_err_sys(err, errno, "rename to '%s'", a->name);
	return ac_err_set(err, AC_E_EXISTS,
			  "'%s' is there by now, made by somebody else "
			  "meanwhile",
			  a->name);
}

int ac_atomic_commit(struct ac_atomic *a, struct ac_err *err)
{
	assert(a->name != NULL); /* opened before */
	if (fsync(a->fd) < 0)
		return ac_err_sys(err, errno, "flush '%s'", a->name);
	return ac_atomic_commit_unflushed(a, err);
}

int ac_atomic_commit_unflushed(struct ac_atomic *a, struct ac_err *err)
{
	assert(a->name != NULL);
	/* A name that is not taken needs no other on the way, which whoever is
	 * killed in between would leave behind. */
	if (a->tmp[0] == '\0' && link_name(a->fd, a->dirfd, a->name) == 0) {
		(void)close(ac_steal_fd(&a->fd));
		return 0;
	}
	if (a->tmp[0] == '\0' && !link_own_name(a)) {
		if (random_name(a, err) < 0)
			return -1;
		if (link_name(a->fd, a->dirfd, a->tmp) < 0) {
			a->tmp[0] = '\0';
			return ac_err_sys(err, errno, "create '%s'", a->name);
		}
	}
	if (move(a) < 0)
		return tell_move(a, err);
	(void)close(ac_steal_fd(&a->fd));
	return 0;
}

int ac_atomic_sync_dir(int dirfd, struct ac_err *err)
{
	AC_CLOSE int fd =
		openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return ac_err_sys(err, errno, "flush the directory");
	return 0;
}

int ac_atomic_write(int dirfd, const char *name, mode_t mode, const void *p,
		    size_t n, struct ac_err *err)
{
	AC_CLEANUP(ac_atomic_release) struct ac_atomic a = AC_ATOMIC_INIT;

	if (ac_atomic_open(&a, dirfd, name, mode, err) < 0 ||
	    ac_io_write(a.fd, p, n, name, err) < 0)
		return -1;
	return ac_atomic_commit(&a, err);
}

void ac_atomic_release(struct ac_atomic *a)
{
	int saved = errno;

	if (a->fd >= 0) {
		(void)close(a->fd);
		if (a->tmp[0] != '\0')
			(void)unlinkat(a->dirfd, a->tmp, 0);
	}
	*a = AC_ATOMIC_INIT;
	errno = saved;
}
