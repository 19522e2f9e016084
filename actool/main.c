/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "actool/build.h"
#include "actool/cat.h"
#include "actool/cmd.h"
#include "actool/crypt.h"
#include "actool/diff.h"
#include "actool/discover.h"
#include "actool/extract.h"
#include "actool/genkey.h"
#include "actool/id.h"
#include "actool/inspect.h"
#include "actool/patch.h"
#include "actool/sign.h"
#include "actool/validate.h"
#include "actool/verify.h"
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

static const struct ac_cmd cmds[] = {
	{.name = "validate",
	 .group = "Check",
	 .args = "FILE|DIR|-...",
	 .help = "check images, image layouts, image and pod manifests",
	 .opts = validate_options,
	 .opt_size = sizeof(struct validate_opts),
	 .max = -1,
	 .run = run_validate},
	{.name = "build",
	 .group = "Author",
	 .args = "DIR OUT.aci",
	 .help = "make an image of a layout (a manifest and a rootfs)",
	 .opts = build_options,
	 .opt_size = sizeof(struct build_opts),
	 .max = -1,
	 .run = run_build},
	{.name = "extract",
	 .group = "Author",
	 .args = "FILE.aci DIR [PATH...]",
	 .help = "make a layout of an image, or of some paths in it",
	 .opts = extract_options,
	 .opt_size = sizeof(struct extract_opts),
	 .min = 2,
	 .max = -1,
	 .run = run_extract},
	{.name = "cat-manifest",
	 .group = "Look",
	 .args = "FILE|DIR|-",
	 .help = "print the manifest of an image or layout, or of a pod",
	 .opts = cat_options,
	 .opt_size = sizeof(struct cat_opts),
	 .max = -1,
	 .run = run_cat},
	{.name = "patch-manifest",
	 .group = "Author",
	 .args = "IN.aci [OUT.aci]",
	 .help = "change the manifest of an image, or of a copy",
	 .about = patch_about,
	 .opts = patch_options,
	 .opt_size = sizeof(struct patch_opts),
	 .max = -1,
	 .run = run_patch},
	{.name = "id",
	 .group = "Look",
	 .args = "FILE.aci...",
	 .help = "print the id of images",
	 .opts = id_options,
	 .opt_size = sizeof(struct id_opts),
	 .min = 1,
	 .max = -1,
	 .run = run_id},
	{.name = "inspect",
	 .group = "Look",
	 .args = "FILE.aci|DIR...",
	 .help = "tell what is in images",
	 .opts = inspect_options,
	 .opt_size = sizeof(struct inspect_opts),
	 .min = 1,
	 .max = -1,
	 .run = run_inspect},
	{.name = "diff",
	 .group = "Look",
	 .args = "A.aci|DIR B.aci|DIR",
	 .help = "tell what two images differ in",
	 .opts = diff_options,
	 .opt_size = sizeof(struct diff_opts),
	 .min = 2,
	 .max = 2,
	 .run = run_diff},
	{.name = "sign",
	 .group = "Protect",
	 .args = "FILE.aci...",
	 .help = "sign images: a signature beside each",
	 .opts = sign_options,
	 .opt_size = sizeof(struct sign_opts),
	 .min = 1,
	 .max = -1,
	 .run = run_sign},
	{.name = "verify",
	 .group = "Check",
	 .args = "FILE.aci...",
	 .help = "check the signatures of images",
	 .opts = verify_options,
	 .opt_size = sizeof(struct verify_opts),
	 .min = 1,
	 .max = -1,
	 .run = run_verify},
	{.name = "generate-key",
	 .group = "Protect",
	 .args = "PREFIX",
	 .help = "make a key pair for sign --key",
	 .opts = genkey_options,
	 .opt_size = sizeof(struct genkey_opts),
	 .min = 1,
	 .max = 1,
	 .run = run_genkey},
	{.name = "encrypt",
	 .group = "Protect",
	 .args = "FILE.aci [OUT.aci]",
	 .help = "encrypt an image with a passphrase",
	 .opts = crypt_options,
	 .opt_size = sizeof(struct crypt_opts),
	 .min = 1,
	 .max = 2,
	 .run = run_encrypt},
	{.name = "decrypt",
	 .group = "Protect",
	 .args = "FILE.aci [OUT.aci]",
	 .help = "the reverse of encrypt",
	 .opts = crypt_options,
	 .opt_size = sizeof(struct crypt_opts),
	 .min = 1,
	 .max = 2,
	 .run = run_decrypt},
	{.name = "discover",
	 .group = "Look",
	 .args = "NAME...",
	 .help = "tell where the images and keys of a name are",
	 .about = discover_about,
	 .opts = discover_options,
	 .opt_size = sizeof(struct discover_opts),
	 .min = 1,
	 .max = -1,
	 .run = run_discover},
	AC_CMD_END,
};

int main(int argc, char **argv)
{
	static const struct ac_prog prog = {
		.name = "actool",
		.about = "Validate, build, inspect, sign, verify and encrypt "
			 "App Container images.",
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
