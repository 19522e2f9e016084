/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "acbuild/removed.h"
#include "acbuild/settle.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/store/below.h"
#include "common/sys/at.h"
#include "common/sys/interrupt.h"
#include "common/sys/path.h"
#include "common/sys/tree.h"
#include "common/sys/treerd.h"
#include "common/sys/treewr.h"

enum { TICK_MS = 20 }; /* more than file systems' clocks */

/* A file as it was: whatever is done to it changes one of these. */
struct was {
	dev_t dev;
	ino_t ino;
	struct timespec ctime;
	bool seen; /* it is still there */
	char path[];
};

struct target {
	int fd;
	struct was **all; /* in the order of the tree: parents first */
	size_t n;
	struct ac_map by_path;
	struct ac_set own; /* paths of the rootfs */
};

void target_freep(struct target **tp)
{
	struct target *t = *tp;

	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->all[i]);
	free(t->all);
	ac_map_release(&t->by_path);
	ac_set_release(&t->own);
	ac_own_closep(&t->fd);
	free(t);
	*tp = NULL;
}

static const struct ac_treewr_opts *write_opts(void)
{
	static struct ac_treewr_opts opts;

	opts.no_owner = opts.skip_devices = geteuid() != 0;
	return &opts;
}

static int copy_entry(void *ctx, const struct ac_entry *e, int fd,
		      struct ac_err *err)
{
	struct ac_treewr *w = ctx;

	if (ac_treewr_add(w, e, err) < 0)
		return -1;
	return e->type == AC_F_REG ? ac_treewr_copy(w, fd, err) : 0;
}

static int fill(struct target *t, const int *roots, size_t n,
		struct ac_err *err)
{
	struct ac_treewr *w = ac_treewr_new(t->fd, write_opts());
	int r = ac_merged_each(roots, n, copy_entry, w, err);

	if (r == 0)
		r = ac_treewr_finish(w, err);
	ac_treewr_free(w);
	return r;
}

/* Where PATH is: its directory, opened without following a link, and its last
 * name. */
static int open_parent(int root, const char *path, struct ac_str *base,
		       struct ac_err *err)
{
	struct ac_str dir;
	AC_FREE char *name = NULL;

	ac_path_split(path, &dir, base);
	name = ac_xstrndup(dir.p, dir.len);
	return ac_at_open(root, name, O_PATH | O_DIRECTORY, 0, err);
}

static int stat_path(int root, const char *path, struct stat *st,
		     struct ac_err *err)
{
	struct ac_str base;
	AC_CLOSE int dir = open_parent(root, path, &base, err);

	if (dir < 0)
		return -1;
	if (fstatat(dir, base.len != 0 ? base.p : "", st,
		    AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return ac_err_sys(err, errno, "stat '/%s'", path);
	return 0;
}

static int remember(struct target *t, struct ac_err *err)
{
	struct ac_treerd *r = ac_treerd_new(t->fd);
	struct ac_entry e;
	int fd;
	int more;

	while ((more = ac_treerd_next(r, &e, &fd, err)) > 0) {
		size_t len = strlen(e.path);
		struct was *was;
		struct stat st;

		if (stat_path(t->fd, e.path, &st, err) < 0) {
			more = -1;
			break;
		}
		was = ac_xmalloc(sizeof(*was) + len + 1);
		*was = (struct was){.dev = st.st_dev,
				    .ino = st.st_ino,
				    .ctime = st.st_ctim};
		memcpy(was->path, e.path, len + 1);
		t->all = ac_xrealloc(t->all, t->n + 1, sizeof(*t->all));
		t->all[t->n++] = was;
		ac_map_put(&t->by_path, was->path, len, was);
	}
	ac_treerd_free(r);
	return more;
}

struct target *target_make(struct work *w, const struct under *u,
			   struct ac_err *err)
{
	struct target *t = ac_xcalloc(1, sizeof(*t));
	const struct timespec tick = {.tv_nsec = TICK_MS * 1000000};

	*t = (struct target){.fd = -1,
			     .by_path = AC_MAP_INIT,
			     .own = AC_SET_INIT};
	u->roots[u->n] = w->rootfs;
	if (rootfs_paths(w, &t->own, err) < 0 ||
	    ac_tree_remove(w->dir, "target", err) < 0) {
		target_freep(&t);
		return NULL;
	}
	if (mkdirat(w->dir, "target", 0755) < 0)
		(void)ac_err_sys(err, errno, "create '.acbuild/target'");
	else
		t->fd = open_dir(w->dir, "target", err);
	if (t->fd < 0 || fill(t, u->roots, u->n + 1, err) < 0 ||
	    remember(t, err) < 0) {
		target_freep(&t);
		return NULL;
	}
	/* What is changed in the same tick of the clock would seem not to
	 * be. */
	(void)nanosleep(&tick, NULL);
	return t;
}

static bool is_same(const struct was *was, const struct stat *st)
{
	return was->dev == st->st_dev && was->ino == st->st_ino &&
	       was->ctime.tv_sec == st->st_ctim.tv_sec &&
	       was->ctime.tv_nsec == st->st_ctim.tv_nsec;
}

/* Does the entry PATH of the target belong into the rootfs? */
static int belongs(struct target *t, const char *path, struct ac_err *err)
{
	struct was *was = ac_map_get(&t->by_path, path, strlen(path));
	struct stat st;

	if (was != NULL)
		was->seen = true;
	if (path[0] == '\0' || was == NULL || ac_set_has(&t->own, path))
		return 1;
	if (stat_path(t->fd, path, &st, err) < 0)
		return -1;
	return !is_same(was, &st);
}

/* With the directories on the way, whose attributes nobody else knows. */
static void add_with_parents(struct ac_set *take, const char *path)
{
	AC_FREE char *p = ac_xstrdup(path);
	char *slash;

	while (ac_set_add(take, p) && (slash = strrchr(p, '/')) != NULL)
		*slash = '\0';
}

static int find_changed(struct target *t, struct ac_set *take,
			struct ac_err *err)
{
	struct ac_treerd *r = ac_treerd_new(t->fd);
	struct ac_entry e;
	int more;
	int fd;

	while ((more = ac_treerd_next(r, &e, &fd, err)) > 0) {
		int take_it = belongs(t, e.path, err);

		if (take_it < 0 || ac_interrupt_check(err) < 0) {
			more = -1;
			break;
		}
		if (take_it > 0)
			add_with_parents(take, e.path);
	}
	ac_treerd_free(r);
	return more;
}

static int copy_changed(struct target *t, const struct ac_set *take, int to,
			struct ac_err *err)
{
	struct ac_treewr *w = ac_treewr_new(to, write_opts());
	struct ac_treerd *r = ac_treerd_new(t->fd);
	struct ac_entry e;
	int more;
	int fd;

	while ((more = ac_treerd_next(r, &e, &fd, err)) > 0)
		if (ac_interrupt_check(err) < 0 ||
		    (ac_set_has(take, e.path) &&
		     copy_entry(w, &e, fd, err) < 0)) {
			more = -1;
			break;
		}
	if (more == 0)
		more = ac_treewr_finish(w, err);
	ac_treewr_free(w);
	ac_treerd_free(r);
	return more;
}

static int make_rootfs(struct target *t, int staging, struct ac_err *err)
{
	AC_CLEANUP(ac_set_release) struct ac_set take = AC_SET_INIT;
	AC_CLOSE int fd = -1;

	if (mkdirat(staging, "rootfs", 0755) < 0)
		return ac_err_sys(err, errno, "create a new rootfs");
	fd = open_dir(staging, "rootfs", err);
	if (fd < 0 || find_changed(t, &take, err) < 0)
		return -1;
	return copy_changed(t, &take, fd, err);
}

static int put_in_place(struct work *w, int staging, struct ac_err *err)
{
	if (renameat2(staging, "rootfs", w->aci, "rootfs", RENAME_EXCHANGE) < 0)
		return ac_err_sys(err, errno, "replace the rootfs");
	ac_own_closep(&w->rootfs);
	w->rootfs = open_dir(w->aci, "rootfs", err);
	return w->rootfs < 0 ? -1 : 0;
}

int target_take(struct target *t, struct work *w, struct under *u,
		struct ac_err *err)
{
	AC_CLOSE int staging = work_staging(w, err);

	if (staging < 0 || settle_copy(t->fd, err) < 0 ||
	    make_rootfs(t, staging, err) < 0 ||
	    put_in_place(w, staging, err) < 0)
		return -1;
	for (size_t i = 0; i < t->n; i++)
		if (!t->all[i]->seen &&
		    removed_add(u, t->all[i]->path, err) < 0)
			return -1;
	if (ac_tree_remove(w->dir, "target", err) < 0)
		return -1;
	return ac_tree_remove(w->dir, "staging", err);
}
