/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actool/extract.h"

#include "actool/confine.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/limitopt.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/image/aci.h"
#include "common/image/acifile.h"
#include "common/image/manifest.h"
#include "common/store/config.h"
#include "common/sys/atomic.h"
#include "common/sys/interrupt.h"
#include "common/sys/newdir.h"
#include "common/sys/path.h"
#include "common/sys/treewr.h"
#include "common/sys/xattr.h"

const struct ac_opt extract_options[] = {
	AC_OPT_BOOL(struct extract_opts, manifest_only, "manifest-only",
		    "no rootfs"),
	AC_OPT_BOOL(struct extract_opts, rootfs_only, "rootfs-only",
		    "DIR is the root file system itself, without a manifest"),
	AC_OPT_BOOL(struct extract_opts, no_owner, "no-same-owner",
		    "all files are yours, and no devices (always so when not "
		    "root)"),
	AC_OPT_BOOL(struct extract_opts, overwrite, "overwrite",
		    "replace DIR when it is not empty"),
	AC_OPT_PASSPHRASE(struct extract_opts, passphrase_fd),
	AC_OPT_LIMIT(struct extract_opts, limits),
	AC_OPT_END,
};

/* One path that was asked for. */
struct wanted {
	char *path; /* clean; owned */
	bool found;
};

struct job {
	const struct extract_opts *o;
	const char *file;
	struct ac_treewr *w; /* owned */
	struct wanted *paths;
	size_t n_paths; /* 0: all */
	bool skip;      /* the current entry */

	struct ac_buf manifest;
	/* What could not be kept. */
	uint64_t devices, owners, setids, attributes, foreign;
};

static void release(struct job *j)
{
	for (size_t i = 0; i < j->n_paths; i++)
		free(j->paths[i].path);
	free(j->paths);
	ac_treewr_free(j->w);
	ac_buf_release(&j->manifest);
}

static int take_paths(struct job *j, char **v, int n, struct ac_err *err)
{
	j->paths = ac_xcalloc((size_t)n + 1, sizeof(*j->paths));
	for (int i = 0; i < n; i++) {
		char *path =
			ac_path_has_dotdot(v[i]) ? NULL : ac_path_clean(v[i]);

		if (path == NULL)
			return ac_err_set(err, AC_E_USAGE,
					  "'%s' is no path in an image", v[i]);
		j->paths[j->n_paths++].path = path;
	}
	return 0;
}

/* Was E asked for?  Directories on the way to something that was are, too. */
static bool chosen(struct job *j, const struct ac_entry *e)
{
	bool is = j->n_paths == 0;

	for (size_t i = 0; i < j->n_paths; i++) {
		struct wanted *p = &j->paths[i];

		if (ac_path_within(e->path, p->path))
			is = p->found = true;
		else if (e->type == AC_F_DIR &&
			 ac_path_within(p->path, e->path))
			is = true;
	}
	return is;
}

static int on_manifest(void *ctx, const char *text, size_t len,
		       struct ac_err *err)
{
	struct job *j = ctx;

	ac_buf_add(&j->manifest, text, len);
	return ac_buf_check(&j->manifest, "the manifest", err);
}

/* Has it attributes that are left out of every tree? */
static bool has_foreign(const struct ac_entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++)
		if (!ac_xattr_kept(e->xattrs[i].name))
			return true;
	return false;
}

static bool privileged(const struct ac_entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++)
		if (strncmp(e->xattrs[i].name, "security.", 9) == 0 ||
		    strncmp(e->xattrs[i].name, "trusted.", 8) == 0)
			return true;
	return false;
}

/* Count what will not be as in the image. */
static void account(struct job *j, struct ac_entry *e)
{
	if (e->type == AC_F_HARD)
		return;
	if (has_foreign(e))
		j->foreign++;
	if (!j->o->no_owner)
		return;
	if (e->type == AC_F_CHR || e->type == AC_F_BLK) {
		j->devices++;
		return;
	}
	if (e->uid != 0 || e->gid != 0)
		j->owners++;
	if (geteuid() != 0 && privileged(e))
		j->attributes++;
	/* A file that would be root's all of a sudden must not give root's
	 * rights away. */
	if (geteuid() == 0 && e->type == AC_F_REG && (e->mode & 06000) != 0 &&
	    (e->uid != 0 || e->gid != 0)) {
		e->mode &= ~(mode_t)06000;
		j->setids++;
	}
}

static int on_entry(void *ctx, const struct ac_entry *e, struct ac_err *err)
{
	struct job *j = ctx;
	struct ac_entry copy = *e;

	if (ac_interrupt_check(err) < 0)
		return -1;
	j->skip = !chosen(j, e);
	if (j->skip)
		return 0;
	account(j, &copy);
	return ac_treewr_add(j->w, &copy, err);
}

static int on_data(void *ctx, const void *p, size_t n, uint64_t off,
		   struct ac_err *err)
{
	struct job *j = ctx;

	if (ac_interrupt_check(err) < 0)
		return -1;
	return j->skip ? 0 : ac_treewr_data(j->w, p, n, off, err);
}

/* A hard link to a file that is not among those asked for. */
static int on_dangling(void *ctx, const struct ac_entry *e,
		       AC_UNUSED const uint8_t xxh3[16], struct ac_err *err)
{
	const struct job *j = ctx;

	if (j->n_paths == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "hard link '%s' to '%s': there is no such "
				  "file in the image",
				  e->path, e->link);
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "'%s' is a hard link to '%s', which was not asked "
			  "for; name that too",
			  e->path, e->link);
}

static int check_found(const struct job *j, struct ac_err *err)
{
	for (size_t i = 0; i < j->n_paths; i++)
		if (!j->paths[i].found)
			return ac_err_set(err, AC_E_NOT_FOUND,
					  "'%s' is not in the image",
					  j->paths[i].path);
	return 0;
}

static int read_rootfs(struct job *j, struct ac_aci_file *f, int rootfs,
		       struct ac_err *err)
{
	const struct ac_treewr_opts opts = {.no_owner = j->o->no_owner,
					    .skip_devices = j->o->no_owner,
					    .plain = true,
					    .max_bytes =
						    ac_limit(AC_LIMIT_UNPACKED),
					    .max_entries =
						    ac_limit(AC_LIMIT_ENTRIES),
					    .dangling = on_dangling,
					    .ctx = j};
	const struct ac_aci_events ev = {.manifest = on_manifest,
					 .entry = on_entry,
					 .data = on_data,
					 .ctx = j,
					 .overlay_ok = true};
	struct ac_digest id;

	j->w = ac_treewr_new(rootfs, &opts);
	if (ac_aci_file_read(f, &ev, &id, NULL, err) < 0 ||
	    check_found(j, err) < 0)
		return -1;
	return ac_treewr_finish(j->w, err);
}

static int read_manifest(struct job *j, struct ac_aci_file *f,
			 struct ac_err *err)
{
	AC_FREE char *text = NULL;
	size_t len;

	if (ac_aci_file_manifest(f, &text, &len, err) < 0)
		return -1;
	return on_manifest(j, text, len, err);
}

static int write_manifest(struct job *j, int dirfd, struct ac_err *err)
{
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	struct ac_err why = AC_ERR_INIT;

	/* It may have been extracted to be mended. */
	if (ac_image_parse(&m, ac_buf_str(&j->manifest), j->manifest.len, NULL,
			   &why) < 0)
		ac_warn("the manifest is not valid: %s", why.msg);
	return ac_atomic_write(dirfd, "manifest", 0644,
			       ac_buf_str(&j->manifest), j->manifest.len, err);
}

static int fill(struct job *j, struct ac_aci_file *f, int dirfd,
		struct ac_err *err)
{
	AC_CLOSE int rootfs = -1;

	if (j->o->manifest_only) {
		if (read_manifest(j, f, err) < 0)
			return -1;
		return write_manifest(j, dirfd, err);
	}
	if (j->o->rootfs_only)
		return read_rootfs(j, f, dirfd, err);
	if (mkdirat(dirfd, "rootfs", 0755) < 0)
		return ac_err_sys(err, errno, "make 'rootfs'");
	rootfs = openat(dirfd, "rootfs",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rootfs < 0)
		return ac_err_sys(err, errno, "open 'rootfs'");
	if (read_rootfs(j, f, rootfs, err) < 0)
		return -1;
	return write_manifest(j, dirfd, err);
}

static void say(uint64_t n, const char *one, const char *many, const char *what)
{
	if (n != 0)
		ac_warn("%" PRIu64 " %s %s", n, n == 1 ? one : many, what);
}

static void tell_losses(const struct job *j)
{
	say(j->devices, "device", "devices", "left out: only root makes them");
	say(j->owners, "file", "files",
	    "of other owners than 0:0 in the image, and yours here");
	say(j->attributes, "file", "files",
	    "without capabilities or other attributes that only root sets");
	say(j->foreign, "file", "files",
	    "without attributes that belong to another machine");
	say(j->setids, "file", "files",
	    "without setuid and setgid, not being root's in the image");
}

static int extract(struct job *j, const char *dir, struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	AC_CLEANUP(ac_newdir_release) struct ac_newdir d = AC_NEWDIR_INIT;
	AC_CLEANUP(ac_secret_release) struct ac_secret s = AC_SECRET_INIT;

	if (ac_secret_option(&s, j->o->passphrase_fd, err) < 0)
		return -1;
	f = ac_aci_file_open(j->file, &s, err);
	if (f == NULL || ac_newdir_open(&d, dir, j->o->overwrite, err) < 0)
		return -1;
	if (fill(j, f, d.fd, err) < 0)
		return ac_err_ctx(err, "%s", j->file);
	/* The writer has descriptors and names of what is moved now. */
	ac_treewr_free(ac_steal_ptr(&j->w));
	if (ac_interrupt_check(err) < 0 ||
	    ac_newdir_commit(&d, j->o->rootfs_only, err) < 0)
		return -1;
	tell_losses(j);
	return 0;
}

int run_extract(struct ac_call *c, struct ac_err *err)
{
	struct extract_opts *o = c->opts;
	AC_CLEANUP(release)
	struct job j = {.o = o,
			.file = c->argv[0],
			.manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST)};

	if (o->manifest_only && (o->rootfs_only || c->argc > 2))
		return ac_err_set(err, AC_E_USAGE,
				  "--manifest-only leaves no room for %s",
				  o->rootfs_only ? "--rootfs-only" : "paths");
	if (ac_config_limits(NULL, &o->limits, err) < 0)
		return -1;
	if (geteuid() != 0)
		o->no_owner = true;
	if (take_paths(&j, c->argv + 2, c->argc - 2, err) < 0)
		return -1;
	if (confine_files(c->argv, 1, c->argv[1], !o->no_owner, err) < 0)
		return -1;
	(void)ac_interrupt_catch(); /* what is unfinished must go */
	return extract(&j, c->argv[1], err);
}
