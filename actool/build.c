/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actool/cmd.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/buildopt.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/manifest.h"
#include "common/sys/io.h"
#include "common/sys/out.h"

static void closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

/* Nothing but `manifest` and `rootfs`. */
static int check_names(int dirfd, struct ac_err *err)
{
	AC_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_CLOEXEC);
	AC_CLEANUP(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
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

int check_layout(int dirfd, struct ac_json **doc, struct ac_findings *f,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;

	if (check_types(dirfd, err) < 0 || check_names(dirfd, err) < 0 ||
	    ac_io_read_file(dirfd, "manifest", &b, err) < 0)
		return -1;
	if (ac_image_parse(&m, ac_buf_str(&b), b.len, f, err) < 0)
		return ac_err_ctx(err, "image manifest validation failed");
	if (doc != NULL)
		*doc = ac_steal_ptr(&m.doc);
	return 0;
}

static int build(const struct build_opts *o, int layout, const char *target,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
	AC_CLEANUP(ac_findings_release) struct ac_findings f = {.v = NULL};
	AC_CLEANUP(ac_buf_release)
	struct ac_buf manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	AC_JSON struct ac_json *doc = NULL;
	AC_CLOSE int rootfs = -1;
	struct ac_aci_build how = {.owner_root = o->owner_root};
	struct ac_digest id;

	if (ac_buildopt(&how, o->no_compression ? "none" : o->compression,
			o->level, err) < 0)
		return -1;
	if (check_layout(layout, &doc, &f, err) < 0)
		return ac_err_ctx(err, "Layout failed validation");
	for (size_t i = 0; i < f.n; i++)
		ac_warn("manifest: %s: %s", f.v[i].path, f.v[i].text);
	ac_image_write(doc, &manifest);
	if (ac_buf_check(&manifest, "the manifest", err) < 0)
		return -1;
	rootfs = openat(layout, "rootfs",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rootfs < 0)
		return ac_err_sys(err, errno, "open 'rootfs'");
	if (ac_out_open(&out, target, o->overwrite, err) < 0)
		return err->code == AC_E_EXISTS
			       ? ac_err_set(err, AC_E_EXISTS,
					    "Target file exists (try "
					    "--overwrite): %s",
					    target)
			       : -1;
	if (ac_aci_build(out.fd, ac_buf_str(&manifest), manifest.len, rootfs,
			 &how, &id, err) < 0)
		return -1;
	return ac_out_commit(&out, err);
}

int run_build(struct ac_call *c, struct ac_err *err)
{
	AC_CLOSE int layout = -1;
	const char *slash;
	const char *dot;

	if (c->argc != 2)
		return ac_err_set(err, AC_E_INVALID,
				  "Must provide directory and output file");
	slash = strrchr(c->argv[1], '/');
	dot = strrchr(slash != NULL ? slash : c->argv[1], '.');
	if (dot == NULL || strcmp(dot, ".aci") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "Extension must be .aci (given %s)",
				  dot != NULL ? dot : "none");
	layout = open(c->argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layout < 0)
		return ac_err_sys(err, errno, "open '%s'", c->argv[0]);
	return build(c->opts, layout, c->argv[1], err);
}
