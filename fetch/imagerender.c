/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/store/render.h"
#include "common/sys/atomic.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"
#include "fetch/image.h"

const struct ac_opt render_opts[] = {
	AC_OPT_BOOL(struct render_opts, rootfs_only, "rootfs-only",
		    "DIR is the root file system itself, without a manifest"),
	AC_OPT_BOOL(struct render_opts, overwrite, "overwrite", "replace DIR"),
	AC_OPT_END,
};

/* A directory that is made beside its final place. */
struct draft {
	int parent;
	char *name;   /* final */
	char tmp[40]; /* while it is made; "" when there is none */
};

static void draft_release(struct draft *d)
{
	struct ac_err err = AC_ERR_INIT;

	if (d->tmp[0] != '\0' && ac_tree_remove(d->parent, d->tmp, &err) < 0)
		ac_warn("%s", err.msg);
	if (d->parent >= 0)
		(void)close(d->parent);
	free(d->name);
}

/* Split DIR, as the user wrote it, and open where it goes. */
static int draft_open(struct draft *d, const char *dir, bool overwrite,
		      struct ac_err *err)
{
	AC_FREE char *path = ac_xstrdup(dir);
	size_t n = strlen(path);
	char *slash;
	struct stat st;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	slash = strrchr(path, '/');
	d->name = ac_xstrdup(slash != NULL ? slash + 1 : path);
	if (d->name[0] == '\0' || strcmp(d->name, ".") == 0 ||
	    strcmp(d->name, "..") == 0)
		return ac_err_set(err, AC_E_USAGE,
				  "output directory '%s': give it a name of "
				  "its own",
				  dir);
	if (slash == path)
		slash++;
	if (slash != NULL)
		*slash = '\0';
	d->parent = open(slash != NULL ? path : ".",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->parent < 0)
		return ac_err_sys(err, errno, "open the directory of '%s'",
				  dir);
	if (!overwrite &&
	    fstatat(d->parent, d->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return ac_err_set(err, AC_E_EXISTS,
				  "output directory '%s' exists (try "
				  "--overwrite)",
				  dir);
	return 0;
}

/* Make the directory that becomes DIR: a descriptor of it. */
static int draft_begin(struct draft *d, struct ac_err *err)
{
	uint64_t r;
	int fd;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return ac_err_sys(err, errno, "getrandom");
	(void)snprintf(d->tmp, sizeof(d->tmp), ".tmp-render-%016" PRIx64, r);
	if (mkdirat(d->parent, d->tmp, 0755) < 0) {
		int saved = errno;

		d->tmp[0] = '\0';
		return ac_err_sys(err, saved, "make the output directory '%s'",
				  d->name);
	}
	fd = openat(d->parent, d->tmp,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ac_err_sys(err, errno, "open the output directory '%s'",
				  d->name);
	return fd;
}

/* Put it in its place; what was there becomes the draft and is removed. */
static int draft_commit(struct draft *d, bool overwrite, struct ac_err *err)
{
	if (overwrite && renameat2(d->parent, d->tmp, d->parent, d->name,
				   RENAME_EXCHANGE) == 0)
		return 0;
	if (overwrite && errno != ENOENT)
		return ac_err_sys(err, errno, "replace '%s'", d->name);
	if (renameat2(d->parent, d->tmp, d->parent, d->name, RENAME_NOREPLACE) <
	    0)
		return ac_err_sys(err, errno, "make '%s'", d->name);
	d->tmp[0] = '\0';
	return 0;
}

static int write_manifest(int dirfd, const struct ac_record *r,
			  struct ac_err *err)
{
	AC_CLEANUP(ac_atomic_release) struct ac_atomic a = AC_ATOMIC_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(16 << 20);

	ac_image_write(r->image.doc, &text);
	if (ac_buf_check(&text, "the manifest", err) < 0 ||
	    ac_atomic_open(&a, dirfd, "manifest", 0644, err) < 0 ||
	    ac_io_write(a.fd, ac_buf_str(&text), text.len, "manifest", err) < 0)
		return -1;
	return ac_atomic_commit(&a, err);
}

static int fill(const struct ac_store *s, const struct ac_record *r, int dirfd,
		bool rootfs_only, struct ac_err *err)
{
	AC_CLOSE int rootfs = -1;

	if (rootfs_only)
		return ac_render(s, r, dirfd, err);
	if (mkdirat(dirfd, "rootfs", 0755) < 0)
		return ac_err_sys(err, errno, "make 'rootfs'");
	rootfs = openat(dirfd, "rootfs",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rootfs < 0)
		return ac_err_sys(err, errno, "open 'rootfs'");
	if (ac_render(s, r, rootfs, err) < 0)
		return -1;
	return write_manifest(dirfd, r, err);
}

int render_run(struct ac_call *c, struct ac_err *err)
{
	const struct render_opts *o = c->opts;
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_CLEANUP(draft_release) struct draft d = {.parent = -1};
	AC_CLOSE int fd = -1;

	(void)ac_interrupt_catch(); /* the draft must go */
	if (ac_store_open(&s, g->dir, false, err) < 0 ||
	    image_find(&s, c->argv[0], &r, err) < 0 ||
	    draft_open(&d, c->argv[1], o->overwrite, err) < 0)
		return -1;
	fd = draft_begin(&d, err);
	if (fd < 0)
		return -1;
	if (fill(&s, &r, fd, o->rootfs_only, err) < 0)
		return ac_err_ctx(err, "render image '%s'", c->argv[0]);
	return draft_commit(&d, o->overwrite, err);
}
