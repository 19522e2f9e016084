/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/sys/at.h"
#include "common/sys/treewr_priv.h"

enum { OPEN_DIR = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* Remember the first LEN bytes of PATH as a directory. */
static struct treewr_dir *remember(struct ac_treewr *w,
				   struct treewr_dir *parent, const char *path,
				   size_t len)
{
	struct treewr_dir *d = ac_xcalloc(1, sizeof(*d) + len + 1);

	memcpy(d->path, path, len);
	d->len = len;
	d->parent = parent;
	d->name = d->path;
	if (parent != NULL && parent->len != 0)
		d->name += parent->len + 1;
	d->fd = -1;
	d->mode = 0755;
	if ((w->n_dirs & (w->n_dirs - 1)) == 0)
		w->dirs =
			ac_xrealloc(w->dirs, w->n_dirs != 0 ? w->n_dirs * 2 : 1,
				    sizeof(struct treewr_dir *));
	w->dirs[w->n_dirs++] = d;
	ac_map_put(&w->dir_map, d->path, len, d);
	return d;
}

void treewr_init_dirs(struct ac_treewr *w)
{
	struct stat st;

	w->last = remember(w, NULL, "", 0);
	w->last->adopted = true;
	if (w->o.shared_root)
		return;
	/* Inherited; new files would inherit them in turn, and all be other
	 * than asked for. */
	(void)fremovexattr(w->root, "system.posix_acl_default");
	(void)fremovexattr(w->root, "system.posix_acl_access");
	if (fstat(w->root, &st) == 0 && st.st_mode & S_ISGID)
		(void)fchmod(w->root, st.st_mode & 05777);
}

struct treewr_dir *treewr_known(struct ac_treewr *w, const char *path,
				size_t len)
{
	if (w->last->len == len && memcmp(w->last->path, path, len) == 0)
		return w->last;
	return ac_map_get(&w->dir_map, path, len);
}

/* Keep the open directory D in the place of the one used longest ago. */
static void keep(struct ac_treewr *w, struct treewr_dir *d, int fd)
{
	unsigned int slot = 0;
	struct treewr_dir *old;

	for (unsigned int i = 1; i < AC_TREEWR_FDS; i++)
		if (w->cache[i].used < w->cache[slot].used)
			slot = i;
	old = w->cache[slot].dir;
	if (old != NULL) {
		ac_own_closep(&old->fd);
		old->fd = -1;
	}
	w->cache[slot].dir = d;
	d->slot = slot;
	d->fd = fd;
}

int treewr_dirfd(struct ac_treewr *w, struct treewr_dir *d, struct ac_err *err)
{
	if (d->parent == NULL)
		return w->root;
	if (d->fd < 0) {
		int fd;

		if (d->parent->fd >= 0)
			fd = openat(d->parent->fd, d->name, OPEN_DIR);
		else
			fd = ac_at_open(w->root, d->path, OPEN_DIR, 0, err);
		if (fd < 0)
			return d->parent->fd >= 0
				       ? ac_err_sys(err, errno, "open '%s'",
						    d->path)
				       : -1;
		keep(w, d, fd);
	}
	w->cache[d->slot].used = ++w->clock;
	return d->fd;
}

/* Something is where the directory PATH should be (LEN bytes of it).  Take it
 * when it is one.  It may be setgid, or have a default ACL: from now on nothing
 * is known about what a new file gets by itself. */
static struct treewr_dir *adopt(struct ac_treewr *w, struct treewr_dir *parent,
				const char *path, size_t len, int fd,
				const char *name, struct ac_err *err)
{
	struct treewr_dir *d;
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		(void)ac_err_sys(err, errno, "stat '%.*s'", (int)len, path);
		return NULL;
	}
	if (!S_ISDIR(st.st_mode)) {
		(void)ac_err_set(err, AC_E_INVALID,
				 "'%s': '%.*s' is %s in the same tree, not a "
				 "directory",
				 path, (int)len, path,
				 S_ISLNK(st.st_mode) ? "a symbolic link"
						     : "another kind of file");
		return NULL;
	}
	d = remember(w, parent, path, len);
	d->adopted = true;
	w->o.shared_root = true;
	w->fresh_known = false;
	return d;
}

/* Make the directory that the first LEN bytes of PATH name, in PARENT.  MODE
 * is what it will have at the end. */
static struct treewr_dir *make(struct ac_treewr *w, struct treewr_dir *parent,
			       const char *path, size_t len, mode_t mode,
			       struct ac_err *err)
{
	char name[256];
	size_t skip = parent->len != 0 ? parent->len + 1 : 0;
	mode_t made = (mode & 0777) | 0700; /* we write into it */
	struct treewr_dir *d;
	bool opaque = false;
	int fd = treewr_dirfd(w, parent, err);

	if (fd < 0)
		return NULL;
	memcpy(name, path + skip, len - skip);
	name[len - skip] = '\0';
	while (mkdirat(fd, name, made) < 0) {
		if (errno != EEXIST) {
			(void)ac_err_sys(err, errno, "make directory '%.*s'",
					 (int)len, path);
			return NULL;
		}
		if (!treewr_unwhite(w, path, len, fd, name))
			return adopt(w, parent, path, len, fd, name, err);
		opaque = true; /* what it hid stays hidden */
	}
	d = remember(w, parent, path, len);
	d->made = made;
	d->opaque = opaque;
	return d;
}

static int count_implied(struct ac_treewr *w, const char *path,
			 struct ac_err *err)
{
	if (treewr_count(w, path, err) < 0)
		return -1;
	w->implied++;
	return w->o.max_entries != 0
		       ? ac_limit_implied(w->implied, w->entries - w->implied,
					  path, err)
		       : 0;
}

static int tell_implied(struct ac_treewr *w, const struct treewr_dir *d,
			struct ac_err *err)
{
	const struct ac_entry e = {.type = AC_F_DIR,
				   .path = d->path,
				   .mode = 0755};

	if (d->adopted)
		return 0;
	if (count_implied(w, d->path, err) < 0)
		return -1;
	return treewr_tell(w, w->o.implied, &e, err);
}

/* The directory in the first LEN bytes of PATH, with all above it. */
static struct treewr_dir *get(struct ac_treewr *w, const char *path, size_t len,
			      struct ac_err *err)
{
	struct treewr_dir *d = treewr_known(w, path, len);
	size_t at = len;

	if (d != NULL)
		return d;
	while (d == NULL) {
		const char *slash = memrchr(path, '/', at);

		at = slash != NULL ? (size_t)(slash - path) : 0;
		d = treewr_known(w, path, at);
	}
	while (at < len) {
		struct treewr_dir *next;
		const char *slash;

		at += at != 0;
		slash = memchr(path + at, '/', len - at);
		at = slash != NULL ? (size_t)(slash - path) : len;
		next = make(w, d, path, at, 0755, err);
		if (next == NULL || tell_implied(w, next, err) < 0)
			return NULL;
		d = next;
	}
	return d;
}

struct treewr_dir *treewr_dir(struct ac_treewr *w, const char *path,
			      struct ac_err *err)
{
	return get(w, path, strlen(path), err);
}

struct treewr_dir *treewr_parent(struct ac_treewr *w, const char *path,
				 const char **base, struct ac_err *err)
{
	const char *slash = strrchr(path, '/');
	struct treewr_dir *d;

	*base = slash != NULL ? slash + 1 : path;
	d = get(w, path, slash != NULL ? (size_t)(slash - path) : 0, err);
	if (d != NULL)
		w->last = d;
	return d;
}

int treewr_add_dir(struct ac_treewr *w, const struct ac_entry *e,
		   struct ac_err *err)
{
	size_t len = strlen(e->path);
	struct treewr_dir *d = treewr_known(w, e->path, len);
	const char *base;

	if (d == NULL) {
		struct treewr_dir *parent =
			treewr_parent(w, e->path, &base, err);

		if (parent != NULL)
			d = make(w, parent, e->path, len, e->mode, err);
		if (d == NULL)
			return -1;
	}
	d->named = true;
	d->mode = e->mode & 07777;
	d->uid = e->uid;
	d->gid = e->gid;
	d->mtime = e->mtime;
	d->mtime_ns = e->mtime_ns;
	free(d->xattrs);
	d->xattrs = treewr_copy_xattrs(e);
	return treewr_tell(w, w->o.note, e, err);
}

int treewr_finish_dirs(struct ac_treewr *w, struct ac_err *err)
{
	/* Children first: their parents may become closed to us. */
	for (size_t i = w->n_dirs; i-- > 0;) {
		struct treewr_dir *d = w->dirs[i];
		int fd = w->root;

		if (d->adopted && !d->named && !d->opaque)
			continue;
		if (d->parent != NULL)
			fd = treewr_dirfd(w, d->parent, err);
		if (fd < 0 || treewr_set_dir(w, fd, d, err) < 0)
			return -1;
	}
	return 0;
}

void treewr_release_dirs(struct ac_treewr *w)
{
	for (size_t i = 0; i < w->n_dirs; i++) {
		ac_own_closep(&w->dirs[i]->fd);
		free(w->dirs[i]->xattrs);
		free(w->dirs[i]);
	}
	free(w->dirs);
	ac_map_release(&w->dir_map);
}
