/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/sys/at.h"
#include "common/sys/interrupt.h"
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
	bool several; /* items: a file may have names in more than one */
	struct ac_map inodes; /* of struct seen, then */
};

/* A file that has several names, and what became of it. */
struct seen {
	dev_t dev;
	ino_t ino;
	char path[];
};

static void release(struct copy *c)
{
	ac_treewr_free(c->wr);
	for (size_t i = 0; i < c->inodes.cap; i++)
		free(c->inodes.slots[i].value);
	ac_map_release(&c->inodes);
}

static char *moved(const struct copy *c, const char *path)
{
	return ac_path_join(c->dst, path + c->skip);
}

/* The copy, from another item, of the file that E at PATH is a name of; or
 * NULL. */
static const char *seen_as(struct copy *c, const struct ac_entry *e,
			   const char *path)
{
	const struct stat *st = ac_treerd_stat(c->rd);
	struct seen key = {.dev = st->st_dev, .ino = st->st_ino};
	size_t size = offsetof(struct seen, path);
	size_t len = strlen(path);
	struct seen *s;

	if (!c->several || e->type == AC_F_DIR || e->type == AC_F_HARD ||
	    st->st_nlink < 2)
		return NULL;
	s = ac_map_get(&c->inodes, &key, size);
	if (s != NULL)
		return s->path;
	s = ac_xcalloc(1, size + len + 1);
	s->dev = key.dev;
	s->ino = key.ino;
	memcpy(s->path, path, len + 1);
	ac_map_put(&c->inodes, s, size, s);
	return NULL;
}

static int copy_entry(struct copy *c, struct ac_entry *e, int fd,
		      struct ac_err *err)
{
	AC_FREE char *path = moved(c, e->path);
	AC_FREE char *link = NULL;
	const char *seen;

	if (ac_interrupt_check(err) < 0)
		return -1;
	if (strlen(path) > 4095)
		return ac_err_set(err, AC_E_LIMIT,
				  "a path is longer than 4095 bytes: "
				  "'%.200s...'",
				  path);
	seen = seen_as(c, e, path);
	e->path = path;
	if (seen != NULL) {
		e->type = AC_F_HARD;
		e->link = seen;
		e->size = 0;
		e->extents = NULL;
		fd = -1;
	} else if (e->type == AC_F_HARD) {
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
	return r;
}

/* Begin to read SRC: the inside of a directory, or one file where it is.  *held
 * must stay open until the end. */
static struct ac_treerd *begin(struct copy *c, int srcfd, const char *src,
			       int *held, struct ac_err *err)
{
	AC_FREE char *dir = NULL;
	const char *slash = strrchr(src, '/');
	const char *base = slash != NULL ? slash + 1 : src;
	struct stat st;
	bool whole;

	if (fstatat(srcfd, src, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		(void)(errno == ENOENT
			       ? ac_err_set(err, AC_E_NOT_FOUND, "no file '%s'",
					    src)
			       : ac_err_sys(err, errno, "open '%s'", src));
		return NULL;
	}
	whole = S_ISDIR(st.st_mode);
	dir = whole           ? ac_xstrdup(src)
	      : slash == NULL ? ac_xstrdup(".")
	      : slash == src  ? ac_xstrdup("/")
			      : ac_xstrndup(src, (size_t)(slash - src));
	*held = openat(srcfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*held < 0) {
		(void)ac_err_sys(err, errno, "open '%s'", dir);
		return NULL;
	}
	if (whole)
		return ac_treerd_new(*held);
	c->skip = strlen(base);
	return ac_treerd_new_at(*held, base);
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

static void free_reader(struct ac_treerd **rd)
{
	ac_treerd_free(*rd);
}

static int copy_item(struct copy *c, int srcfd, const char *src,
		     const char *dst, struct ac_err *err)
{
	AC_CLEANUP(free_reader) struct ac_treerd *rd = NULL;
	AC_CLOSE int held = -1;

	c->dst = dst;
	c->skip = 0;
	rd = begin(c, srcfd, src, &held, err);
	if (rd == NULL)
		return -1;
	ac_treerd_holes_on_disk(rd);
	c->rd = rd;
	return copy_all(c, err) < 0 ? ac_err_ctx(err, "copy '%s'", src) : 0;
}

/* DST of each must be clean, and free. */
static int check_items(const struct ac_tree_item *items, size_t n, int dstfd,
		       struct ac_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!ac_path_is_clean(items[i].dst))
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' is not a path beneath a "
					  "directory",
					  items[i].dst);
		if (must_not_exist(dstfd, items[i].dst, err) < 0)
			return -1;
	}
	return 0;
}

int ac_tree_copy_items(int srcfd, const struct ac_tree_item *items, size_t n,
		       int dstfd, bool keep_owner, struct ac_err *err)
{
	const struct ac_treewr_opts opts = {.shared_root = true,
					    .not_flushed = true,
					    .no_owner = geteuid() != 0};
	AC_CLEANUP(release)
	struct copy c = {.keep_owner = keep_owner, .several = n > 1};
	size_t i = 0;
	int r;

	if (check_items(items, n, dstfd, err) < 0)
		return -1;
	c.wr = ac_treewr_new(dstfd, &opts);
	for (r = 0; r == 0 && i < n; i++)
		r = copy_item(&c, srcfd, items[i].src, items[i].dst, err);
	if (r == 0)
		r = ac_treewr_finish(c.wr, err);
	while (r < 0 && i-- > 0)
		undo(dstfd, items[i].dst);
	return r;
}

int ac_tree_copy(int srcfd, const char *src, int dstfd, const char *dst,
		 bool keep_owner, struct ac_err *err)
{
	AC_FREE char *clean = ac_path_clean(dst);
	struct ac_tree_item item = {.src = src,
				    .dst = clean != NULL ? clean : dst};

	return ac_tree_copy_items(srcfd, &item, 1, dstfd, keep_owner, err);
}
