/* SPDX-License-Identifier: Apache-2.0 */
/* --modify of OCI layouts and archives of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/apart.h"
#include "acbuild/begin.h"
#include "acbuild/begin_image.h"
#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/oci.h"
#include "acbuild/oci_state.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limit.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/tar.h"
#include "common/codec/unzipfd.h"
#include "common/image/aci_check.h"
#include "common/store/config.h"
#include "common/sys/interrupt.h"
#include "common/sys/path.h"
#include "common/sys/tmpdir.h"

enum { LOOK = 8 }; /* entries from which an archive is known */

/* What the first entries say: an ACI has `manifest` and `rootfs`. */
static int names_layout(struct ac_tar_reader *tar)
{
	static const char *const names[] = {"oci-layout", "index.json", "blobs",
					    "refs"};
	struct ac_err ignored = AC_ERR_INIT;
	struct ac_entry e;

	for (int i = 0; i < LOOK && ac_tar_next(tar, &e, &ignored) > 0; i++) {
		size_t n = strcspn(e.path, "/");

		if (strcmp(e.path, "manifest") == 0)
			return 0;
		for (size_t k = 0; k < AC_LEN(names); k++)
			if (strlen(names[k]) == n &&
			    strncmp(names[k], e.path, n) == 0)
				return 1;
	}
	return 0;
}

static int archive_is_layout(int fd, const char *what)
{
	const struct ac_unzip_limits limits = {
		.max_out = ac_limit(AC_LIMIT_UNPACKED),
		.max_ratio = ac_limit_ratio(AC_ACI_MAX_RATIO),
	};
	AC_CLEANUP(ac_unzipfd_freep)
	struct ac_unzipfd *in = ac_unzipfd_new(fd, what, &limits);
	struct ac_tar_reader *tar =
		ac_tar_reader_new(NULL, ac_unzipfd_source, in);
	int r = names_layout(tar);

	ac_tar_reader_free(tar);
	return r;
}

bool oci_is_layout(const char *file)
{
	AC_FREE char *path = ac_xstrndup(file, begin_path(file));
	AC_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	if (S_ISDIR(st.st_mode))
		return is_oci(fd) || oci_is_old(fd);
	return S_ISREG(st.st_mode) && archive_is_layout(fd, path) > 0;
}

static int look_here(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	(void)out;
	(void)err;
	return oci_is_layout(ctx);
}

const char *oci_modify_file(const struct globals *g)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf none = AC_BUF_INIT(0);
	struct ac_err ignored = AC_ERR_INIT;
	AC_FREE char *path = NULL;

	if (g->modify_oci != NULL || g->modify == NULL)
		return g->modify_oci;
	path = ac_xstrndup(g->modify, begin_path(g->modify));
	return apart_file(path, NULL, false, look_here, g->modify, &none,
			  &ignored) == 1
		       ? g->modify
		       : NULL;
}

static int in_work(struct work *w, const struct ac_call *c, const char *path,
		   const char *image, change_fn fn, bool keep,
		   struct ac_err *err)
{
	int r;

	w->oci = true;
	if (oci_begin_image(w, path, image, NULL, err) < 0 ||
	    oci_save(w, err) < 0)
		return -1;
	r = fn(w, c, err);
	if (r != 0 || !keep)
		return r;
	change_note(w, c);
	if (oci_seal(w, err) < 0 || oci_save(w, err) < 0 ||
	    ac_interrupt_check(err) < 0)
		return -1;
	return oci_put_back(w, path, err);
}

static int modify_in(const char *tmp, const struct ac_call *c, const char *path,
		     const char *image, change_fn fn, bool keep,
		     struct ac_err *err)
{
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	int base = open_dir(AT_FDCWD, tmp, err);

	if (base < 0 || work_create(&w, c->globals, base, err) < 0)
		return -1;
	return in_work(&w, c, path, image, fn, keep, err);
}

int oci_modify(const struct ac_call *c, const char *file, change_fn fn,
	       bool keep, struct ac_err *err)
{
	const struct globals *g = c->globals;
	size_t n = begin_path(file);
	AC_FREE char *named = ac_xstrndup(file, n);
	const char *image = file[n] != '\0' ? file + n + 1 : NULL;
	AC_FREE char *path = realpath(named, NULL);
	AC_FREE char *dir = NULL;
	AC_CLEANUP(ac_tmpdir_release) struct ac_tmpdir tmp = AC_TMPDIR_INIT;

	if (path == NULL && errno == ENOENT)
		return ac_err_set(err, AC_E_INVALID,
				  "image doesn't appear to exist: %s", file);
	if (path == NULL)
		return ac_err_sys(err, errno, "open '%s'", named);
	if (ac_config_limits(&g->config, NULL, err) < 0)
		return -1;
	(void)ac_interrupt_catch(); /* what is unpacked must go */
	dir = ac_xasprintf("%.*s/", (int)(strrchr(path, '/') - path), path);
	if (ac_tmpdir_make(&tmp, dir, ".acbuild-modify-", err) < 0)
		return -1;
	return modify_in(tmp.path, c, path, image, fn, keep, err);
}
