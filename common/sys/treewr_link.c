/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/sys/at.h"
#include "common/sys/treewr_priv.h"

static struct treewr_mark *mark(struct treewr_mark ***list, size_t *n,
				struct ac_map *map, const char *path)
{
	size_t len = strlen(path);
	struct treewr_mark *m = ac_xcalloc(1, sizeof(*m) + len + 1);

	memcpy(m->path, path, len);
	m->len = len;
	if ((*n & (*n - 1)) == 0)
		*list = ac_xrealloc(*list, *n != 0 ? *n * 2 : 1,
				    sizeof(struct treewr_mark *));
	(*list)[(*n)++] = m;
	ac_map_put(map, m->path, len, m);
	return m;
}

void treewr_skip(struct ac_treewr *w, const char *path)
{
	ac_debug("'%s' is left out: devices need root", path);
	(void)mark(&w->skipped, &w->n_skipped, &w->skipped_map, path);
}

bool treewr_unwhite(struct ac_treewr *w, const char *path, size_t len, int fd,
		    const char *base)
{
	struct treewr_mark *m = ac_map_get(&w->whiteout_map, path, len);

	if (m == NULL || unlinkat(fd, base, 0) < 0)
		return false;
	(void)ac_map_take(&w->whiteout_map, path, len);
	m->gone = true;
	return true;
}

int treewr_exists(struct ac_treewr *w, int fd, const char *path,
		  const char *base, struct ac_err *err)
{
	size_t len = strlen(path);

	if (treewr_unwhite(w, path, len, fd, base))
		return 0;
	if (ac_map_get(&w->dir_map, path, len) != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is a directory in the same tree, and "
				  "something else too",
				  path);
	return ac_err_set(err, AC_E_INVALID, "'%s' is in the tree already",
			  path);
}

/* A descriptor of the directory that PATH is in, without making any.  0: there
 * is none (yet).  *own is set when the caller must close it. */
static int find_parent(struct ac_treewr *w, const char *path, const char **base,
		       int *fd, int *own, struct ac_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;
	struct treewr_dir *d = treewr_known(w, path, len);
	AC_FREE char *dir = NULL;
	struct ac_err e;

	*base = slash != NULL ? slash + 1 : path;
	if (d != NULL) {
		*fd = treewr_dirfd(w, d, err);
		return *fd >= 0 ? 1 : -1;
	}
	dir = ac_xstrndup(path, len);
	*fd = *own = ac_at_open(w->root, dir, O_PATH | O_DIRECTORY, 0, &e);
	if (*fd >= 0)
		return 1;
	if (e.code == AC_E_NOT_FOUND)
		return 0;
	*err = e;
	err->code = e.sys == ENOTDIR ? AC_E_INVALID : e.code;
	return -1;
}

/* Make the link.  0: the target is not there. */
static int link_now(struct ac_treewr *w, const char *target, const char *path,
		    struct ac_err *err)
{
	AC_CLOSE int own = -1;
	const char *tbase;
	const char *base;
	struct treewr_dir *parent = treewr_parent(w, path, &base, err);
	int tfd;
	int fd;
	int r;

	if (parent == NULL)
		return -1;
	r = find_parent(w, target, &tbase, &tfd, &own, err);
	if (r < 0)
		return ac_err_ctx(err, "hard link '%s'", path);
	fd = r > 0 ? treewr_dirfd(w, parent, err) : 0;
	if (r == 0 || fd < 0)
		return r == 0 ? 0 : -1;
	while (linkat(tfd, tbase, fd, base, 0) < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			return ac_err_sys(err, errno, "hard link '%s' to '%s'",
					  path, target);
		if (treewr_exists(w, fd, path, base, err) < 0)
			return -1;
	}
	return 1;
}

static void link_later(struct ac_treewr *w, const struct ac_entry *e)
{
	struct treewr_late *l;

	if ((w->n_late & (w->n_late - 1)) == 0)
		w->late =
			ac_xrealloc(w->late, w->n_late != 0 ? w->n_late * 2 : 1,
				    sizeof(*w->late));
	l = &w->late[w->n_late++];
	*l = (struct treewr_late){.e = *e};
	l->e.path = l->path = ac_xstrdup(e->path);
	l->e.link = l->link = ac_xstrdup(e->link);
	l->e.xattrs = NULL;
	l->e.n_xattrs = 0;
	l->e.extents = NULL;
	l->e.n_extents = 0;
}

static int is_directory(const struct ac_entry *e, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "hard link '%s' to '%s': that is a directory",
			  e->path, e->link);
}

/* tar writes such a link for a file that it was told twice: nothing to do,
 * unless there is no file. */
static int to_itself(struct ac_treewr *w, const struct ac_entry *e,
		     struct ac_err *err)
{
	AC_CLOSE int own = -1;
	const char *base;
	struct stat st;
	int fd;
	int r = find_parent(w, e->path, &base, &fd, &own, err);

	if (r > 0 && fstatat(fd, base, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (r < 0)
		return -1;
	return ac_err_set(err, AC_E_INVALID, "'%s' is a hard link to itself",
			  e->path);
}

int treewr_add_hard(struct ac_treewr *w, const struct ac_entry *e,
		    struct ac_err *err)
{
	size_t len = strlen(e->link);
	int r;

	if (treewr_known(w, e->link, len) != NULL)
		return is_directory(e, err);
	if (ac_map_get(&w->skipped_map, e->link, len) != NULL) {
		treewr_skip(w, e->path);
		return 0;
	}
	if (strcmp(e->link, e->path) == 0)
		return to_itself(w, e, err);
	/* A whiteout stands for a file that is not there. */
	r = ac_map_get(&w->whiteout_map, e->link, len) != NULL
		    ? 0
		    : link_now(w, e->link, e->path, err);
	if (r < 0)
		return -1;
	if (r == 0) {
		const char *base;

		/* Its place must be there when it is settled. */
		if (treewr_parent(w, e->path, &base, err) == NULL)
			return -1;
		link_later(w, e);
		return 0;
	}
	return treewr_tell(w, w->o.note, e, err);
}

/* Which late link each one leads to: the file may only get its first name by
 * another late link. */
static void connect(struct ac_treewr *w)
{
	AC_CLEANUP(ac_map_release) struct ac_map paths = AC_MAP_INIT;

	for (size_t i = 0; i < w->n_late; i++)
		ac_map_put(&paths, w->late[i].e.path, strlen(w->late[i].e.path),
			   &w->late[i]);
	for (size_t i = 0; i < w->n_late; i++) {
		const char *link = w->late[i].e.link;
		struct treewr_late *to = ac_map_get(&paths, link, strlen(link));

		w->late[i].to = to != NULL ? (size_t)(to - w->late) : SIZE_MAX;
	}
}

static int settle(struct ac_treewr *w, struct treewr_late *l,
		  struct ac_err *err)
{
	size_t len = strlen(l->e.link);
	int r = 0;

	if (treewr_known(w, l->e.link, len) != NULL)
		return is_directory(&l->e, err);
	if (ac_map_get(&w->whiteout_map, l->e.link, len) == NULL)
		r = link_now(w, l->e.link, l->e.path, err);
	if (r < 0)
		return -1;
	if (r > 0)
		return treewr_tell(w, w->o.note, &l->e, err);
	if (w->o.dangling == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "hard link '%s' to '%s': there is no such "
				  "file in the tree",
				  l->e.path, l->e.link);
	return treewr_tell(w, w->o.dangling, &l->e, err);
}

int treewr_finish_links(struct ac_treewr *w, struct ac_err *err)
{
	AC_FREE size_t *stack = ac_xcalloc(w->n_late + 1, sizeof(*stack));

	connect(w);
	for (size_t i = 0; i < w->n_late; i++) {
		size_t n = 0;

		/* Targets first; a circle is cut where it closes. */
		for (size_t at = i; at != SIZE_MAX && !w->late[at].seen;
		     at = w->late[at].to) {
			w->late[at].seen = true;
			stack[n++] = at;
		}
		while (n != 0)
			if (settle(w, &w->late[stack[--n]], err) < 0)
				return -1;
	}
	return 0;
}

int treewr_finish_whiteouts(struct ac_treewr *w, struct ac_err *err)
{
	/* Below an opaque directory there is nothing to hide, and a whiteout
	 * would show.  Parents stand before their children in the list. */
	for (size_t i = 0; i < w->n_dirs; i++) {
		struct treewr_dir *d = w->dirs[i];

		d->hidden = d->opaque || (i != 0 && d->parent->hidden);
	}
	for (size_t i = 0; i < w->n_whiteouts; i++) {
		const struct treewr_mark *m = w->whiteouts[i];
		const char *slash = strrchr(m->path, '/');
		const struct ac_entry e = {.type = AC_F_CHR, .path = m->path};
		int fd;

		if (m->gone)
			continue;
		if (!m->parent->hidden) {
			if (treewr_tell(w, w->o.note, &e, err) < 0)
				return -1;
			continue;
		}
		fd = treewr_dirfd(w, m->parent, err);
		if (fd < 0)
			return -1;
		if (unlinkat(fd, slash != NULL ? slash + 1 : m->path, 0) < 0)
			return ac_err_sys(err, errno, "remove '%s'", m->path);
	}
	return 0;
}

void treewr_release_links(struct ac_treewr *w)
{
	for (size_t i = 0; i < w->n_late; i++) {
		free(w->late[i].path);
		free(w->late[i].link);
	}
	for (size_t i = 0; i < w->n_whiteouts; i++)
		free(w->whiteouts[i]);
	for (size_t i = 0; i < w->n_skipped; i++)
		free(w->skipped[i]);
	free(w->late);
	free(w->whiteouts);
	free(w->skipped);
	ac_map_release(&w->whiteout_map);
	ac_map_release(&w->skipped_map);
}

int ac_treewr_whiteout(struct ac_treewr *w, const char *path,
		       struct ac_err *err)
{
	const char *base;
	struct treewr_dir *known;
	struct treewr_dir *parent;
	int fd;

	if (treewr_begin(w, path, err) < 0)
		return -1;
	if (*path == '\0')
		return ac_err_set(err, AC_E_INVALID,
				  "a whiteout of the root itself");
	parent = treewr_parent(w, path, &base, err);
	fd = parent != NULL ? treewr_dirfd(w, parent, err) : -1;
	if (fd < 0)
		return -1;
	/* It hides what is below; what this tree has there itself stays, a
	 * directory alone. */
	known = ac_map_get(&w->dir_map, path, strlen(path));
	if (known != NULL) {
		known->opaque = true;
		return 0;
	}
	if (mknodat(fd, base, S_IFCHR, makedev(0, 0)) < 0) {
		if (errno == EEXIST)
			return 0;
		return ac_err_sys(err, errno, "make the whiteout of '%s'",
				  path);
	}
	mark(&w->whiteouts, &w->n_whiteouts, &w->whiteout_map, path)->parent =
		parent;
	return 0;
}

int ac_treewr_opaque(struct ac_treewr *w, const char *path, struct ac_err *err)
{
	struct treewr_dir *d;

	if (treewr_begin(w, path, err) < 0)
		return -1;
	d = treewr_dir(w, path, err);
	if (d == NULL)
		return -1;
	d->opaque = true;
	return 0;
}
