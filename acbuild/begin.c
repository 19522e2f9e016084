/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/begin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/begin_image.h"
#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/oci.h"
#include "acbuild/oci_state.h"
#include "acbuild/place.h"
#include "acbuild/script.h"
#include "acbuild/sources.h"
#include "acbuild/work.h"
#include "acbuild/write.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/limitopt.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/codec/tar.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci_check.h"
#include "common/image/acifile.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/store/config.h"
#include "common/store/obtain.h"
#include "common/sys/at.h"
#include "common/sys/interrupt.h"
#include "common/sys/secret.h"
#include "common/sys/tree.h"
#include "common/sys/treewr.h"

const struct ac_opt begin_options[] = {
	AC_OPT_BOOL(struct begin_opts, insecure, "insecure",
		    "fetch without signatures, certificates or https"),
	AC_OPT_STRING(struct begin_opts, build_mode, "build-mode", "MODE",
		      "\"appc\" (the default) or \"oci\""),
	AC_OPT_PASSPHRASE(struct begin_opts, passphrase_fd),
	AC_OPT_LIMIT(struct begin_opts, limits),
	AC_OPT_END,
};

int begin_parent(struct work *w, struct ac_err *err)
{
	return w->oci ? ac_at_mkdirs(w->dir, OCI_TOP_DIR, 0755, err)
		      : open_dir(w->aci, ".", err);
}

static int begin_empty(struct work *w, struct ac_err *err)
{
	AC_CLOSE int parent = begin_parent(w, err);
	AC_CLOSE int fd = -1;

	if (parent < 0)
		return -1;
	w->doc = ac_image_new(UNNAMED);
	fd = make_dir(parent, "rootfs", err);
	return fd < 0 ? -1 : 0;
}

static int begin_archive(struct work *w, struct ac_aci_file *f,
			 const char *file, const char *image,
			 struct ac_err *err);

static int begin_oci(struct work *w, const char *file, const char *image,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	int fd;

	if (w->oci)
		return oci_begin_image(w, file, image, NULL, err) < 0
			       ? -1
			       : ac_tree_remove(w->dir, "staging", err);
	fd = convert_oci(w, file, image, err);
	f = fd < 0 ? NULL : ac_aci_file_adopt(fd, file, NULL, err);
	return f == NULL ? -1 : begin_archive(w, f, file, NULL, err);
}

/* Only what holds several images lets one choose. */
static int no_choice(const char *file, const char *image, struct ac_err *err)
{
	if (image == NULL)
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "no such file or directory: %s:%s ('%s' is no OCI "
			  "layout and no archive of 'docker save')",
			  file, image, file);
}

static int begin_dir(struct work *w, const char *dir, const char *image,
		     struct ac_err *err)
{
	AC_CLOSE int fd = open_dir(AT_FDCWD, dir, err);
	AC_CLOSE int parent = fd < 0 ? -1 : begin_parent(w, err);

	if (parent < 0)
		return -1;
	if (is_oci(fd) || (w->oci && oci_is_old(fd)))
		return begin_oci(w, dir, image, err);
	if (no_choice(dir, image, err) < 0)
		return -1;
	w->doc = ac_image_new(UNNAMED);
	return copy_tree(w, dir, parent, "rootfs", err);
}

/* Write the entries of the archive FD beneath DIRFD.  *why gets what would be
 * wrong with it, if it is an image. */
static int untar(int fd, int dirfd, const char *what, struct ac_err *why,
		 struct ac_err *err)
{
	const struct ac_unzip_limits limits = {
		.max_out = ac_limit(AC_LIMIT_UNPACKED),
		.max_ratio = ac_limit_ratio(AC_ACI_MAX_RATIO),
	};
	const struct ac_treewr_opts opts = {.not_flushed = true,
					    .max_bytes =
						    ac_limit(AC_LIMIT_UNPACKED),
					    .max_entries =
						    ac_limit(AC_LIMIT_ENTRIES),
					    .no_owner = geteuid() != 0,
					    .skip_devices = geteuid() != 0};
	AC_CLEANUP(ac_unzipfd_freep)
	struct ac_unzipfd *in = ac_unzipfd_new(fd, what, &limits);
	struct ac_tar_reader *tar =
		ac_tar_reader_new(NULL, ac_unzipfd_source, in);
	struct ac_treewr *tree = ac_treewr_new(dirfd, &opts);
	AC_CLEANUP(ac_aci_check_freep)
	struct ac_aci_check *check = ac_aci_check_new(NULL, NULL, false);
	struct ac_entry e;
	int r;

	*why = AC_ERR_INIT;
	while ((r = ac_tar_next(tar, &e, err)) > 0) {
		struct ac_entry copy = e;
		const void *p;
		uint64_t off;
		size_t n;

		if (why->code == AC_OK)
			r = ac_aci_check_entry(check, &copy, why);
		r = ac_interrupt_check(err);
		if (r == 0)
			r = ac_treewr_add(tree, &e, err);
		while (r >= 0 && e.type == AC_F_REG &&
		       (r = ac_tar_data(tar, &p, &n, &off, err)) > 0)
			r = ac_treewr_data(tree, p, n, off, err);
		if (r < 0)
			break;
	}
	if (r == 0 && why->code == AC_OK)
		r = ac_aci_check_end(check, why) < 0 ? 0 : r;
	if (r == 0)
		r = ac_treewr_finish(tree, err);
	ac_treewr_free(tree);
	ac_tar_reader_free(tar);
	return r < 0 ? ac_err_ctx(err, "'%s'", what) : 0;
}

/* What was unpacked is an image (`manifest` and `rootfs`), and nothing else
 * is. */
static int adopt_image(struct work *w, int staging, const char *what,
		       struct ac_err *err)
{
	AC_CLOSE int parent = begin_parent(w, err);
	struct stat st;

	if (parent < 0)
		return -1;
	w->doc = read_manifest(staging, "manifest", err);
	if (w->doc == NULL || ac_edit_check(w->doc, w->doc, err) < 0)
		return ac_err_ctx(err, "'%s'", what);
	if (fstatat(staging, "rootfs", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s': no rootfs found in layout", what);
	if (!S_ISDIR(st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s': rootfs is not a directory", what);
	if (renameat(staging, "rootfs", parent, "rootfs") < 0 ||
	    unlinkat(staging, "manifest", 0) < 0)
		return ac_err_sys(err, errno, "unpack '%s'", what);
	if (unlinkat(w->dir, "staging", AT_REMOVEDIR) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s': unrecognized file path in layout: "
				  "there is more in it than manifest and "
				  "rootfs",
				  what);
	return 0;
}

static int adopt_rootfs(struct work *w, const char *what, struct ac_err *err)
{
	AC_CLOSE int parent = begin_parent(w, err);

	if (parent < 0)
		return -1;
	ac_log("'%s': manifest is missing, assuming build is beginning with a "
	       "tar of a rootfs",
	       what);
	w->doc = ac_image_new(UNNAMED);
	if (renameat(w->dir, "staging", parent, "rootfs") < 0)
		return ac_err_sys(err, errno, "unpack '%s'", what);
	return 0;
}

static int begin_archive(struct work *w, struct ac_aci_file *f,
			 const char *file, const char *image,
			 struct ac_err *err)
{
	const struct timespec t[2] = {{.tv_sec = build_time()},
				      {.tv_sec = build_time()}};
	AC_CLOSE int staging = work_staging(w, err);
	struct ac_err why;
	struct stat st;

	if (staging < 0 ||
	    untar(ac_aci_file_fd(f), staging, file, &why, err) < 0 ||
	    ac_aci_file_end(f, err) < 0)
		return -1;
	if (is_oci(staging) || (w->oci && oci_is_old(staging)))
		return begin_oci(w, file, image, err);
	if (no_choice(file, image, err) < 0)
		return -1;
	if (fstatat(staging, "manifest", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode)) {
		if (why.code == AC_OK)
			return adopt_image(w, staging, file, err);
		*err = why;
		return ac_err_ctx(err, "'%s'", file);
	}
	/* An archive that names its root "./" has said how that should be. */
	if (fstat(staging, &st) < 0 ||
	    ((st.st_mode & 07777) == 0700 &&
	     (fchmod(staging, 0755) < 0 || futimens(staging, t) < 0)))
		return ac_err_sys(err, errno, "set the mode of '.acbuild'");
	return adopt_rootfs(w, file, err);
}

size_t begin_path(const char *start)
{
	size_t n = strlen(start);
	struct stat st;

	if (stat(start, &st) == 0 || errno != ENOENT)
		return n;
	for (size_t i = 0; i < n; i++) {
		AC_FREE char *path = ac_xstrndup(start, i);

		if (start[i] == ':' && stat(path, &st) == 0)
			return i;
	}
	return n;
}

int begin_from(struct work *w, const char *start, struct ac_secret *secret,
	       struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep) struct ac_aci_file *f = NULL;
	size_t n = begin_path(start);
	AC_FREE char *path = ac_xstrndup(start, n);
	const char *image = start[n] != '\0' ? start + n + 1 : NULL;
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT
			       ? ac_err_set(err, AC_E_INVALID,
					    "no such file or directory: %s",
					    start)
			       : ac_err_sys(err, errno, "stat '%s'", path);
	if (S_ISDIR(st.st_mode))
		return begin_dir(w, path, image, err);
	f = ac_aci_file_open(path, secret, err);
	return f == NULL ? -1 : begin_archive(w, f, path, image, err);
}

static bool is_local(const char *start)
{
	return start[0] == '.' || start[0] == '/';
}

static int fill(struct work *w, const struct ac_call *c,
		struct ac_secret *secret, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct begin_opts *o = c->opts;
	const char *start = c->argc != 0 ? c->argv[0] : NULL;
	struct ac_obtain from = {
		.store = AC_STORE_INIT,
		.dir = g->dir,
		.insecure = o->insecure ? "image,http,tls" : NULL,
		.secret = secret,
		.limits = &o->limits,
	};
	int ret;

	if (start == NULL)
		return begin_empty(w, err);
	if (geteuid() != 0 && !w->oci)
		ac_warn("not root: all files of the image will belong to user "
			"and group 0, whatever '%s' says",
			start);
	if (is_local(start))
		return begin_from(w, start, secret, err);
	ret = begin_image(w, &from, start, err);
	ac_store_release(&from.store);
	return ret;
}

/* What a killed begin noted does not count. */
static int note_sources(struct work *w, const struct ac_call *c,
			struct ac_err *err)
{
	const struct globals *g = c->globals;

	if (unlinkat(w->dir, "sources", 0) < 0 && errno != ENOENT)
		return ac_err_sys(err, errno, "remove '.acbuild/sources'");
	if (g->script != NULL && g->script->file != NULL &&
	    sources_add(w, g->script->file, err) < 0)
		return -1;
	return sources_of_call(w, c, err);
}

int run_begin(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct begin_opts *o = c->opts;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	struct ac_err ignored = AC_ERR_INIT;
	int base;

	if (no_modify(c, err) < 0 ||
	    ac_config_limits(NULL, &o->limits, err) < 0 ||
	    ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	if (o->build_mode != NULL && strcmp(o->build_mode, "appc") != 0 &&
	    strcmp(o->build_mode, "oci") != 0)
		return ac_err_set(err, AC_E_INVALID, "invalid build mode: %s",
				  o->build_mode);
	base = open_dir(AT_FDCWD, g->work_path != NULL ? g->work_path : ".",
			err);
	if (base < 0 || work_create(&w, g, base, err) < 0)
		return -1;
	w.oci = o->build_mode != NULL && strcmp(o->build_mode, "oci") == 0;
	(void)ac_interrupt_catch();
	if (fill(&w, c, &secret, err) < 0 || note_sources(&w, c, err) < 0 ||
	    (w.oci && !oci_begun(&w) && oci_adopt(&w, c->argc != 0, err) < 0) ||
	    work_save(&w, err) < 0 || ac_interrupt_check(err) < 0 ||
	    work_begun(&w, err) < 0) {
		if (work_destroy(&w, &ignored) < 0)
			ac_warn("%s", ignored.msg);
		return -1;
	}
	return 0;
}

int run_end(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	return no_modify(c, err) < 0 ? -1 : work_end(g, err);
}
