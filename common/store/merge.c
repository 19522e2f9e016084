/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/merge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/store/stack.h"
#include "common/sys/holes.h"
#include "common/sys/meta.h"
#include "common/sys/path.h"

/* One name in one layer's part of a directory. */
struct name {
	char *s;
	size_t part;
};

/* A directory being read: its parts, top first. */
struct frame {
	char *path;
	int *fds;      /* owned */
	size_t *layer; /* of each part */
	size_t n;
	struct name *names; /* sorted by name, then by part */
	size_t n_names, at;
	struct frame *up;
};

/* A file with several names, under the first one that was told. */
struct inode {
	struct {
		size_t layer;
		uint64_t ino;
	} key;
	char *path;
	struct inode *next;
};

struct ac_merge {
	const struct ac_merge_layer *layers;
	size_t n;
	struct frame *top;
	bool started;
	struct ac_meta meta;
	struct ac_holes holes;
	char *path; /* of the entry told last */
	int fd;
	struct ac_map inodes;
	struct inode *all; /* what .inodes points to */
};

struct ac_merge *ac_merge_new(const struct ac_merge_layer *layers, size_t n)
{
	struct ac_merge *m = ac_xcalloc(1, sizeof(*m));

	*m = (struct ac_merge){.layers = layers,
			       .n = n,
			       .meta = AC_META_INIT,
			       .fd = -1};
	return m;
}

static void pop(struct ac_merge *m)
{
	struct frame *f = m->top;

	m->top = f->up;
	for (size_t i = 0; i < f->n; i++)
		(void)close(f->fds[i]);
	for (size_t i = f->at; i < f->n_names; i++)
		free(f->names[i].s);
	free(f->names);
	free(f->fds);
	free(f->layer);
	free(f->path);
	free(f);
}

void ac_merge_free(struct ac_merge *m)
{
	if (m == NULL)
		return;
	while (m->top != NULL)
		pop(m);
	while (m->all != NULL) {
		struct inode *next = m->all->next;

		free(m->all->path);
		free(m->all);
		m->all = next;
	}
	ac_map_release(&m->inodes);
	ac_meta_release(&m->meta);
	ac_holes_release(&m->holes);
	free(m->path);
	if (m->fd >= 0)
		(void)close(m->fd);
	free(m);
}

static struct frame *push(struct ac_merge *m, const char *path)
{
	struct frame *f = ac_xcalloc(1, sizeof(*f));

	f->path = ac_xstrdup(path);
	f->fds = ac_xcalloc(m->n, sizeof(*f->fds));
	f->layer = ac_xcalloc(m->n, sizeof(*f->layer));
	f->up = m->top;
	m->top = f;
	return f;
}

static int add_part(struct frame *f, int dirfd, const char *name, size_t layer,
		    struct ac_err *err)
{
	int fd = openat(dirfd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s/%s' of a layer",
				  f->path, name);
	f->fds[f->n] = fd;
	f->layer[f->n++] = layer;
	return 0;
}

static int by_name(const void *pa, const void *pb)
{
	const struct name *a = pa;
	const struct name *b = pb;
	int c = strcmp(a->s, b->s);

	if (c != 0)
		return c;
	return a->part < b->part ? -1 : a->part > b->part;
}

static int read_part(struct frame *f, size_t part, struct ac_err *err)
{
	AC_CLOSEDIR DIR *d = NULL;
	AC_CLOSE int fd =
		openat(f->fds[part], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *de;

	if (fd < 0 || (d = fdopendir(fd)) == NULL)
		return ac_err_sys(err, errno, "read '%s' of a layer", f->path);
	(void)ac_steal_fd(&fd);
	while (errno = 0, (de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0)
			continue;
		if ((f->n_names & (f->n_names - 1)) == 0)
			f->names = ac_xrealloc(f->names,
					       f->n_names != 0 ? f->n_names * 2
							       : 1,
					       sizeof(*f->names));
		f->names[f->n_names++] =
			(struct name){.s = ac_xstrdup(de->d_name),
				      .part = part};
	}
	if (errno != 0)
		return ac_err_sys(err, errno, "read '%s' of a layer", f->path);
	return 0;
}

static int read_names(struct frame *f, struct ac_err *err)
{
	for (size_t i = 0; i < f->n; i++)
		if (read_part(f, i, err) < 0)
			return -1;
	if (f->n_names > 1)
		qsort(f->names, f->n_names, sizeof(*f->names), by_name);
	return 0;
}

static bool stays(const struct ac_merge_layer *l, const char *path, bool dir)
{
	return l->only == NULL || ac_set_has(l->only, path) ||
	       (dir && (path[0] == '\0' || ac_set_has(l->ways, path)));
}

/* What the parts of F together have under NAMES[0..n), all the same name.  The
 * part it comes from in *top: 1, or 0 when nothing is visible.  A directory is
 * pushed as a frame, still without its names. */
static int resolve(struct ac_merge *m, struct frame *f,
		   const struct name *names, size_t n, const char *path,
		   size_t *top, struct ac_err *err)
{
	size_t hidden = SIZE_MAX; /* image whose lower layers are */
	struct frame *dir = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t layer = f->layer[names[i].part];
		const struct ac_merge_layer *l = &m->layers[layer];
		int fd = f->fds[names[i].part];
		struct stat st;

		if (l->image == hidden)
			continue;
		if (fstatat(fd, names[i].s, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return ac_err_sys(err, errno, "stat '%s' of a layer",
					  path);
		/* As if it were not there, in this image at all. */
		if (ac_stack_whiteout(&st) ||
		    !stays(l, path, S_ISDIR(st.st_mode))) {
			hidden = l->image;
			continue;
		}
		if (!S_ISDIR(st.st_mode)) {
			if (dir == NULL)
				*top = names[i].part;
			return 1;
		}
		if (dir == NULL) {
			*top = names[i].part;
			dir = push(m, path);
		}
		if (add_part(dir, fd, names[i].s, layer, err) < 0)
			return -1;
		if (ac_stack_opaque(fd, names[i].s))
			hidden = l->image;
	}
	return dir != NULL;
}

/* Another name of a file that was told: an entry that says so. */
static void told_before(struct ac_merge *m, size_t layer)
{
	struct ac_entry *e = &m->meta.e;
	struct inode *i;

	if (m->meta.st.st_nlink < 2 || e->type == AC_F_DIR)
		return;
	i = ac_xcalloc(1, sizeof(*i));
	i->key.layer = layer;
	i->key.ino = m->meta.st.st_ino;
	if (ac_map_get(&m->inodes, &i->key, sizeof(i->key)) != NULL) {
		const struct inode *first =
			ac_map_get(&m->inodes, &i->key, sizeof(i->key));

		free(i);
		free((char *)(uintptr_t)e->link);
		e->link = ac_xstrdup(first->path);
		e->type = AC_F_HARD;
		e->size = 0;
		return;
	}
	i->path = ac_xstrdup(m->path);
	i->next = m->all;
	m->all = i;
	ac_map_put(&m->inodes, &i->key, sizeof(i->key), i);
}

static int tell(struct ac_merge *m, size_t layer, int dirfd, const char *name,
		struct ac_entry *e, int *fd, struct ac_err *err)
{
	if (ac_meta_read(&m->meta, dirfd, name, err) < 0)
		return ac_err_ctx(err, "'%s'", m->path);
	told_before(m, layer);
	if (m->meta.e.type == AC_F_REG) {
		m->fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (m->fd < 0)
			return ac_err_sys(err, errno, "open '%s' of a layer",
					  m->path);
		if (ac_holes_find(&m->holes, m->fd, &m->meta.st, m->path,
				  &m->meta.e, err) < 0)
			return -1;
	}
	m->meta.e.path = m->path;
	*e = m->meta.e;
	*fd = m->fd;
	return 1;
}

/* The root is the merge of all layers' roots, whatever whitelists say. */
static int start(struct ac_merge *m, struct ac_entry *e, int *fd,
		 struct ac_err *err)
{
	struct frame *f;

	if (m->n == 0)
		return 0;
	f = push(m, "");
	for (size_t i = m->n; i-- > 0;)
		if (add_part(f, m->layers[i].root, ".", i, err) < 0)
			return -1;
	if (read_names(f, err) < 0)
		return -1;
	m->path = ac_xstrdup("");
	return tell(m, m->n - 1, m->layers[m->n - 1].root, "", e, fd, err);
}

/* The next name of F: 1 told, 0 not visible, -1. */
static int advance(struct ac_merge *m, struct frame *f, struct ac_entry *e,
		   int *fd, struct ac_err *err)
{
	const struct name *first = &f->names[f->at];
	size_t n = 1;
	size_t top = 0;
	int r;

	while (f->at + n < f->n_names && strcmp(first[n].s, first->s) == 0)
		n++;
	free(m->path);
	m->path = ac_path_join(f->path, first->s);
	r = resolve(m, f, first, n, m->path, &top, err);
	if (r > 0 && m->top != f && read_names(m->top, err) < 0)
		r = -1;
	if (r > 0)
		r = tell(m, f->layer[top], f->fds[top], first->s, e, fd, err);
	for (size_t i = 0; i < n; i++)
		free(f->names[f->at + i].s);
	f->at += n;
	return r;
}

int ac_merge_next(struct ac_merge *m, struct ac_entry *e, int *fd,
		  struct ac_err *err)
{
	*fd = -1;
	ac_own_closep(&m->fd);
	m->fd = -1;
	if (!m->started) {
		m->started = true;
		return start(m, e, fd, err);
	}
	while (m->top != NULL) {
		struct frame *f = m->top;
		int r;

		if (f->at == f->n_names) {
			pop(m);
			continue;
		}
		r = advance(m, f, e, fd, err);
		if (r != 0)
			return r;
	}
	return 0;
}
