/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/image/aci.h"
#include "common/image/aci_check.h"
#include "common/sys/at.h"
#include "common/sys/path.h"
#include "common/sys/tree.h"

#define WH        ".wh."
#define WH_META   ".wh..wh."
#define WH_OPAQUE ".wh..wh..opq"

static int remember(struct ac_unpack *u, struct ac_set *set, const char *path,
		    struct ac_err *err)
{
	(void)ac_set_add(set, path);
	if (u->implied.bytes + u->white.bytes + u->opaque.bytes >
	    ac_limit(AC_LIMIT_NAMES))
		return ac_limit_err(err, AC_LIMIT_NAMES,
				    ac_limit(AC_LIMIT_NAMES), "'%s'", path);
	return 0;
}

static int note(void *ctx, const struct ac_entry *e, const uint8_t xxh3[16],
		struct ac_err *err)
{
	struct ac_unpack *u = ctx;

	if (u->quiet)
		return 0;
	if (e->type == AC_F_CHR && e->dev_major == 0 && e->dev_minor == 0)
		return ac_list_mark(&u->list, AC_LIST_WHITEOUT, e->path, err);
	return ac_list_add(&u->list, e, xxh3, err);
}

static int implied(void *ctx, const struct ac_entry *e,
		   AC_UNUSED const uint8_t xxh3[16], struct ac_err *err)
{
	struct ac_unpack *u = ctx;

	return remember(u, &u->implied, e->path, err);
}

static int dangling(void *ctx, const struct ac_entry *e,
		    AC_UNUSED const uint8_t xxh3[16],
		    AC_UNUSED struct ac_err *err)
{
	struct ac_unpack *u = ctx;

	ac_strv_push(&u->links, e->path);
	ac_strv_push(&u->links, e->link);
	return 0;
}

struct ac_treewr_opts ac_unpack_writer(struct ac_unpack *u)
{
	bool root = geteuid() == 0;

	return (struct ac_treewr_opts){
		.no_owner = !root,
		.skip_devices = !root,
		.user_xattr = !root,
		.max_bytes = u->max_bytes,
		.max_entries = u->max_entries,
		.note = note,
		.dangling = u->kind == AC_IMAGE_OCI ? dangling : NULL,
		.implied = implied,
		.ctx = u,
	};
}

static int begin(struct ac_unpack *u, struct ac_err *err)
{
	struct ac_treewr_opts opts = ac_unpack_writer(u);

	if (mkdirat(u->dir, "rootfs", 0755) < 0)
		return ac_err_sys(err, errno, "make a layer's rootfs");
	u->rootfs = openat(u->dir, "rootfs",
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (u->rootfs < 0)
		return ac_err_sys(err, errno, "open a layer's rootfs");
	if (ac_list_init(&u->list, u->files, err) < 0)
		return -1;
	u->w = ac_treewr_new(u->rootfs, &opts);
	return 0;
}

int ac_unpack_open(struct ac_unpack *u, int dirfd, const char *name,
		   struct ac_err *err)
{
	u->dir = u->rootfs = u->files = -1;
	if (mkdirat(dirfd, name, 0755) < 0)
		return ac_err_sys(err, errno, "make a layer's directory");
	u->dir = openat(dirfd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (u->dir < 0)
		return ac_err_sys(err, errno, "open a layer's directory");
	u->files = openat(u->dir, "files",
			  O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (u->files < 0)
		return ac_err_sys(err, errno, "make the list of files");
	return begin(u, err);
}

static void forget(struct ac_unpack *u)
{
	ac_treewr_free(u->w);
	u->w = NULL;
	ac_list_release(&u->list);
	ac_set_release(&u->implied);
	ac_set_release(&u->white);
	ac_set_release(&u->opaque);
	ac_strv_release(&u->links);
	if (u->rootfs >= 0)
		(void)close(ac_steal_fd(&u->rootfs));
	u->root_named = u->skipping = false;
}

int ac_unpack_again(struct ac_unpack *u, struct ac_err *err)
{
	forget(u);
	if (ac_tree_remove(u->dir, "rootfs", err) < 0)
		return -1;
	return begin(u, err);
}

void ac_unpack_release(struct ac_unpack *u)
{
	forget(u);
	ac_strv_release(&u->from);
	ac_strv_release(&u->to);
	free(u->path);
	free(u->link);
	u->path = u->link = NULL;
	if (u->files >= 0)
		(void)close(ac_steal_fd(&u->files));
	if (u->dir >= 0)
		(void)close(ac_steal_fd(&u->dir));
}

int ac_unpack_own(const struct ac_unpack *u, const char *path,
		  struct ac_err *err)
{
	AC_CLOSE int fd = ac_at_open(u->rootfs, path,
				     O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, err);
	struct stat st;

	if (fd < 0) {
		if (err->code == AC_E_NOT_FOUND)
			return AC_OWN_NOTHING;
		/* A link, or something in the place of a parent. */
		return err->code == AC_E_INVALID || (err->code == AC_E_SYS &&
						     (err->sys == ENOTDIR ||
						      err->sys == ELOOP))
			       ? AC_OWN_OTHER
			       : -1;
	}
	if (fstat(fd, &st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", path);
	return S_ISDIR(st.st_mode) ? AC_OWN_DIR : AC_OWN_OTHER;
}

bool ac_unpack_hides(const struct ac_unpack *u, const char *path, bool self)
{
	AC_FREE char *p = ac_xstrdup(path);
	size_t n = strlen(p);

	if (self && ac_set_has(&u->white, p))
		return true;
	while (n != 0) {
		char *slash = strrchr(p, '/');

		n = slash != NULL ? (size_t)(slash - p) : 0;
		p[n] = '\0';
		if (ac_set_has(&u->opaque, p) ||
		    (n != 0 && ac_set_has(&u->white, p)))
			return true;
	}
	return false;
}

/* The path that is written for PATH.  Caller frees. */
static char *moved(const struct ac_unpack *u, const char *path)
{
	for (size_t i = 0; i < u->from.n; i++) {
		const char *rest = path + strlen(u->from.v[i]);

		if (ac_path_within(path, u->from.v[i]))
			return ac_path_join(u->to.v[i],
					    *rest == '/' ? rest + 1 : rest);
	}
	return ac_xstrdup(path);
}

static int write_entry(struct ac_unpack *u, const struct ac_entry *e,
		       struct ac_err *err)
{
	if (ac_aci_check_special(e, err) < 0)
		return -1;
	if (e->type == AC_F_DIR && e->path[0] == '\0')
		u->root_named = true;
	else if (e->type == AC_F_DIR)
		(void)ac_set_del(&u->implied, e->path);
	if (ac_treewr_add(u->w, e, err) < 0)
		return -1;
	/* Its parents were remembered meanwhile, and not it itself. */
	return 0;
}

static int write_moved(struct ac_unpack *u, const struct ac_entry *e,
		       struct ac_err *err)
{
	struct ac_entry to = *e;
	char *old;

	if (u->from.n == 0)
		return write_entry(u, e, err);
	/* They must last as long as the entry's content takes to come. */
	old = u->path;
	to.path = u->path = moved(u, e->path);
	free(old);
	if (e->type == AC_F_HARD) {
		old = u->link;
		to.link = u->link = moved(u, e->link);
		free(old);
	}
	return write_entry(u, &to, err);
}

static int bad_whiteout(const char *path, const char *why, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "'%s': %s; names that begin with '.wh.' mark removed "
			  "files",
			  path, why);
}

/* An entry whose name says that something is removed (OCI image-spec,
 * "Whiteouts"). */
static int whiteout(struct ac_unpack *u, const struct ac_entry *e,
		    struct ac_str dir, struct ac_str base, struct ac_err *err)
{
	AC_FREE char *parent = ac_xstrndup(dir.p, dir.len);
	AC_FREE char *raw = NULL;
	AC_FREE char *path = NULL;
	const char *name = base.p + strlen(WH);

	if (ac_str_eq(base, WH_OPAQUE)) { /* whatever kind of file it is */
		path = moved(u, parent);
		return remember(u, &u->opaque, path, err);
	}
	if (ac_str_starts(base, WH_META))
		return 0; /* aufs kept its own files so */
	if (e->type == AC_F_DIR)
		return bad_whiteout(e->path, "it is a directory", err);
	if (name[0] == '\0' || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return bad_whiteout(e->path, "it names no file", err);
	raw = ac_path_join(parent, name);
	path = moved(u, raw);
	return remember(u, &u->white, path, err);
}

/* Any parent of PATH that is named as a removed file is: 1 for aufs's own
 * directories, whose content is nothing to us, -1 for others. */
static int odd_parent(const char *path, struct ac_str dir, struct ac_err *err)
{
	struct ac_str c;

	while (dir.len != 0) {
		(void)ac_str_cut(&dir, '/', &c);
		if (ac_str_starts(c, WH_META))
			return 1;
		if (ac_str_starts(c, WH))
			return bad_whiteout(path, "a parent is a removed file",
					    err);
	}
	return 0;
}

static int on_layer_entry(struct ac_unpack *u, const struct ac_entry *e,
			  struct ac_err *err)
{
	struct ac_str dir;
	struct ac_str base;
	int r;

	u->skipping = false;
	if (strstr(e->path, WH) == NULL)
		return write_moved(u, e, err);
	ac_path_split(e->path, &dir, &base);
	r = odd_parent(e->path, dir, err);
	if (r < 0)
		return -1;
	if (r == 0 && !ac_str_starts(base, WH))
		return write_moved(u, e, err);
	u->skipping = true;
	return r > 0 ? 0 : whiteout(u, e, dir, base, err);
}

static int read_layer(struct ac_unpack *u, struct ac_tar_reader *tar,
		      struct ac_err *err)
{
	struct ac_entry e;
	const void *p;
	uint64_t off;
	size_t n;
	int r;

	while ((r = ac_tar_next(tar, &e, err)) > 0) {
		if (on_layer_entry(u, &e, err) < 0)
			return -1;
		if (e.type != AC_F_REG || u->skipping)
			continue;
		while ((r = ac_tar_data(tar, &p, &n, &off, err)) > 0)
			if (ac_treewr_data(u->w, p, n, off, err) < 0)
				return -1;
		if (r < 0)
			return -1;
	}
	return r;
}

static int aci_manifest(void *ctx, const char *text, size_t len,
			struct ac_err *err)
{
	struct ac_unpack *u = ctx;

	ac_image_release(u->image);
	if (ac_image_parse(u->image, text, len, NULL, err) < 0)
		return ac_err_ctx(err, "manifest");
	return 0;
}

static int aci_entry(void *ctx, const struct ac_entry *e, struct ac_err *err)
{
	return write_entry(ctx, e, err);
}

static int aci_data(void *ctx, const void *p, size_t n, uint64_t off,
		    struct ac_err *err)
{
	struct ac_unpack *u = ctx;

	return ac_treewr_data(u->w, p, n, off, err);
}

int ac_unpack_read(struct ac_unpack *u, ac_source_fn source, void *ctx,
		   struct ac_err *err)
{
	const struct ac_tar_limits limits = {.max_entries = u->max_entries};
	const struct ac_aci_events ev = {.manifest = aci_manifest,
					 .entry = aci_entry,
					 .data = aci_data,
					 .ctx = u};
	struct ac_tar_reader *tar;
	int r;

	if (u->kind == AC_IMAGE_ACI)
		return ac_aci_read(source, ctx, &ev, err);
	tar = ac_tar_reader_new(&limits, source, ctx);
	r = read_layer(u, tar, err);
	ac_tar_reader_free(tar);
	return r;
}
