/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"

enum {
	OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	DIRENTS = 32 << 10,
	MAX_RESCANS = 16,
};

/* A directory that is being emptied.  Only the innermost one is open: the way
 * back is "..", and what is found there must be the same directory. */
struct level {
	struct level *up;
	char *name; /* in the directory above, owned */
	dev_t dev;
	ino_t ino;
	struct ac_strv dirs; /* directories in it, still to be emptied */
	size_t next;
	unsigned int rescans;
};

struct removal {
	const char *top; /* as the caller named it, for messages */
	struct level *level;
	int fd; /* of the innermost directory, owned */
	char *dirents;
};

static void pop(struct removal *r)
{
	struct level *l = r->level;

	r->level = l->up;
	ac_strv_release(&l->dirs);
	free(l->name);
	free(l);
}

static void release(struct removal *r)
{
	while (r->level != NULL)
		pop(r);
	ac_own_closep(&r->fd);
	free(r->dirents);
}

static int fail(const struct removal *r, int e, const char *name,
		struct ac_err *err)
{
	if (r->level == NULL)
		(void)ac_err_sys(err, e, "remove '%s'", r->top);
	else
		(void)ac_err_sys(err, e, "remove '%s' in '%s'", name, r->top);
	return -1;
}

/* Open NAME in DIRFD, a directory that may be closed to us though it is ours.
 * Its mode is changed by descriptor, so that no link is followed. */
static int open_dir(int dirfd, const char *name)
{
	AC_CLOSE int path = -1;
	char proc[32];
	int fd = openat(dirfd, name, OPEN_DIR);

	if (fd >= 0 || errno != EACCES)
		return fd;
	path = openat(dirfd, name, OPEN_DIR | O_PATH);
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", path);
	if (path < 0 || chmod(proc, 0700) < 0) {
		errno = EACCES;
		return -1;
	}
	return openat(dirfd, name, OPEN_DIR);
}

static int push(struct removal *r, int dirfd, const char *name,
		struct ac_err *err)
{
	AC_CLOSE int fd = open_dir(dirfd, name);
	struct level *l;
	struct statx sx;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(r, errno, name, err);
	if (statx(fd, "", AT_EMPTY_PATH, 0, &sx) == 0 &&
	    sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) {
		(void)ac_err_set(err, AC_E_BUSY,
				 "remove '%s': '%s' is a mount point; unmount "
				 "it first",
				 r->top, name);
		return -1;
	}
	l = ac_xcalloc(1, sizeof(*l));
	*l = (struct level){.up = r->level,
			    .name = ac_xstrdup(name),
			    .dev = st.st_dev,
			    .ino = st.st_ino};
	r->level = l;
	ac_own_closep(&r->fd);
	r->fd = ac_steal_fd(&fd);
	return 0;
}

/* unlinkat, once more after a directory that is ours was closed to us. */
static int unlink_in(int dirfd, const char *name, int flags)
{
	int r = unlinkat(dirfd, name, flags);

	if (r < 0 && errno == EACCES && fchmod(dirfd, 0700) == 0)
		r = unlinkat(dirfd, name, flags);
	return r == 0 || errno == ENOENT ? 0 : -1;
}

static int drop(struct removal *r, const struct dirent64 *d, struct ac_err *err)
{
	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return 0;
	if (d->d_type != DT_DIR) {
		if (unlink_in(r->fd, d->d_name, 0) == 0)
			return 0;
		if (errno != EISDIR)
			return fail(r, errno, d->d_name, err);
	}
	ac_strv_push(&r->level->dirs, d->d_name);
	return 0;
}

/* Remove the files of the innermost directory, note its directories. */
static int sweep(struct removal *r, struct ac_err *err)
{
	ssize_t n;

	while ((n = getdents64(r->fd, r->dirents, DIRENTS)) > 0) {
		const struct dirent64 *d;

		for (ssize_t at = 0; at < n; at += d->d_reclen) {
			d = (const void *)(r->dirents + at);
			if (drop(r, d, err) < 0)
				return -1;
		}
	}
	return n < 0 ? fail(r, errno, ".", err) : 0;
}

/* Go back to the directory above and remove the one we were in.  1 when it
 * was not empty yet, and we are in it again. */
static int ascend(struct removal *r, struct ac_err *err)
{
	struct level *l = r->level;
	AC_CLOSE int up = openat(r->fd, "..", OPEN_DIR);
	struct stat st;

	if (up < 0 || fstat(up, &st) < 0)
		return fail(r, errno, l->name, err);
	if (st.st_dev != l->up->dev || st.st_ino != l->up->ino)
		return ac_err_set(err, AC_E_BUSY,
				  "remove '%s': '%s' was moved meanwhile",
				  r->top, l->name);
	if (unlink_in(up, l->name, AT_REMOVEDIR) < 0) {
		/* Some file systems leave out names when others go. */
		if (errno == ENOTEMPTY && l->rescans++ < MAX_RESCANS &&
		    lseek(r->fd, 0, SEEK_SET) == 0)
			return 1;
		return fail(r, errno, l->name, err);
	}
	pop(r);
	ac_own_closep(&r->fd);
	r->fd = ac_steal_fd(&up);
	return 0;
}

/* Empty the innermost directory and those in it, until TOP is empty. */
static int empty(struct removal *r, struct ac_err *err)
{
	if (sweep(r, err) < 0)
		return -1;
	for (;;) {
		struct level *l = r->level;
		int again = 0;

		if (l->next < l->dirs.n) {
			if (push(r, r->fd, l->dirs.v[l->next++], err) < 0 ||
			    sweep(r, err) < 0)
				return -1;
			continue;
		}
		if (l->up == NULL)
			return 0;
		again = ascend(r, err);
		if (again < 0 || (again > 0 && sweep(r, err) < 0))
			return -1;
	}
}

int ac_tree_remove(int dirfd, const char *name, struct ac_err *err)
{
	AC_CLEANUP(release) struct removal r = {.top = name, .fd = -1};
	struct stat st;
	int e;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* A read-only file system says no before it looks. */
	e = errno;
	if (e == EROFS && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT)
		return 0;
	/* Landlock may let us remove directories and no files. */
	if (e == EACCES &&
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode))
		e = EISDIR;
	if (e != EISDIR)
		return fail(&r, e, name, err);
	r.dirents = ac_xmalloc(DIRENTS);
	if (push(&r, dirfd, name, err) < 0)
		return -1;
	/* Twice: see ascend. */
	for (int i = 0; i < 2; i++) {
		if (empty(&r, err) < 0)
			return -1;
		if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
			return 0;
		if (errno != ENOTEMPTY || lseek(r.fd, 0, SEEK_SET) < 0)
			break;
	}
	return fail(&r, errno, name, err);
}
