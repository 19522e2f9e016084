/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/epoch.h"
#include "acbuild/modify.h"
#include "acbuild/oci.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/sys/at.h"
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
 * its links are followed within the rootfs.  What is missing is made. */
static int open_parent(int rootfs, const char *path, struct ac_err *err)
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
		if (next < 0 && err->code == AC_E_NOT_FOUND)
			next = make_dir(cur, name, err);
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

int copy_tree(struct work *w, const char *src, int dstfd, const char *dst,
	      struct ac_err *err)
{
	if (is_below(w->dir, src))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' contains the build's own .acbuild; "
				  "build elsewhere with --work-path",
				  src);
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

static int open_target(struct work *w, const char *path, struct target *t,
		       struct ac_err *err)
{
	t->fd = w->oci ? oci_open_dir(w, path, &t->real, err)
		       : open_parent(w->rootfs, path, err);
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

/* Copy SRC to NAME in the directory PARENT of the rootfs: aside first, so that
 * no half of it is ever seen there. */
static int place(struct work *w, const char *src, const struct target *t,
		 const char *name, const char *dst, struct ac_err *err)
{
	AC_CLOSE int staging = -1;
	struct stat st;

	if (check_target(w, t, name, src, dst, err) < 0)
		return -1;
	staging = work_staging(w, err);
	if (staging < 0 || copy_tree(w, src, staging, "new", err) < 0 ||
	    epoch_add(w, staging, "new", err) < 0)
		return -1;
	if (fstat(t->fd, &st) < 0)
		return ac_err_sys(err, errno, "put '%s' into the image", dst);
	if (w->oci) {
		if (oci_check_tree(staging, "new", err) < 0 ||
		    oci_place(staging, "new", t->fd, name, err) < 0)
			return ac_err_ctx(err, "'%s' in the image", dst);
	} else if (renameat(staging, "new", t->fd, name) < 0) {
		return ac_err_sys(err, errno, "put '%s' into the image", dst);
	}
	return stamp(t->fd, &st.st_mtim, err);
}

static char *clean_target(const char *dst, struct ac_err *err)
{
	char *clean = ac_path_clean(dst);

	if (clean == NULL)
		(void)ac_err_set(err, AC_E_INVALID,
				 "'%s' is no path in the image: it leads out "
				 "of it, or is too long",
				 dst);
	return clean;
}

static int copy_one(struct work *w, const char *src, const char *dst,
		    struct ac_err *err)
{
	AC_FREE char *clean = clean_target(dst, err);
	AC_FREE char *dir = NULL;
	struct ac_str parent;
	struct ac_str base;
	AC_CLEANUP(target_release) struct target t = TARGET_INIT;
	struct stat st;

	if (clean == NULL)
		return -1;
	if (dst[0] != '\0' && dst[strlen(dst) - 1] == '/')
		return ac_err_set(err, AC_E_INVALID,
				  "there is a trailing path separator in the "
				  "second operand '%s'; name the target "
				  "itself, or use copy-to-dir",
				  dst);
	ac_path_split(clean, &parent, &base);
	if (base.len == 0)
		return ac_err_set(err, AC_E_EXISTS,
				  "'%s' in the image: file exists; copy-to-dir "
				  "copies into it",
				  dst);
	/* Before directories are made for it. */
	if (lstat(src, &st) < 0)
		return ac_err_sys(err, errno, "lstat %s", src);
	dir = ac_xstrndup(parent.p, parent.len);
	if (open_target(w, dir, &t, err) < 0)
		return -1;
	return place(w, src, &t, base.p, dst, err);
}

/* The last name of SRC: "a/b/" is b.  NULL when it has none. */
static char *base_name(const char *src)
{
	AC_FREE char *path = ac_xstrdup(src);
	const char *slash;
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	slash = strrchr(path, '/');
	slash = slash != NULL ? slash + 1 : path;
	if (*slash == '\0' || strcmp(slash, ".") == 0 ||
	    strcmp(slash, "..") == 0)
		return NULL;
	return ac_xstrdup(slash);
}

static int into_dir(struct work *w, const char *src, const struct target *t,
		    const char *dst, struct ac_err *err)
{
	AC_FREE char *name = base_name(src);
	AC_FREE char *shown = NULL;

	if (name == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' has no name of its own; name the "
				  "directory, or what is in it",
				  src);
	shown = ac_path_join(dst, name);
	return place(w, src, t, name, shown, err);
}

static int copy_to_dir(struct work *w, const struct ac_call *c,
		       struct ac_err *err)
{
	const char *dst = c->argv[c->argc - 1];
	AC_FREE char *clean = clean_target(dst, err);
	AC_CLEANUP(target_release) struct target t = TARGET_INIT;
	struct stat st;

	if (clean == NULL)
		return -1;
	for (int i = 0; i < c->argc - 1; i++)
		if (lstat(c->argv[i], &st) < 0)
			return ac_err_sys(err, errno, "lstat %s", c->argv[i]);
	if (open_target(w, clean, &t, err) < 0)
		return err->sys == ENOTDIR
			       ? ac_err_set(err, AC_E_INVALID,
					    "target \"%s\" is not a directory",
					    dst)
			       : -1;
	for (int i = 0; i < c->argc - 1; i++)
		if (into_dir(w, c->argv[i], &t, dst, err) < 0)
			return -1;
	return 0;
}

/* Each source appears whole or not at all. */
static int copy_in(struct work *w, const struct ac_call *c, struct ac_err *err)
{
	if (w->oci && oci_open_top(w, err) < 0)
		return -1;
	if (strcmp(c->path, "copy") == 0)
		return copy_one(w, c->argv[0], c->argv[1], err);
	return copy_to_dir(w, c, err);
}

int run_copy(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	const char *oci = oci_modify_file(g);

	if (oci != NULL)
		return oci_modify(c, oci, copy_in, true, err);
	return g->modify != NULL ? modify_files(c, copy_in, err)
				 : change(c, copy_in, err);
}
