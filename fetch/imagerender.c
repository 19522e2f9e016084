/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/store/render.h"
#include "common/store/store.h"
#include "common/sys/atomic.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/newdir.h"
#include "common/sys/path.h"
#include "fetch/image.h"

const struct ac_opt render_opts[] = {
	AC_OPT_BOOL(struct render_opts, rootfs_only, "rootfs-only",
		    "DIR is the root file system itself, without a manifest"),
	AC_OPT_BOOL(struct render_opts, overwrite, "overwrite", "replace DIR"),
	AC_OPT_END,
};

static int write_manifest(int dirfd, const struct ac_record *r,
			  struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(16 << 20);

	ac_image_write(r->image.doc, &text);
	if (ac_buf_check(&text, "the manifest", err) < 0)
		return -1;
	return ac_atomic_write(dirfd, "manifest", 0644, ac_buf_str(&text),
			       text.len, err);
}

/* ac_render or ac_extract. */
typedef int (*write_fn)(const struct ac_store *s, const struct ac_record *r,
			int dirfd, struct ac_err *err);

static int fill(const struct ac_store *s, const struct ac_record *r, int dirfd,
		bool rootfs_only, write_fn write_root, struct ac_err *err)
{
	AC_CLOSE int rootfs = -1;

	if (rootfs_only)
		return write_root(s, r, dirfd, err);
	if (mkdirat(dirfd, "rootfs", 0755) < 0)
		return ac_err_sys(err, errno, "make 'rootfs'");
	rootfs = openat(dirfd, "rootfs",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rootfs < 0)
		return ac_err_sys(err, errno, "open 'rootfs'");
	if (write_root(s, r, rootfs, err) < 0)
		return -1;
	return write_manifest(dirfd, r, err);
}

static int keep_store(const struct ac_store *s, const char *path,
		      struct ac_err *err)
{
	AC_FREE char *target = realpath(path, NULL);
	AC_FREE char *store = realpath(s->path, NULL);

	if (target == NULL || store == NULL ||
	    (!ac_path_within(target + 1, store + 1) &&
	     !ac_path_within(store + 1, target + 1)))
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "output directory '%s' is the store '%s', in it, or "
			  "holds it; name another",
			  path, s->path);
}

/* What is replaced must not be what is read. */
static int keep_stores(const struct ac_store *s, const char *path,
		       struct ac_err *err)
{
	int rc = keep_store(s, path, err);

	for (size_t i = 0; rc == 0 && i < s->n_more; i++)
		rc = keep_store(&s->more[i], path, err);
	return rc;
}

static int write_tree(const struct ac_call *c, write_fn write_root,
		      const char *what, struct ac_err *err)
{
	const struct render_opts *o = c->opts;
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_CLEANUP(ac_newdir_release) struct ac_newdir d = AC_NEWDIR_INIT;

	(void)ac_interrupt_catch(); /* what is unfinished must go */
	if (open_store(g, false, &s, err) < 0 ||
	    image_find(&s, c->argv[0], &r, err) < 0 ||
	    ac_newdir_open(&d, c->argv[1], o->overwrite, err) < 0 ||
	    keep_stores(&s, c->argv[1], err) < 0)
		return -1;
	if (fill(&s, &r, d.fd, o->rootfs_only, write_root, err) < 0)
		return ac_err_ctx(err, "%s image '%s'", what, c->argv[0]);
	return ac_newdir_commit(&d, o->rootfs_only, err);
}

int render_run(struct ac_call *c, struct ac_err *err)
{
	return write_tree(c, ac_render, "render", err);
}

int extract_run(struct ac_call *c, struct ac_err *err)
{
	return write_tree(c, ac_extract, "extract", err);
}
