/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actool/layout.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/manifest.h"
#include "common/sys/io.h"

/* Nothing but `manifest` and `rootfs`. */
static int check_names(int dirfd, struct ac_err *err)
{
	AC_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_CLOEXEC);
	AC_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL)
		return ac_err_sys(err, errno, "read the layout");
	(void)ac_steal_fd(&fd); /* d has it */
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 &&
		    strcmp(e->d_name, "manifest") != 0 &&
		    strcmp(e->d_name, "rootfs") != 0)
			return ac_err_set(err, AC_E_INVALID,
					  "unrecognized file path in layout: "
					  "\"%s\"",
					  e->d_name);
	return 0;
}

static int check_types(int dirfd, struct ac_err *err)
{
	struct stat st;

	if (fstatat(dirfd, "manifest", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "no image manifest found in layout");
	if (!S_ISREG(st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "manifest is not a regular file");
	if (fstatat(dirfd, "rootfs", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "no rootfs found in layout");
	if (!S_ISDIR(st.st_mode))
		return ac_err_set(err, AC_E_INVALID,
				  "rootfs is not a directory");
	return 0;
}

int layout_manifest(int dirfd, struct ac_buf *out, struct ac_err *err)
{
	if (check_types(dirfd, err) < 0 || check_names(dirfd, err) < 0) {
		ac_err_rule(err, "A3");
		return -1;
	}
	return ac_io_read_regular(dirfd, "manifest", out, err);
}

int check_layout(int dirfd, struct ac_json **doc, struct ac_findings *f,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;

	if (layout_manifest(dirfd, &b, err) < 0)
		return -1;
	if (ac_image_parse(&m, ac_buf_str(&b), b.len, f, err) < 0)
		return ac_err_ctx(err, "image manifest validation failed");
	if (doc != NULL)
		*doc = ac_steal_ptr(&m.doc);
	return 0;
}
