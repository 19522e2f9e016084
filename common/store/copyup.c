/* SPDX-License-Identifier: Apache-2.0 */
/* Hard links of a layer to files of those below: the file is copied up with all
 * its visible names, as an overlay does when such a file changes, so that the
 * names stay one file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/store/unpack.h"
#include "common/sys/holes.h"
#include "common/sys/meta.h"
#include "common/sys/path.h"

enum {
	MAX_GROUPS = 10000
}; /* files with several names: a list is read for
    * each */

/* A file that was copied up. */
struct copied {
	struct {
		size_t layer;
		uint64_t ino;
	} key;
	char *path; /* its first name in this layer */
	struct copied *next;
};

struct copy_up {
	struct ac_unpack *u;
	const struct ac_stack *below;
	struct ac_treewr *w;
	struct ac_set touched; /* directories whose attributes w sets again */
	struct ac_set links;   /* names that this layer makes itself */
	struct ac_map map;     /* what was copied, by key */
	struct copied *all;
	size_t groups;
};

/* W is to write in DIR: give it the attributes that DIR has, or has below when
 * it is new here.  Its parents first. */
static int touch(struct copy_up *c, const char *dir, struct ac_err *err)
{
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	AC_CLEANUP(ac_meta_release) struct ac_meta m = AC_META_INIT;
	const struct ac_stack own = {.roots = &c->u->rootfs, .n = 1};
	bool here;
	int r;

	r = ac_stack_find(&own, dir, false, &h, err);
	here = r > 0;
	if (r == 0)
		r = ac_stack_find(c->below, dir, false, &h, err);
	if (r <= 0)
		return r;
	if (ac_meta_read(&m, h.parent, h.name, err) < 0)
		return ac_err_ctx(err, "'%s'", dir);
	m.e.path = dir;
	if (here && geteuid() != 0 && h.name[0] != '\0' &&
	    fchmodat(h.parent, h.name, m.e.mode | 0700, 0) < 0)
		return ac_err_sys(err, errno, "open '%s' for writing", dir);
	if (here)
		m.e.n_xattrs = 0; /* they stay as they are */
	c->u->quiet = here;
	r = ac_treewr_add(c->w, &m.e, err);
	c->u->quiet = false;
	return r;
}

static int touch_parents(struct copy_up *c, const char *path,
			 struct ac_err *err)
{
	AC_FREE char *dir = ac_xstrdup(path);

	for (size_t i = 0; path[i] != '\0'; i++) {
		if (i != 0 && path[i] != '/')
			continue;
		dir[i] = '\0';
		if (ac_set_add(&c->touched, dir) && touch(c, dir, err) < 0)
			return -1;
		dir[i] = path[i];
	}
	return 0;
}

/* May the file below at PATH be shown in this layer?  Not when this layer
 * removes or replaces it. */
static int is_free(const struct copy_up *c, const char *path,
		   struct ac_err *err)
{
	int own;

	if (ac_unpack_hides(c->u, path, true) || ac_set_has(&c->links, path))
		return 0;
	own = ac_unpack_own(c->u, path, err);
	return own < 0 ? -1 : own == AC_OWN_NOTHING;
}

static int add_name(struct copy_up *c, const char *path, const char *target,
		    struct ac_err *err)
{
	const struct ac_entry e = {.type = AC_F_HARD,
				   .path = path,
				   .link = target};

	if (touch_parents(c, path, err) < 0)
		return -1;
	return ac_treewr_add(c->w, &e, err);
}

static int copy_file(struct copy_up *c, const struct ac_hit *h,
		     const char *path, struct ac_err *err)
{
	AC_CLEANUP(ac_meta_release) struct ac_meta m = AC_META_INIT;
	AC_CLEANUP(ac_holes_release) struct ac_holes holes = AC_HOLES_INIT;
	AC_CLOSE int fd = -1;

	if (ac_meta_read(&m, h->parent, h->name, err) < 0)
		return ac_err_ctx(err, "'%s' below", h->path);
	m.e.path = path;
	if (m.e.type == AC_F_REG) {
		fd = openat(h->parent, h->name,
			    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return ac_err_sys(err, errno, "open '%s' below",
					  h->path);
		if (ac_holes_on_disk(&holes, fd, &m.st, h->path, &m.e, err) < 0)
			return -1;
	}
	if (touch_parents(c, path, err) < 0 ||
	    ac_treewr_add(c->w, &m.e, err) < 0)
		return -1;
	return fd >= 0 ? ac_treewr_copy(c->w, fd, err) : 0;
}

/* The names of one file below: all that its list connects. */
static int connect_names(void *ctx, const struct ac_list_line *l,
			 AC_UNUSED struct ac_err *err)
{
	struct ac_set *names = ctx;

	if (l->type == AC_F_HARD &&
	    (ac_set_has(names, l->e.path) || ac_set_has(names, l->e.link))) {
		(void)ac_set_add(names, l->e.path);
		(void)ac_set_add(names, l->e.link);
	}
	return 0;
}

static int find_names(const struct copy_up *c, const struct ac_hit *h,
		      struct ac_set *names, struct ac_err *err)
{
	AC_CLOSE int list =
		openat(c->below->roots[h->layer], "../files",
		       O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	size_t before = 0;

	if (list < 0)
		return ac_err_sys(err, errno, "open a layer's list of files");
	(void)ac_set_add(names, h->path);
	while (before != ac_set_len(names)) {
		before = ac_set_len(names);
		if (ac_list_each(list, connect_names, names, err) < 0)
			return -1;
	}
	return 0;
}

/* Is PATH the file of H, visible below, and free here? */
static int is_name_of(const struct copy_up *c, const struct ac_hit *h,
		      const char *path, struct ac_err *err)
{
	AC_CLEANUP(ac_hit_release) struct ac_hit other = AC_HIT_INIT;
	int r = ac_stack_find(c->below, path, false, &other, err);

	if (r <= 0)
		return r;
	if (other.layer != h->layer || other.st.st_ino != h->st.st_ino)
		return 0;
	return is_free(c, path, err);
}

/* Bring the other names up under which the file of H is visible below. */
static int add_others(struct copy_up *c, const struct ac_hit *h,
		      const char *first, struct ac_err *err)
{
	AC_CLEANUP(ac_set_release) struct ac_set names = AC_SET_INIT;
	AC_FREE const char **v = NULL;

	if (++c->groups > MAX_GROUPS)
		return ac_err_set(err, AC_E_LIMIT,
				  "a layer links to more than %d files of "
				  "several names below it",
				  MAX_GROUPS);
	if (find_names(c, h, &names, err) < 0)
		return -1;
	v = ac_set_sorted(&names);
	for (size_t i = 0; v[i] != NULL; i++) {
		int r = is_name_of(c, h, v[i], err);

		if (r > 0)
			r = add_name(c, v[i], first, err);
		if (r < 0)
			return -1;
	}
	return 0;
}

/* Remember that the file of H is here as PATH; where it was before, if it
 * was. */
static const char *known(struct copy_up *c, const struct ac_hit *h,
			 const char *path)
{
	struct copied *f = ac_xcalloc(1, sizeof(*f));
	const struct copied *old;

	f->key.layer = h->layer;
	f->key.ino = h->st.st_ino;
	old = ac_map_get(&c->map, &f->key, sizeof(f->key));
	if (old != NULL) {
		free(f);
		return old->path;
	}
	f->path = ac_xstrdup(path);
	f->next = c->all;
	c->all = f;
	ac_map_put(&c->map, &f->key, sizeof(f->key), f);
	return NULL;
}

static int one_link(struct copy_up *c, const char *path, const char *target,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	const char *first;
	const char *old;
	int r = 0;

	if (c->below->n != 0)
		r = ac_stack_find(c->below, target, true, &h, err);
	if (r < 0)
		return -1;
	if (r == 0 || S_ISDIR(h.st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "hard link '%s' to '%s': %s", path, target,
				  r == 0 ? "there is no such file in the "
					   "layer or below it"
					 : "that is a directory below");
	r = is_free(c, h.path, err);
	if (r < 0)
		return -1;
	first = r > 0 ? h.path : path;
	old = known(c, &h, first);
	if (old != NULL)
		return add_name(c, path, old, err);
	if (copy_file(c, &h, first, err) < 0)
		return -1;
	if (r > 0 && add_name(c, path, first, err) < 0)
		return -1;
	return h.st.st_nlink > 1 ? add_others(c, &h, first, err) : 0;
}

static int run(struct copy_up *c, struct ac_err *err)
{
	const struct ac_strv *links = &c->u->links;

	for (size_t i = 0; i + 1 < links->n; i += 2)
		(void)ac_set_add(&c->links, links->v[i]);
	for (size_t i = 0; i + 1 < links->n; i += 2)
		if (one_link(c, links->v[i], links->v[i + 1], err) < 0)
			return -1;
	return ac_treewr_finish(c->w, err);
}

int ac_unpack_copy_up(struct ac_unpack *u, const struct ac_stack *below,
		      struct ac_err *err)
{
	struct ac_treewr_opts opts = ac_unpack_writer(u);
	struct copy_up c = {.u = u, .below = below};
	int rc;

	opts.shared_root = true;
	opts.dangling = NULL;
	opts.implied = NULL;
	c.w = ac_treewr_new(u->rootfs, &opts);
	rc = run(&c, err);
	ac_treewr_free(c.w);
	ac_set_release(&c.touched);
	ac_set_release(&c.links);
	ac_map_release(&c.map);
	while (c.all != NULL) {
		struct copied *next = c.all->next;

		free(c.all->path);
		free(c.all);
		c.all = next;
	}
	return rc;
}
