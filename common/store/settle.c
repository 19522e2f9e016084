/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/store/unpack.h"
#include "common/sys/meta.h"
#include "common/sys/path.h"

enum { MAX_REREADS = 8 };

/* The layers below under PATH as this layer leaves them: 1, 0 or -1. */
static int below_has(const struct ac_unpack *u, const struct ac_stack *below,
		     const char *path, bool self, struct ac_hit *h,
		     struct ac_err *err)
{
	*h = AC_HIT_INIT;
	if (below->n == 0 || ac_unpack_hides(u, path, self))
		return 0;
	return ac_stack_find(below, path, false, h, err);
}

/* Where the layers below would have a process end up in the directory PATH.
 * NULL without *err when something else is there. */
static char *lead(const struct ac_stack *below, const char *path,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	AC_FREE char *dir = ac_xasprintf("%s/.", path);
	int r = ac_stack_find(below, dir, true, &h, err);

	if (r < 0 || h.path == NULL || (r > 0 && !S_ISDIR(h.st.st_mode)))
		return NULL;
	return ac_steal_ptr(&h.path);
}

/* An overlay takes no mark on a layer's root: each name there is removed
 * instead. */
static int spread_root(struct ac_unpack *u, const struct ac_stack *below,
		       struct ac_err *err)
{
	if (!ac_set_del(&u->opaque, ""))
		return 0;
	for (size_t i = 0; i < below->n; i++) {
		AC_CLOSEDIR DIR *d = NULL;
		AC_CLOSE int fd = openat(below->roots[i], ".",
					 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		const struct dirent *de;

		if (fd < 0 || (d = fdopendir(fd)) == NULL)
			return ac_err_sys(err, errno, "read a layer's root");
		(void)ac_steal_fd(&fd);
		while (errno = 0, (de = readdir(d)) != NULL)
			if (strcmp(de->d_name, ".") != 0 &&
			    strcmp(de->d_name, "..") != 0)
				(void)ac_set_add(&u->white, de->d_name);
		if (errno != 0)
			return ac_err_sys(err, errno, "read a layer's root");
	}
	return 0;
}

static struct ac_strv snapshot(const struct ac_set *set)
{
	AC_FREE const char **v = ac_set_sorted(set);
	struct ac_strv out = AC_STRV_INIT;

	for (size_t i = 0; v[i] != NULL; i++)
		ac_strv_push(&out, v[i]);
	return out;
}

/* Only an entry for the directory itself replaces what is below. */
static int no_directory(const char *path, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "there are files in '%s', which is no directory "
			  "below and does not become one",
			  path);
}

/* A directory that no entry named is a link below: names in it belong where
 * that leads.  1 when such a one was found that was not known. */
static int find_moves(struct ac_unpack *u, const struct ac_stack *below,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv dirs = snapshot(&u->implied);
	const char *last = NULL;
	int found = 0;

	if (spread_root(u, below, err) < 0)
		return -1;
	for (size_t i = 0; i < dirs.n; i++) {
		AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
		char *to;
		int r;

		if (last != NULL && ac_path_within(dirs.v[i], last))
			continue;
		r = below_has(u, below, dirs.v[i], true, &h, err);
		if (r < 0)
			return -1;
		if (r > 0 && !S_ISLNK(h.st.st_mode) && !S_ISDIR(h.st.st_mode))
			return no_directory(dirs.v[i], err);
		if (r == 0 || !S_ISLNK(h.st.st_mode))
			continue;
		*err = AC_ERR_INIT;
		to = lead(below, dirs.v[i], err);
		if (to == NULL && err->code != AC_OK)
			return -1;
		if (to == NULL)
			return no_directory(dirs.v[i], err);
		last = dirs.v[i];
		ac_strv_push(&u->from, last);
		ac_strv_take(&u->to, to);
		found = 1;
	}
	return found;
}

static int settle_moves(struct ac_unpack *u, const struct ac_stack *below,
			ac_unpack_reread_fn reread, void *ctx,
			struct ac_err *err)
{
	for (int i = 0; i < MAX_REREADS; i++) {
		int r = find_moves(u, below, err);

		if (r <= 0)
			return r;
		if (ac_unpack_again(u, err) < 0 || reread(ctx, err) < 0)
			return -1;
	}
	return ac_err_set(err, AC_E_INVALID,
			  "its directories are links below that lead to "
			  "links again and again");
}

/* PATH (a removal, or an opaque directory) as it is after links below on the
 * way to PARENT.  NULL when there is nothing to do there, or with *err. */
static char *target_of(const struct ac_unpack *u, const struct ac_stack *below,
		       const char *path, struct ac_err *err)
{
	struct ac_str dir;
	struct ac_str base;
	AC_FREE char *parent = NULL;
	AC_FREE char *to = NULL;
	AC_FREE char *name = NULL;
	int own;

	ac_path_split(path, &dir, &base);
	parent = ac_xstrndup(dir.p, dir.len);
	own = ac_unpack_own(u, parent, err);
	if (own == AC_OWN_DIR)
		return ac_xstrdup(path);
	if (own < 0)
		return NULL;
	*err = AC_ERR_INIT; /* why it is another */
	if (own == AC_OWN_OTHER)
		return NULL;
	to = lead(below, parent, err);
	if (to == NULL)
		return NULL;
	name = ac_xstrndup(base.p, base.len);
	return ac_path_join(to, name);
}

static int settle_whiteout(struct ac_unpack *u, const struct ac_stack *below,
			   const char *path, struct ac_err *err)
{
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	AC_FREE char *to = NULL;
	int own;
	int r;

	*err = AC_ERR_INIT;
	to = target_of(u, below, path, err);
	if (to == NULL)
		return err->code != AC_OK ? -1 : 0;
	r = below_has(u, below, to, false, &h, err);
	if (r <= 0)
		return r;
	own = ac_unpack_own(u, to, err);
	if (own < 0 || own == AC_OWN_OTHER)
		return own < 0 ? -1 : 0;
	if (own == AC_OWN_DIR &&
	    ac_list_mark(&u->list, AC_LIST_OPAQUE, to, err) < 0)
		return -1;
	return ac_treewr_whiteout(u->w, to, err);
}

static int settle_opaque(struct ac_unpack *u, const struct ac_stack *below,
			 const char *path, struct ac_err *err)
{
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	AC_FREE char *to = NULL;
	int own = ac_unpack_own(u, path, err);
	int r;

	if (own == AC_OWN_OTHER)
		return 0;
	*err = AC_ERR_INIT;
	to = own == AC_OWN_DIR ? ac_xstrdup(path) : lead(below, path, err);
	if (to == NULL)
		return err->code != AC_OK ? -1 : 0;
	if (to[0] == '\0') { /* by a link to the root */
		(void)ac_set_add(&u->opaque, to);
		return spread_root(u, below, err);
	}
	r = below_has(u, below, to, true, &h, err);
	if (r <= 0 || !S_ISDIR(h.st.st_mode))
		return r < 0 ? -1 : 0;
	own = ac_unpack_own(u, to, err);
	if (own < 0 || own == AC_OWN_OTHER)
		return own < 0 ? -1 : 0;
	if (ac_list_mark(&u->list, AC_LIST_OPAQUE, to, err) < 0)
		return -1;
	return ac_treewr_opaque(u->w, to, err);
}

static int settle_removals(struct ac_unpack *u, const struct ac_stack *below,
			   struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv white = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv opq = snapshot(&u->opaque);

	if (below->n == 0)
		return 0;
	for (size_t i = 0; i < opq.n; i++)
		if (settle_opaque(u, below, opq.v[i], err) < 0)
			return -1;
	white = snapshot(&u->white); /* with those of an emptied root */
	for (size_t i = 0; i < white.n; i++)
		if (settle_whiteout(u, below, white.v[i], err) < 0)
			return -1;
	return 0;
}

/* The attributes of a directory without an entry: those it has below, else the
 * same for everybody. */
static int settle_dir(struct ac_unpack *u, const struct ac_stack *below,
		      const char *path, struct ac_err *err)
{
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	AC_CLEANUP(ac_meta_release) struct ac_meta m = AC_META_INIT;
	struct ac_entry e = {.type = AC_F_DIR, .path = path, .mode = 0755};
	int r = below_has(u, below, path, true, &h, err);

	if (r < 0)
		return -1;
	if (r > 0 && S_ISDIR(h.st.st_mode)) {
		if (ac_meta_read(&m, h.parent, h.name, err) < 0)
			return ac_err_ctx(err, "'%s' below", path);
		m.e.path = path;
		e = m.e;
	}
	return ac_treewr_add(u->w, &e, err);
}

static int settle_dirs(struct ac_unpack *u, const struct ac_stack *below,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv dirs = snapshot(&u->implied);

	if (!u->root_named && settle_dir(u, below, "", err) < 0)
		return -1;
	for (size_t i = 0; i < dirs.n; i++)
		if (settle_dir(u, below, dirs.v[i], err) < 0)
			return -1;
	return 0;
}

int ac_unpack_settle(struct ac_unpack *u, const struct ac_stack *below,
		     ac_unpack_reread_fn reread, void *ctx, struct ac_err *err)
{
	if (settle_moves(u, below, reread, ctx, err) < 0 ||
	    settle_removals(u, below, err) < 0 ||
	    settle_dirs(u, below, err) < 0 || ac_treewr_finish(u->w, err) < 0)
		return -1;
	ac_treewr_free(u->w);
	u->w = NULL;
	if (u->links.n != 0 && ac_unpack_copy_up(u, below, err) < 0)
		return -1;
	return ac_list_finish(&u->list, err);
}
