/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/cmd.h"
#include "acbuild/epoch.h"
#include "acbuild/oci.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/base/str.h"
#include "common/sys/at.h"
#include "common/sys/interrupt.h"
#include "common/sys/path.h"
#include "common/sys/tree.h"

int64_t build_time(void)
{
	uint64_t t = 0;

	if (ac_num_max(ac_str(getenv("SOURCE_DATE_EPOCH")), INT64_MAX, &t) < 0)
		return 0;
	return (int64_t)t;
}

/* What changes a directory's content must not change its time, or the image
 * would tell when it was built. */
static int stamp(int dirfd, const struct timespec *mtime, struct ac_err *err)
{
	struct timespec t[2] = {*mtime, *mtime};

	if (futimens(dirfd, t) < 0)
		return ac_err_sys(err, errno, "set the time of a directory");
	return 0;
}

int make_dir(int dirfd, const char *name, struct ac_err *err)
{
	const struct timespec t = {.tv_sec = build_time()};
	struct stat st;
	AC_CLOSE int fd = -1;

	if (fstat(dirfd, &st) < 0 || mkdirat(dirfd, name, 0755) < 0)
		return ac_err_sys(err, errno, "create directory '%s'", name);
	fd = openat(dirfd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ac_err_sys(err, errno, "open '%s'", name);
	/* The parent may be set-group-id: that is not to spread. */
	if (fchown(fd, geteuid(), getegid()) < 0 || fchmod(fd, 0755) < 0)
		return ac_err_sys(err, errno, "set the mode of '%s'", name);
	if (stamp(fd, &t, err) < 0 || stamp(dirfd, &st.st_mtim, err) < 0)
		return -1;
	return ac_steal_fd(&fd);
}

/* The directory PATH (clean) in the image, as the image itself would see it:
 * its links are followed within the rootfs.  What is missing is made, when
 * MAKE. */
static int open_parent(int rootfs, const char *path, bool make,
		       struct ac_err *err)
{
	AC_CLOSE int cur =
		ac_at_open_in_root(rootfs, "", O_RDONLY | O_DIRECTORY, err);
	struct ac_str rest = ac_str(path);
	struct ac_str part;

	while (cur >= 0 && rest.len != 0) {
		AC_FREE char *prefix = NULL;
		AC_FREE char *name = NULL;
		int next;

		(void)ac_str_cut(&rest, '/', &part);
		prefix = ac_xstrndup(path, (size_t)(part.p - path) + part.len);
		name = ac_xstrndup(part.p, part.len);
		next = ac_at_open_in_root(rootfs, prefix,
					  O_RDONLY | O_DIRECTORY, err);
		if (next < 0 && make && err->code == AC_E_NOT_FOUND)
			next = make_dir(cur, name, err);
		if (next < 0 && err->sys == EEXIST)
			return ac_err_set(
				err, AC_E_INVALID,
				"'/%s' in the image is a link to what "
				"is not there",
				prefix);
		if (next < 0)
			return ac_err_ctx(err, "'/%s' in the image", prefix);
		(void)close(cur);
		cur = next;
	}
	return ac_steal_fd(&cur);
}

/* Is the directory DIRFD below (or the same as) the one SRC names? */
static bool is_below(int dirfd, const char *src)
{
	struct stat want;
	struct stat at;
	struct stat last = {.st_ino = 0};
	AC_CLOSE int fd = openat(dirfd, ".", O_PATH | O_CLOEXEC);

	if (stat(src, &want) < 0 || !S_ISDIR(want.st_mode))
		return false;
	while (fd >= 0 && fstat(fd, &at) == 0) {
		int up;

		if (at.st_dev == want.st_dev && at.st_ino == want.st_ino)
			return true;
		if (at.st_dev == last.st_dev && at.st_ino == last.st_ino)
			return false;
		last = at;
		up = openat(fd, "..", O_PATH | O_CLOEXEC);
		(void)close(fd);
		fd = up;
	}
	return false;
}

static int check_source(const struct work *w, const char *src,
			struct ac_err *err)
{
	if (is_below(w->dir, src))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' contains the build's own .acbuild; "
				  "build elsewhere with --work-path",
				  src);
	return 0;
}

int copy_tree(struct work *w, const char *src, int dstfd, const char *dst,
	      struct ac_err *err)
{
	if (check_source(w, src, err) < 0)
		return -1;
	return ac_tree_copy(AT_FDCWD, src, dstfd, dst, geteuid() == 0, err);
}

/* The directory a copy goes to. */
struct target {
	int fd;
	char *real; /* OCI mode: its path in the image, without links */
};
#define TARGET_INIT ((struct target){.fd = -1})

static void target_release(struct target *t)
{
	ac_own_closep(&t->fd);
	free(t->real);
}

/* In OCI mode it is always made. */
static int open_target(struct work *w, const char *path, bool make,
		       struct target *t, struct ac_err *err)
{
	t->fd = w->oci ? oci_open_dir(w, path, &t->real, err)
		       : open_parent(w->rootfs, path, make, err);
	return t->fd < 0 ? -1 : 0;
}

/* What has NAME there already: 1, 0 or -1. */
static int look(struct work *w, const struct target *t, const char *name,
		const char *dst, struct stat *to, struct ac_err *err)
{
	AC_FREE char *path = NULL;

	if (w->oci) {
		path = ac_path_join(t->real, name);
		return oci_look(w, path, &to->st_mode, err);
	}
	if (t->fd < 0)
		return 0; /* to be made */
	if (fstatat(t->fd, name, to, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : ac_err_sys(err, errno, "stat '%s'", dst);
}

/* May SRC take the place NAME in T?  A file replaces a file. */
static int check_target(struct work *w, const struct target *t,
			const char *name, const char *src, const char *dst,
			struct ac_err *err)
{
	struct stat from;
	struct stat to;
	int r;

	if (lstat(src, &from) < 0)
		return ac_err_sys(err, errno, "lstat %s", src);
	if (w->oci && strncmp(name, ".wh.", 4) == 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "'%s': OCI takes names that begin with "
				  "'.wh.' for removed files",
				  dst);
	r = look(w, t, name, dst, &to, err);
	if (r <= 0)
		return r;
	if (S_ISDIR(from.st_mode) || S_ISDIR(to.st_mode))
		return ac_err_set(err, AC_E_EXISTS,
				  "'%s' in the image: file exists%s", dst,
				  S_ISDIR(to.st_mode)
					  ? "; copy-to-dir copies into it"
					  : "");
	return 0;
}

/* Nothing is copied before all could be, as far as can be told: the directory
 * may be missing yet. */
static int check_all(struct work *w, const struct copies *c, struct target *t,
		     struct ac_err *err)
{
	struct ac_err none = AC_ERR_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set names = AC_SET_INIT;
	struct stat st;

	for (size_t i = 0; i < c->n; i++)
		if (lstat(c->items[i].src, &st) < 0)
			return ac_err_sys(err, errno, "lstat %s",
					  c->items[i].src);
	if (open_target(w, c->parent, false, t, &none) < 0 &&
	    none.code != AC_E_NOT_FOUND) {
		*err = none;
		return c->into_dir && none.sys == ENOTDIR
			       ? ac_err_set(err, AC_E_INVALID,
					    "target \"%s\" is not a directory",
					    c->dst)
			       : -1;
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct item *it = &c->items[i];

		if (check_source(w, it->src, err) < 0 ||
		    check_target(w, t, it->name, it->src, it->shown, err) < 0)
			return -1;
		if (!ac_set_add(&names, it->name))
			return ac_err_set(err, AC_E_EXISTS,
					  "'%s' in the image: two of the "
					  "sources have this name",
					  it->shown);
	}
	return 0;
}

/* Copy all to STAGING, named by their numbers. */
static int copy_aside(struct work *w, const struct copies *c, int staging,
		      struct ac_err *err)
{
	AC_FREE struct ac_tree_item *v = ac_xcalloc(c->n, sizeof(*v));
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;

	for (size_t i = 0; i < c->n; i++)
		ac_strv_pushf(&names, "%zu", i);
	for (size_t i = 0; i < c->n; i++)
		v[i] = (struct ac_tree_item){.src = c->items[i].src,
					     .dst = names.v[i]};
	if (ac_tree_copy_items(AT_FDCWD, v, c->n, staging, geteuid() == 0,
			       err) < 0)
		return -1;
	for (size_t i = 0; i < c->n; i++)
		if (epoch_add(w, staging, names.v[i], err) < 0 ||
		    (w->oci && oci_check_tree(staging, names.v[i], err) < 0))
			return ac_err_ctx(err, "'%s' in the image",
					  c->items[i].shown);
	return 0;
}

static int put_in_place(const struct work *w, const struct copies *c,
			int staging, int parent, struct ac_err *err)
{
	struct stat st;

	if (fstat(parent, &st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", c->dst);
	for (size_t i = 0; i < c->n; i++) {
		const struct item *it = &c->items[i];
		char name[32];

		(void)snprintf(name, sizeof(name), "%zu", i);
		if (w->oci) {
			if (oci_place(staging, name, parent, it->name, err) < 0)
				return ac_err_ctx(err, "'%s' in the image",
						  it->shown);
		} else if (renameat(staging, name, parent, it->name) < 0) {
			return ac_err_sys(err, errno, "put '%s' into the image",
					  it->shown);
		}
	}
	return stamp(parent, &st.st_mtim, err);
}

int place(struct work *w, const struct copies *c, struct ac_err *err)
{
	AC_CLOSE int staging = -1;
	AC_CLEANUP(target_release) struct target t = TARGET_INIT;
	struct ac_err none = AC_ERR_INIT;
	int r;

	if (check_all(w, c, &t, err) < 0)
		return -1;
	(void)ac_interrupt_catch(); /* what is unfinished must go */
	staging = work_staging(w, err);
	if (staging < 0)
		return -1;
	r = copy_aside(w, c, staging, err);
	if (r == 0)
		r = ac_interrupt_check(err);
	if (r == 0 && t.fd < 0)
		r = open_target(w, c->parent, true, &t, err);
	if (r == 0)
		r = put_in_place(w, c, staging, t.fd, err);
	if (ac_tree_remove(w->dir, "staging", &none) < 0)
		ac_warn("%s", none.msg);
	return r;
}

void copies_release(struct copies *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].name);
		free(c->items[i].shown);
	}
	free(c->items);
	free(c->parent);
}
