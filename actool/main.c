/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "actool/cmd.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/prog.h"

int tell_file(const char *file, const struct ac_err *err)
{
	AC_FREE char *name = ac_str_show(file);
	AC_FREE char *msg = ac_str_show(err->msg);

	ac_log("%s: %s", name, msg);
	return 1;
}

static const struct ac_opt global_opts[] = {
	AC_OPT_BOOL(struct globals, debug, "debug",
		    "say what was found valid, too"),
	AC_OPT_END,
};

static const struct ac_opt validate_options[] = {
	AC_OPT_STRING(struct validate_opts, type, "type", "TYPE",
		      "appimage, layout or manifest (default: what it looks "
		      "like)"),
	AC_OPT_BOOL(struct validate_opts, strict, "strict",
		    "what the specification forbids is an error, also where "
		    "it was always accepted"),
	AC_OPT_BOOL(struct validate_opts, json, "json",
		    "print what was found as JSON"),
	AC_OPT_END,
};
static const struct ac_opt build_options[] = {
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
static const struct ac_opt cat_options[] = {
	AC_OPT_BOOL(struct cat_opts, pretty, "pretty-print",
		    "indent it for reading"),
	AC_OPT_END,
};
static const struct ac_opt sign_options[] = {
	AC_OPT_STRING(struct sign_opts, local_user, "local-user", "KEY",
		      "sign with this key (fingerprint, id or mail address)"),
	AC_OPT_STRING(struct sign_opts, homedir, "homedir", "DIR",
		      "GnuPG's directory with the secret keys"),
	AC_OPT_STRING(struct sign_opts, passphrase_fd, "passphrase-fd", "N",
		      "read the passphrase from this descriptor"),
	AC_OPT_BOOL(struct sign_opts, overwrite, "overwrite",
		    "replace a signature that is there already"),
	AC_OPT_END,
};
static const struct ac_opt verify_options[] = {
	AC_OPT_LIST(struct verify_opts, keys, "key", "FILE",
		    "accept signatures of the public keys in FILE (repeat)"),
	AC_OPT_LIST(struct verify_opts, keyrings, "keyring", "FILE",
		    "and of those in this GnuPG keyring (repeat)"),
	AC_OPT_STRING(struct verify_opts, signature, "signature", "FILE",
		      "the signature, when it is not beside the image"),
	AC_OPT_BOOL(struct verify_opts, json, "json",
		    "print what was found as JSON"),
	AC_OPT_END,
};

static const struct ac_cmd cmds[] = {
	{.name = "validate",
	 .args = "FILE|DIR...",
	 .help = "check images, image layouts, image and pod manifests",
	 .opts = validate_options,
	 .opt_size = sizeof(struct validate_opts),
	 .max = -1,
	 .run = run_validate},
	{.name = "build",
	 .args = "DIR OUT.aci",
	 .help = "make an image of a layout (a manifest and a rootfs)",
	 .opts = build_options,
	 .opt_size = sizeof(struct build_opts),
	 .max = -1,
	 .run = run_build},
	{.name = "cat-manifest",
	 .args = "FILE.aci",
	 .help = "print the manifest of an image",
	 .opts = cat_options,
	 .opt_size = sizeof(struct cat_opts),
	 .min = 1,
	 .max = 1,
	 .run = run_cat},
	{.name = "id",
	 .args = "FILE.aci...",
	 .help = "print the id of images",
	 .min = 1,
	 .max = -1,
	 .run = run_id},
	{.name = "sign",
	 .args = "FILE.aci...",
	 .help = "sign images: FILE.aci.asc beside each",
	 .opts = sign_options,
	 .opt_size = sizeof(struct sign_opts),
	 .min = 1,
	 .max = -1,
	 .run = run_sign},
	{.name = "verify",
	 .args = "FILE.aci...",
	 .help = "check the signatures of images",
	 .opts = verify_options,
	 .opt_size = sizeof(struct verify_opts),
	 .min = 1,
	 .max = -1,
	 .run = run_verify},
	AC_CMD_END,
};

int main(int argc, char **argv)
{
	static const struct ac_prog prog = {
		.name = "actool",
		.about = "Validate, build, inspect, sign and verify App "
			 "Container images.",
		.cmds = cmds,
		.globals = global_opts,
		.global_size = sizeof(struct globals),
		.debug_offset = offsetof(struct globals, debug),
		.bare_help = true,
		.name_command = true,
		.version = "appc version 0.8.11",
	};

	return ac_prog_main(&prog, argc, argv);
}
