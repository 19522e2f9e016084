/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning with files of this machine. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/apart.h"
#include "acbuild/begin.h"
#include "acbuild/begin_image.h"
#include "acbuild/cmd.h"
#include "acbuild/oci.h"
#include "acbuild/oci_state.h"
#include "acbuild/place.h"
#include "acbuild/work.h"
#include "acbuild/write.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/codec/tar.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci_check.h"
#include "common/image/acifile.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/sys/at.h"
#include "common/sys/interrupt.h"
#include "common/sys/tree.h"
#include "common/sys/treewr.h"

struct start {
	const char *path;
	const char *image; /* which of several, or NULL */
	struct ac_secret *secret;
	int fd; /* what is read instead of PATH; -1: PATH */
};

/* What the child did. */
enum { FILLED, FOUND_OCI };

int begin_parent(struct work *w, struct ac_err *err)
{
	return w->oci ? ac_at_mkdirs(w->dir, OCI_TOP_DIR, 0755, err)
		      : open_dir(w->aci, ".", err);
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

static int begin_dir(struct work *w, const struct start *s, struct ac_err *err)
{
	AC_CLOSE int fd = open_dir(AT_FDCWD, s->path, err);
	AC_CLOSE int parent = fd < 0 ? -1 : begin_parent(w, err);

	if (parent < 0)
		return -1;
	if (is_oci(fd) || (w->oci && oci_is_old(fd)))
		return FOUND_OCI;
	if (no_choice(s->path, s->image, err) < 0)
		return -1;
	w->doc = ac_image_new(UNNAMED);
	return copy_tree(w, s->path, parent, "rootfs", err);
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

static int begin_archive(struct work *w, const struct start *s,
			 struct ac_err *err)
{
	const struct timespec t[2] = {{.tv_sec = build_time()},
				      {.tv_sec = build_time()}};
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *f =
		s->fd < 0 ? ac_aci_file_open(s->path, s->secret, err)
			  : ac_aci_file_adopt(s->fd, s->path, NULL, err);
	AC_CLOSE int staging = f == NULL ? -1 : work_staging(w, err);
	struct ac_err why;
	struct stat st;

	if (staging < 0 ||
	    untar(ac_aci_file_fd(f), staging, s->path, &why, err) < 0 ||
	    ac_aci_file_end(f, err) < 0)
		return -1;
	if (is_oci(staging) || (w->oci && oci_is_old(staging)))
		return FOUND_OCI;
	if (no_choice(s->path, s->image, err) < 0)
		return -1;
	if (fstatat(staging, "manifest", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode)) {
		if (why.code == AC_OK)
			return adopt_image(w, staging, s->path, err);
		*err = why;
		return ac_err_ctx(err, "'%s'", s->path);
	}
	/* An archive that names its root "./" has said how that should be. */
	if (fstat(staging, &st) < 0 ||
	    ((st.st_mode & 07777) == 0700 &&
	     (fchmod(staging, 0755) < 0 || futimens(staging, t) < 0)))
		return ac_err_sys(err, errno, "set the mode of '.acbuild'");
	return adopt_rootfs(w, s->path, err);
}

static int fill_here(struct work *w, const void *ctx, struct ac_err *err)
{
	const struct start *s = ctx;
	struct stat st;

	if (s->fd >= 0)
		return begin_archive(w, s, err);
	if (stat(s->path, &st) < 0)
		return ac_err_sys(err, errno, "stat '%s'", s->path);
	return S_ISDIR(st.st_mode) ? begin_dir(w, s, err)
				   : begin_archive(w, s, err);
}

static int fill_apart(struct work *w, const struct start *s, struct ac_err *err)
{
	AC_FREE char *what = ac_xasprintf("'%s'", s->path);
	const struct apart needs = {.what = what,
				    .file = s->path,
				    .fd = s->fd,
				    .doc = true};

	return apart(w, &needs, fill_here, s, err);
}

static int begin_oci(struct work *w, const struct start *s, struct ac_err *err)
{
	struct start again = *s;
	AC_CLOSE int fd = -1;
	int r;

	if (w->oci)
		return oci_begin_image(w, s->path, s->image, NULL, err) < 0
			       ? -1
			       : ac_tree_remove(w->dir, "staging", err);
	fd = again.fd = convert_oci(w, s->path, s->image, err);
	again.image = NULL;
	if (fd < 0)
		return -1;
	r = fill_apart(w, &again, err);
	if (r == FOUND_OCI)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s': acconvert made no ACI of it", s->path);
	return r;
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
	size_t n = begin_path(start);
	AC_FREE char *path = ac_xstrndup(start, n);
	const struct start s = {
		.path = path,
		.image = start[n] != '\0' ? start + n + 1 : NULL,
		.secret = secret,
		.fd = -1,
	};
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return errno == ENOENT
			       ? ac_err_set(err, AC_E_INVALID,
					    "no such file or directory: %s",
					    start)
			       : ac_err_sys(err, errno, "stat '%s'", path);
	if (secret != NULL)
		ac_aci_file_expect(path);
	r = fill_apart(w, &s, err);
	return r == FOUND_OCI ? begin_oci(w, &s, err) : r;
}
