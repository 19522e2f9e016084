/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
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
#include "common/codec/json.h"
#include "common/image/aci.h"
#include "common/image/manifest.h"
#include "common/sys/out.h"

const struct ac_opt build_options[] = {
	AC_OPT_BOOL(struct build_opts, overwrite, "overwrite",
		    "replace OUT.aci when it is there already"),
	AC_OPT_BOOL(struct build_opts, no_compression, "no-compression",
		    "the same as --compression none"),
	AC_OPT_STRING(struct build_opts, compression, "compression", "METHOD",
		      "gzip (default), none, xz or bzip2"),
	AC_OPT_UINT(struct build_opts, level, "level", "N",
		    "1 (fast) to 9 (small), gzip to 12"),
	AC_OPT_BOOL(struct build_opts, owner_root, "owner-root",
		    "all files belong to 0:0 (always so when not root)"),
	AC_OPT_END,
};

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
