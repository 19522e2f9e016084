/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/treerd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/at.h"
#include "common/sys/holes.h"
#include "common/sys/treerd_priv.h"

enum {
	MAX_PATH = 4095,
	MAX_TARGET = 4096,
	DIRENTS = 32 << 10,
};

/* A directory on the way to where we are. */
struct level {
	struct level *up;
	struct ac_strv names; /* sorted */
	size_t next;
	size_t len; /* of its path */
};

/* A file that has several names. */
struct seen {
	dev_t dev;
	ino_t ino;
	char path[];
};

struct ac_treerd {
	int root; /* borrowed */
	bool started;
	struct level *level;
	int dir; /* the directory of level: owned, or root's number */
	char path[MAX_PATH + 1];
	size_t len;
	char target[MAX_TARGET];
	int fd;         /* of the file told last; owned, or -1 */
	struct stat st; /* of it, before it was read */
	struct ac_map inodes;
	struct treerd_xattrs xattrs;
	struct ac_holes holes;
	bool holes_on_disk;
	char *dirents;
};

struct ac_treerd *ac_treerd_new(int rootfd)
{
	struct ac_treerd *r = ac_xcalloc(1, sizeof(*r));

	r->root = rootfd;
	r->dir = rootfd;
	r->fd = -1;
	r->dirents = ac_xmalloc(DIRENTS);
	return r;
}

struct ac_treerd *ac_treerd_new_at(int dirfd, const char *name)
{
	struct ac_treerd *r = ac_treerd_new(dirfd);

	r->level = ac_xcalloc(1, sizeof(*r->level));
	ac_strv_push(&r->level->names, name);
	r->started = true;
	return r;
}

void ac_treerd_holes_on_disk(struct ac_treerd *r)
{
	r->holes_on_disk = true;
}

void ac_treerd_overlay_xattrs(struct ac_treerd *r)
{
	r->xattrs.overlay = true;
}

const struct stat *ac_treerd_stat(const struct ac_treerd *r)
{
	return &r->st;
}

static void close_dir(struct ac_treerd *r)
{
	if (r->dir != r->root)
		ac_own_closep(&r->dir);
	r->dir = r->root;
}

static void pop(struct ac_treerd *r)
{
	struct level *l = r->level;

	r->level = l->up;
	ac_strv_release(&l->names);
	free(l);
}

void ac_treerd_free(struct ac_treerd *r)
{
	if (r == NULL)
		return;
	while (r->level != NULL)
		pop(r);
	close_dir(r);
	ac_own_closep(&r->fd);
	for (size_t i = 0; i < r->inodes.cap; i++)
		free(r->inodes.slots[i].value);
	ac_map_release(&r->inodes);
	treerd_release_xattrs(&r->xattrs);
	ac_holes_release(&r->holes);
	free(r->dirents);
	free(r);
}

static const char *shown(const struct ac_treerd *r)
{
	return r->len != 0 ? r->path : ".";
}

static int sys(const struct ac_treerd *r, const char *what, struct ac_err *err)
{
	return ac_err_sys(err, errno, "%s '%s'", what, shown(r));
}

/* Step into the directory FD, now ours: list its names. */
static int enter(struct ac_treerd *r, int fd, struct ac_err *err)
{
	struct level *l = ac_xcalloc(1, sizeof(*l));
	ssize_t n;

	l->up = r->level;
	l->len = r->len;
	r->level = l;
	close_dir(r);
	r->dir = fd;
	while ((n = getdents64(fd, r->dirents, DIRENTS)) > 0) {
		const struct dirent64 *d;

		for (ssize_t at = 0; at < n; at += d->d_reclen) {
			d = (const void *)(r->dirents + at);
			if (strcmp(d->d_name, ".") != 0 &&
			    strcmp(d->d_name, "..") != 0)
				ac_strv_push(&l->names, d->d_name);
		}
	}
	if (n < 0)
		return sys(r, "read directory", err);
	ac_strv_sort(&l->names);
	return 0;
}

/* Back to the directory above. */
static int leave(struct ac_treerd *r, struct ac_err *err)
{
	pop(r);
	close_dir(r);
	if (r->level == NULL)
		return 0;
	r->len = r->level->len;
	r->path[r->len] = '\0';
	if (r->len == 0)
		return 0;
	r->dir = ac_at_open(r->root, r->path, O_RDONLY | O_DIRECTORY, 0, err);
	if (r->dir < 0) {
		r->dir = r->root;
		return -1;
	}
	return 0;
}

/* The file told last must be what it was: its size went into an archive's
 * header before its bytes. */
static int check_last(struct ac_treerd *r, struct ac_err *err)
{
	struct stat st;
	int bad;

	if (r->fd < 0)
		return 0;
	if (fstat(r->fd, &st) < 0)
		return sys(r, "stat", err);
	bad = st.st_size != r->st.st_size ||
	      st.st_mtim.tv_sec != r->st.st_mtim.tv_sec ||
	      st.st_mtim.tv_nsec != r->st.st_mtim.tv_nsec;
	ac_own_closep(&r->fd);
	r->fd = -1;
	if (bad)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' changed while it was read", shown(r));
	return 0;
}

/* The name under which the file was told before, or NULL after noting this
 * one. */
static const char *seen_as(struct ac_treerd *r)
{
	struct seen key = {.dev = r->st.st_dev, .ino = r->st.st_ino};
	struct seen *s;
	size_t size = offsetof(struct seen, path);

	s = ac_map_get(&r->inodes, &key, size);
	if (s != NULL)
		return s->path;
	s = ac_xcalloc(1, size + r->len + 1);
	s->dev = key.dev;
	s->ino = key.ino;
	memcpy(s->path, r->path, r->len + 1);
	ac_map_put(&r->inodes, s, size, s);
	return NULL;
}

static int fill_link(struct ac_treerd *r, const char *name, struct ac_entry *e,
		     struct ac_err *err)
{
	ssize_t n = readlinkat(r->dir, name, r->target, sizeof(r->target));

	if (n < 0)
		return sys(r, "read the link", err);
	if (n == (ssize_t)sizeof(r->target))
		return ac_err_set(err, AC_E_LIMIT,
				  "'%s': its target is longer than a path may "
				  "be",
				  shown(r));
	r->target[n] = '\0';
	e->link = r->target;
	return 0;
}

static int fill_type(struct ac_treerd *r, struct ac_entry *e,
		     struct ac_err *err)
{
	switch (r->st.st_mode & S_IFMT) {
	case S_IFREG:
		e->type = AC_F_REG;
		e->size = (uint64_t)r->st.st_size;
		return 0;
	case S_IFDIR:
		e->type = AC_F_DIR;
		return 0;
	case S_IFLNK:
		e->type = AC_F_LINK;
		return 0;
	case S_IFCHR:
	case S_IFBLK:
		e->type = S_ISCHR(r->st.st_mode) ? AC_F_CHR : AC_F_BLK;
		e->dev_major = major(r->st.st_rdev);
		e->dev_minor = minor(r->st.st_rdev);
		return 0;
	case S_IFIFO:
		e->type = AC_F_FIFO;
		return 0;
	default:
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is a socket, which no image can hold; "
				  "remove it first",
				  shown(r));
	}
}

/* Everything of *e that r->st knows. */
static int fill(struct ac_treerd *r, struct ac_entry *e, struct ac_err *err)
{
	*e = (struct ac_entry){.path = r->path,
			       .mode = r->st.st_mode & 07777,
			       .uid = r->st.st_uid,
			       .gid = r->st.st_gid,
			       .mtime = r->st.st_mtim.tv_sec,
			       .mtime_ns = (uint32_t)r->st.st_mtim.tv_nsec};
	return fill_type(r, e, err);
}

/* Open what can be opened without doing harm: a device would act on it, a fifo
 * wait.  *fd stays -1 for those. */
static int look(struct ac_treerd *r, const char *name, int *fd,
		struct ac_err *err)
{
	if (fstatat(r->dir, name, &r->st, AT_SYMLINK_NOFOLLOW) < 0)
		return sys(r, "stat", err);
	if (!S_ISREG(r->st.st_mode) && !S_ISDIR(r->st.st_mode))
		return 0;
	*fd = openat(r->dir, name,
		     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
			     (S_ISDIR(r->st.st_mode) ? O_DIRECTORY : 0));
	if (*fd < 0)
		return sys(r, "open", err);
	if (S_ISREG(r->st.st_mode)) {
		if (fstat(*fd, &r->st) < 0)
			return sys(r, "stat", err);
		if (!S_ISREG(r->st.st_mode))
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' changed while it was read",
					  shown(r));
	}
	return 0;
}

static int find_holes(struct ac_treerd *r, int fd, struct ac_entry *e,
		      struct ac_err *err)
{
	return r->holes_on_disk
		       ? ac_holes_on_disk(&r->holes, fd, &r->st, shown(r), e,
					  err)
		       : ac_holes_find(&r->holes, fd, &r->st, shown(r), e, err);
}

/* Tell about NAME in the current directory, whose path is in r->path. */
static int tell(struct ac_treerd *r, const char *name, struct ac_entry *e,
		int *out, struct ac_err *err)
{
	AC_CLOSE int fd = -1;
	const char *first = NULL;

	if (look(r, name, &fd, err) < 0 || fill(r, e, err) < 0)
		return -1;
	if (e->type != AC_F_DIR && r->st.st_nlink > 1)
		first = seen_as(r);
	if (first != NULL) {
		e->type = AC_F_HARD;
		e->link = first;
		e->size = 0;
		return 1;
	}
	if (e->type == AC_F_LINK && fill_link(r, name, e, err) < 0)
		return -1;
	if (treerd_xattrs(&r->xattrs, fd, r->dir, name, shown(r), e, err) < 0)
		return -1;
	if (e->type == AC_F_REG) {
		if (find_holes(r, fd, e, err) < 0)
			return -1;
		*out = r->fd = ac_steal_fd(&fd);
	} else if (e->type == AC_F_DIR) {
		return enter(r, ac_steal_fd(&fd), err) < 0 ? -1 : 1;
	}
	return 1;
}

static int tell_root(struct ac_treerd *r, struct ac_entry *e,
		     struct ac_err *err)
{
	AC_CLOSE int fd =
		openat(r->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	r->started = true;
	if (fd < 0)
		return sys(r, "open", err);
	if (fstat(fd, &r->st) < 0)
		return sys(r, "stat", err);
	if (fill(r, e, err) < 0 ||
	    treerd_xattrs(&r->xattrs, fd, -1, "", shown(r), e, err) < 0)
		return -1;
	return enter(r, ac_steal_fd(&fd), err) < 0 ? -1 : 1;
}

int ac_treerd_next(struct ac_treerd *r, struct ac_entry *e, int *fd,
		   struct ac_err *err)
{
	const char *name;
	size_t n;

	*fd = -1;
	if (check_last(r, err) < 0)
		return -1;
	if (!r->started)
		return tell_root(r, e, err);
	while (r->level != NULL && r->level->next == r->level->names.n)
		if (leave(r, err) < 0)
			return -1;
	if (r->level == NULL)
		return 0;
	name = r->level->names.v[r->level->next++];
	n = strlen(name);
	r->len = r->level->len;
	if (r->len + 1 + n > MAX_PATH)
		return ac_err_set(err, AC_E_LIMIT,
				  "a path is longer than %d bytes: '%.200s...'",
				  MAX_PATH, r->path);
	if (r->len != 0)
		r->path[r->len++] = '/';
	memcpy(r->path + r->len, name, n + 1);
	r->len += n;
	return tell(r, name, e, fd, err);
}
