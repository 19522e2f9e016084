/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actool/build.h"
#include "actool/layout.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/buildopt.h"
#include "common/cli/prog.h"
#include "common/cli/progress.h"
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/manifest.h"
#include "common/sys/interrupt.h"
#include "common/sys/out.h"

const struct ac_opt build_options[] = {
	AC_OPT_BOOL(struct build_opts, overwrite, "overwrite",
		    "replace OUT.aci when it is there already"),
	AC_OPT_BOOL(struct build_opts, no_compression, "no-compression",
		    "the same as --compression none"),
	AC_OPT_CHOICE(struct build_opts, compression, "compression", "METHOD",
		      AC_BUILDOPT_METHODS, "how to compress, gzip by default"),
	AC_OPT_UINT(struct build_opts, level, "level", "N",
		    "1 (fast) to 9 (small), gzip to 12"),
	AC_OPT_BOOL(struct build_opts, owner_root, "owner-root",
		    "all files belong to 0:0 (always so when not root)"),
	AC_OPT_STRING(struct build_opts, mtime, "mtime", "TIME",
		      "no file is later: seconds since 1970, or a date "
		      "(default: SOURCE_DATE_EPOCH)"),
	AC_OPT_BOOL(struct build_opts, print_id, "print-id",
		    "print the image's id"),
	AC_OPT_END,
};

static bool to_stdout(const char *target)
{
	return strcmp(target, "-") == 0;
}

static int read_layout(int layout, struct ac_buf *manifest, struct ac_err *err)
{
	AC_CLEANUP(ac_findings_release) struct ac_findings f = {.v = NULL};
	AC_JSON struct ac_json *doc = NULL;

	if (check_layout(layout, &doc, &f, err) < 0)
		return ac_err_ctx(err, "Layout failed validation");
	for (size_t i = 0; i < f.n; i++)
		ac_warn("manifest: %s: %s", f.v[i].path, f.v[i].text);
	ac_image_write(doc, manifest);
	return ac_buf_check(manifest, "the manifest", err);
}

static int open_target(struct ac_out *out, const char *target, bool overwrite,
		       struct ac_err *err)
{
	if (ac_out_open(out, target, overwrite, err) == 0)
		return 0;
	if (err->code == AC_E_EXISTS)
		return ac_err_set(err, AC_E_EXISTS,
				  "Target file exists (try --overwrite): %s",
				  target);
	return ac_err_ctx(err, "Unable to open target %s", target);
}

static int write_image(struct ac_aci_build *how, int layout, int fd,
		       const struct ac_buf *manifest, const char *target,
		       struct ac_digest *id, struct ac_err *err)
{
	AC_CLOSE int rootfs =
		openat(layout, "rootfs",
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (rootfs < 0)
		return ac_err_sys(err, errno, "open 'rootfs'");
	how->progress = ac_progress_on;
	how->progress_ctx = ac_progress_new(target, 0);
	r = ac_aci_build(fd, ac_buf_str(manifest), manifest->len, rootfs, how,
			 id, err);
	ac_progress_free(how->progress_ctx);
	return r;
}

static int build(const struct build_opts *o, int layout, const char *target,
		 struct ac_digest *id, struct ac_err *err)
{
	AC_CLEANUP(ac_out_release) struct ac_out out = AC_OUT_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf manifest = AC_BUF_INIT(AC_ACI_MAX_MANIFEST);
	struct ac_aci_build how = {.owner_root = o->owner_root};

	if (ac_buildopt(&how, o->no_compression ? "none" : o->compression,
			o->level, err) < 0 ||
	    ac_buildopt_mtime(&how, o->mtime, err) < 0 ||
	    read_layout(layout, &manifest, err) < 0)
		return -1;
	if (to_stdout(target))
		return write_image(&how, layout, STDOUT_FILENO, &manifest,
				   "image", id, err);
	if (open_target(&out, target, o->overwrite, err) < 0 ||
	    write_image(&how, layout, out.fd, &manifest, target, id, err) < 0)
		return -1;
	return ac_out_commit(&out, err);
}

static int check_target(const struct build_opts *o, const char *target,
			struct ac_err *err)
{
	const char *slash = strrchr(target, '/');
	const char *dot = strrchr(slash != NULL ? slash : target, '.');

	if (to_stdout(target)) {
		if (o->print_id)
			return ac_err_set(err, AC_E_USAGE,
					  "--print-id prints where the image "
					  "goes; name a file");
		if (isatty(STDOUT_FILENO) == 1)
			return ac_err_set(err, AC_E_INVALID,
					  "standard output is a terminal; name "
					  "a file");
		return 0;
	}
	if (dot == NULL || strcmp(dot, ".aci") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "Extension must be .aci (given %s)",
				  dot != NULL ? dot : "none");
	return 0;
}

int run_build(struct ac_call *c, struct ac_err *err)
{
	const struct build_opts *o = c->opts;
	char text[AC_DIGEST_TEXT];
	AC_CLOSE int layout = -1;
	struct ac_digest id;

	if (c->argc != 2)
		return ac_err_set(err, AC_E_INVALID,
				  "Must provide directory and output file");
	if (check_target(o, c->argv[1], err) < 0)
		return -1;
	layout = open(c->argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layout < 0)
		return ac_err_sys(err, errno, "open '%s'", c->argv[0]);
	(void)ac_interrupt_catch(); /* what is unfinished must go */
	if (build(o, layout, c->argv[1], o->print_id ? &id : NULL, err) < 0)
		return -1;
	if (o->print_id) {
		ac_digest_print(&id, '-', text);
		printf("%s\n", text);
	}
	return 0;
}
