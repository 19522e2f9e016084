/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/at.h"
#include "common/sys/path.h"
#include "common/sys/tree.h"
#include "common/sys/treerd.h"
#include "common/sys/treewr.h"

struct copy {
	struct ac_treerd *rd;
	struct ac_treewr *wr;
	const char *dst; /* clean */
	size_t skip;     /* so much of each path read is replaced by dst */
	bool keep_owner;
};

static void release(struct copy *c)
{
	ac_treerd_free(c->rd);
	ac_treewr_free(c->wr);
}

static char *moved(const struct copy *c, const char *path)
{
	return ac_path_join(c->dst, path + c->skip);
}

static int copy_entry(struct copy *c, struct ac_entry *e, int fd,
		      struct ac_err *err)
{
	AC_FREE char *path = moved(c, e->path);
	AC_FREE char *link = NULL;

	if (strlen(path) > 4095)
		return ac_err_set(err, AC_E_LIMIT,
				  "a path is longer than 4095 bytes: "
				  "'%.200s...'",
				  path);
	e->path = path;
	if (e->type == AC_F_HARD) {
		link = moved(c, e->link);
		e->link = link;
	}
	if (!c->keep_owner) {
		e->uid = geteuid();
		e->gid = getegid();
	}
	if (ac_treewr_add(c->wr, e, err) < 0)
		return -1;
	return fd >= 0 ? ac_treewr_copy(c->wr, fd, err) : 0;
}

static int copy_all(struct copy *c, struct ac_err *err)
{
	struct ac_entry e;
	int fd;
	int r;

	while ((r = ac_treerd_next(c->rd, &e, &fd, err)) > 0)
		if (copy_entry(c, &e, fd, err) < 0)
			return -1;
	return r < 0 ? -1 : ac_treewr_finish(c->wr, err);
}

/* Begin to read SRC: the inside of a directory, or one file where it is.  *held
 * must stay open until the end. */
static int begin(struct copy *c, int srcfd, const char *src, int *held,
		 struct ac_err *err)
{
	AC_FREE char *dir = NULL;
	const char *slash = strrchr(src, '/');
	const char *base = slash != NULL ? slash + 1 : src;
	struct stat st;

	if (fstatat(srcfd, src, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return ac_err_set(err, AC_E_NOT_FOUND, "no file '%s'",
					  src);
		return ac_err_sys(err, errno, "open '%s'", src);
	}
	if (S_ISDIR(st.st_mode)) {
		*held = openat(srcfd, src, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (*held < 0)
			return ac_err_sys(err, errno, "open '%s'", src);
		c->rd = ac_treerd_new(*held);
		return 0;
	}
	dir = slash == NULL  ? ac_xstrdup(".")
	      : slash == src ? ac_xstrdup("/")
			     : ac_xstrndup(src, (size_t)(slash - src));
	*held = openat(srcfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*held < 0)
		return ac_err_sys(err, errno, "open '%s'", dir);
	c->rd = ac_treerd_new_at(*held, base);
	c->skip = strlen(base);
	return 0;
}

static int must_not_exist(int dstfd, const char *dst, struct ac_err *err)
{
	struct ac_err e = AC_ERR_INIT;
	AC_CLOSE int fd = ac_at_open(dstfd, dst, O_PATH | O_NOFOLLOW, 0, &e);

	if (fd >= 0)
		return ac_err_set(err, AC_E_EXISTS, "'%s' is there already",
				  dst);
	if (e.code == AC_E_NOT_FOUND)
		return 0;
	*err = e;
	return -1;
}

/* Remove what a failed copy has made. */
static void undo(int dstfd, const char *dst)
{
	struct ac_err err = AC_ERR_INIT;
	const char *slash = strrchr(dst, '/');
	AC_FREE char *dir =
		ac_xstrndup(dst, slash != NULL ? (size_t)(slash - dst) : 0);
	AC_CLOSE int fd = ac_at_open(dstfd, dir, O_PATH | O_DIRECTORY, 0, &err);

	if (fd >= 0)
		(void)!ac_tree_remove(fd, slash != NULL ? slash + 1 : dst,
				      &err);
}

int ac_tree_copy(int srcfd, const char *src, int dstfd, const char *dst,
		 bool keep_owner, struct ac_err *err)
{
	const struct ac_treewr_opts opts = {.shared_root = true,
					    .not_flushed = true,
					    .no_owner = geteuid() != 0};
	AC_FREE char *clean = ac_path_clean(dst);
	AC_CLEANUP(release) struct copy c = {.keep_owner = keep_owner};
	AC_CLOSE int held = -1;

	if (clean == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not a path beneath a directory",
				  dst);
	if (must_not_exist(dstfd, clean, err) < 0 ||
	    begin(&c, srcfd, src, &held, err) < 0)
		return -1;
	ac_treerd_holes_on_disk(c.rd);
	c.dst = clean;
	c.wr = ac_treewr_new(dstfd, &opts);
	if (copy_all(&c, err) < 0) {
		undo(dstfd, clean);
		return ac_err_ctx(err, "copy '%s'", src);
	}
	return 0;
}
