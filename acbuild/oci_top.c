/* SPDX-License-Identifier: Apache-2.0 */
/* The top layer's tree: what is made in it is as an overlay on the layers below
 * would have made it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "acbuild/oci.h"
#include "acbuild/oci_state.h"
#include "acbuild/place.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/store/stack.h"
#include "common/sys/at.h"
#include "common/sys/meta.h"
#include "common/sys/path.h"
#include "common/sys/tree.h"
#include "common/sys/treerd.h"

/* --- making it --- */

int oci_make_top(struct work *w, struct ac_err *err)
{
	AC_CLOSE int dir = -1;

	if (w->rootfs >= 0)
		(void)close(ac_steal_fd(&w->rootfs));
	if (ac_tree_remove(w->dir, OCI_TOP_DIR, err) < 0)
		return -1;
	dir = ac_at_mkdirs(w->dir, OCI_TOP_DIR, 0755, err);
	if (dir < 0)
		return -1;
	w->rootfs = make_dir(dir, "rootfs", err);
	return w->rootfs < 0 ? -1 : 0;
}

/* Give FD the attributes that NAME in DIRFD has. */
static int take_attributes(int fd, int dirfd, const char *name,
			   struct ac_err *err)
{
	AC_CLEANUP(ac_meta_release) struct ac_meta m = AC_META_INIT;
	struct timespec t[2];

	if (ac_meta_read(&m, dirfd, name, err) < 0)
		return -1;
	if (geteuid() == 0 && fchown(fd, m.e.uid, m.e.gid) < 0)
		return ac_err_sys(err, errno, "set an owner");
	for (size_t i = 0; i < m.e.n_xattrs; i++) {
		const struct ac_xattr *x = &m.e.xattrs[i];

		if (fsetxattr(fd, x->name, x->value, x->len, 0) < 0 &&
		    errno != EPERM && errno != EOPNOTSUPP)
			return ac_err_sys(err, errno, "set the attribute '%s'",
					  x->name);
	}
	t[0] = t[1] = m.st.st_mtim;
	if (fchmod(fd, m.e.mode) < 0 || futimens(fd, t) < 0)
		return ac_err_sys(err, errno, "set a mode");
	return 0;
}

static int new_top(struct work *w, struct ac_err *err)
{
	const struct oci_lower *l = w->lower;

	if (oci_make_top(w, err) < 0)
		return -1;
	/* An overlay shows the root of its upper directory. */
	if (l->n != 0 &&
	    take_attributes(w->rootfs, l->fds[l->n - 1], "", err) < 0)
		return -1;
	oci_set_top(w, OCI_TOP_OPEN);
	return oci_save_state(w, err);
}

int oci_open_top(struct work *w, struct ac_err *err)
{
	struct ac_json *layers = ac_json_get(w->doc, "layers");

	if (oci_open_lower(w, err) < 0)
		return -1;
	w->files = true;
	switch (oci_top(w)) {
	case OCI_TOP_OPEN:
		return 0;
	case OCI_TOP_SEALED:
		/* The blob stays until the next save. */
		ac_json_remove(layers, ac_json_len(layers) - 1);
		oci_set_top(w, OCI_TOP_OPEN);
		return oci_save_state(w, err);
	case OCI_TOP_NONE:
		break;
	}
	return new_top(w, err);
}

/* --- looking at the image --- */

static struct ac_stack stack_of(const struct work *w, int *roots)
{
	const struct oci_lower *l = w->lower;

	if (l->n != 0)
		memcpy(roots, l->fds, l->n * sizeof(*roots));
	roots[l->n] = w->rootfs;
	return (struct ac_stack){.roots = roots, .n = l->n + 1};
}

int oci_look(struct work *w, const char *path, unsigned int *mode,
	     struct ac_err *err)
{
	AC_FREE int *roots = ac_xcalloc(w->lower->n + 1, sizeof(*roots));
	const struct ac_stack s = stack_of(w, roots);
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	int r = ac_stack_find(&s, path, false, &h, err);

	if (r > 0)
		*mode = h.st.st_mode;
	return r;
}

/* --- changing it --- */

static int set_opaque(int fd, struct ac_err *err)
{
	const char *name = geteuid() == 0 ? "trusted.overlay.opaque"
					  : "user.overlay.opaque";

	if (fsetxattr(fd, name, "y", 1, 0) < 0)
		return ac_err_sys(err, errno,
				  "mark a directory (attribute '%s')", name);
	return 0;
}

static bool is_whiteout(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ac_stack_whiteout(&st);
}

/* NAME, a directory, is made in PARENT: as it is in H, or new. */
static int make_part(int parent, const char *name, const struct ac_hit *h,
		     struct ac_err *err)
{
	bool hidden = is_whiteout(parent, name);
	AC_CLOSE int fd = -1;

	if (hidden && unlinkat(parent, name, 0) < 0)
		return ac_err_sys(err, errno, "replace '%s'", name);
	fd = make_dir(parent, name, err);
	if (fd < 0 || (hidden && set_opaque(fd, err) < 0))
		return -1;
	if (h->parent >= 0 && take_attributes(fd, h->parent, h->name, err) < 0)
		return -1;
	return ac_steal_fd(&fd);
}

static int not_dir(const char *path, struct ac_err *err)
{
	(void)ac_err_set(err, AC_E_SYS, "'/%s' in the image: not a directory",
			 path);
	err->sys = ENOTDIR;
	return -1;
}

/* The directory PATH, in which no link is, below FD (taken over). */
static int open_part(const struct ac_stack *s, int fd, const char *path,
		     const char *name, struct ac_err *err)
{
	AC_CLOSE int parent = fd;
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	int r = ac_stack_find(s, path, false, &h, err);
	int next;

	if (r < 0)
		return -1;
	if (r > 0 && !S_ISDIR(h.st.st_mode))
		return not_dir(path, err);
	if (r > 0 && h.layer == s->n - 1) {
		next = openat(parent, name,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return next >= 0 ? next
				 : ac_err_sys(err, errno, "open '%s'", path);
	}
	return make_part(parent, name, &h, err);
}

int oci_open_dir(struct work *w, const char *path, char **real,
		 struct ac_err *err)
{
	AC_FREE int *roots = ac_xcalloc(w->lower->n + 1, sizeof(*roots));
	const struct ac_stack s = stack_of(w, roots);
	AC_CLEANUP(ac_hit_release) struct ac_hit h = AC_HIT_INIT;
	AC_FREE char *dir = ac_xasprintf("%s/.", path);
	struct ac_str rest;
	struct ac_str part;
	int fd;

	if (ac_stack_find(&s, dir, true, &h, err) < 0)
		return -1;
	if (h.path == NULL)
		return not_dir(path, err);
	rest = ac_str(h.path);
	fd = openat(w->rootfs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ac_err_sys(err, errno, "open the top layer");
	while (fd >= 0 && rest.len != 0) {
		AC_FREE char *prefix = NULL;
		AC_FREE char *name = NULL;

		(void)ac_str_cut(&rest, '/', &part);
		prefix = ac_xstrndup(h.path,
				     (size_t)(part.p - h.path) + part.len);
		name = ac_xstrndup(part.p, part.len);
		fd = open_part(&s, fd, prefix, name, err);
	}
	if (fd >= 0)
		*real = ac_steal_ptr(&h.path);
	return fd;
}

int oci_place(int from, const char *name, int to, const char *new,
	      struct ac_err *err)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ac_err_sys(err, errno, "stat '%s'", new);
	if (S_ISDIR(st.st_mode) && is_whiteout(to, new)) {
		AC_CLOSE int fd = open_dir(from, name, err);

		if (fd < 0 || set_opaque(fd, err) < 0)
			return -1;
		if (unlinkat(to, new, 0) < 0)
			return ac_err_sys(err, errno, "replace '%s'", new);
	}
	if (renameat(from, name, to, new) < 0)
		return ac_err_sys(err, errno, "put '%s' into the image", new);
	return 0;
}

int oci_check_tree(int dirfd, const char *name, struct ac_err *err)
{
	struct ac_treerd *rd = ac_treerd_new_at(dirfd, name);
	struct ac_entry e;
	int fd;
	int r;

	while ((r = ac_treerd_next(rd, &e, &fd, err)) > 0) {
		const char *path = strchr(e.path, '/');

		if (path != NULL && strstr(path, "/.wh.") != NULL)
			r = ac_err_set(err, AC_E_UNSUPPORTED,
				       "'%s': OCI takes names that begin with "
				       "'.wh.' for removed files",
				       path + 1);
		else if (e.type == AC_F_CHR && e.dev_major == 0 &&
			 e.dev_minor == 0)
			r = ac_err_set(err, AC_E_UNSUPPORTED,
				       "'%s': a character device 0:0 marks a "
				       "removed file",
				       path != NULL ? path + 1 : e.path);
		if (r < 0)
			break;
	}
	ac_treerd_free(rd);
	return r;
}
