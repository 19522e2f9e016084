/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "acbuild/begin.h"
#include "acbuild/cat.h"
#include "acbuild/cmd.h"
#include "acbuild/copy.h"
#include "acbuild/dependency.h"
#include "acbuild/edit.h"
#include "acbuild/oci.h"
#include "acbuild/push.h"
#include "acbuild/run.h"
#include "acbuild/say.h"
#include "acbuild/script.h"
#include "acbuild/squash.h"
#include "acbuild/write.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/cli/configopt.h"
#include "common/cli/insecure.h"
#include "common/cli/prog.h"
#include "common/store/store.h"

static const struct ac_opt global_opts[] = {
	AC_OPT_BOOL(struct globals, debug, "debug", "say what is done"),
	AC_OPT_STRING(struct globals, work_path, "work-path", "DIR",
		      "the build is in DIR/.acbuild (default \".\")"),
	AC_OPT_STRING(struct globals, dir, "dir", "DIR",
		      "the store of images, acfetch's (default: "
		      "$ACUTILS_DIR, or /var/lib/acutils for root and "
		      "~/.local/share/acutils for others)"),
	AC_OPT_CONFIG(struct globals, store_read, config),
	AC_OPT_CHOICES(struct globals, insecure, "insecure-options", "LIST",
		       AC_INSECURE_VALUES,
		       "what not to insist on when fetching, separated by "
		       "commas: image (signatures), tls (certificates), http "
		       "(https), pubkey (keys over https), all-fetch"),
	AC_OPT_STRING(struct globals, modify, "modify", "FILE",
		      "change the image FILE instead of a build under way"),
	AC_OPT_STRING(struct globals, modify, "modify-appc", "FILE",
		      "the same as --modify"),
	AC_OPT_STRING(struct globals, modify_oci, "modify-oci", "LAYOUT",
		      "the same for an OCI layout or archive, LAYOUT[:TAG]"),
	AC_OPT_OPTIONAL(struct globals, wait, "wait", "SECONDS",
			"wait for another acbuild that works on the build"),
	AC_OPT_BOOL(struct globals, no_history, "no-history",
		    "do not record the command in the image's annotations"),
	AC_OPT_END,
};

/* clang-format off */
#define GROUP(n, a, table, h) \
	{.name = (n), .alias = (a), .sub = (table), .help = (h)}

static const struct ac_cmd cmds[] = {
	{.name = "begin", .args = "[./DIR|./FILE|IMAGE]", .max = 1,
	 .help = "start a build: empty, or from files or an image",
	 .run = run_begin, .opts = begin_options,
	 .opt_size = sizeof(struct begin_opts)},
	{.name = "write", .args = "FILE", .min = 1, .max = 1,
	 .help = "write the image and print its id", .run = run_write,
	 .opts = write_options, .opt_size = sizeof(struct write_opts)},
	{.name = "push", .args = "[docker://HOST/NAME[:TAG]]", .max = 1,
	 .help = "push the image to a registry, or into a site",
	 .run = run_push, .opts = push_options,
	 .opt_size = sizeof(struct push_opts)},
	{.name = "script", .args = "FILE|-", .min = 1, .max = 1,
	 .help = "run the commands in a file on a build of their own",
	 .about = script_about, .run = run_script},
	{.name = "end", .help = "end the build and remove .acbuild",
	 .run = run_end},
	EDIT("set-name", "NAME", 1, 1, "set the name of the image"),
	EDIT_COMMAND("set-exec", "set the command of the app"),
	EDIT("set-user", "USER", 1, 1, "set the user the app runs as"),
	EDIT("set-group", "GROUP", 1, 1, "set its group"),
	EDIT("set-supp-groups", "GID...", 1, -1,
	     "set its supplementary groups"),
	{.name = "set-working-directory", .alias = "set-wd", .args = "DIR",
	 .min = 1, .max = 1, .help = "set where the app starts",
	 .run = run_edit},
	GROUP("set-event-handler", "set-eh", handler_cmds, "manage event handlers"),
	EDIT("set-tag", "TAG", 1, 1, "set the label version"),
	GROUP("label", NULL, label_cmds, "manage labels"),
	GROUP("annotation", NULL, annotation_cmds, "manage annotations"),
	GROUP("environment", NULL, environment_cmds, "manage the environment"),
	GROUP("mount", "volume", mount_cmds, "manage mount points"),
	GROUP("port", NULL, port_cmds, "manage ports"),
	GROUP("dependency", NULL, dependency_cmds, "manage dependencies"),
	GROUP("path-whitelist", NULL, whitelist_cmds, "manage which paths stay"),
	GROUP("isolator", NULL, isolator_cmds, "manage isolators"),
	EDIT("replace-manifest", "FILE", 1, 1,
	     "take the manifest in FILE instead"),
	{.name = "copy", .args = "SOURCE TARGET", .min = 2, .max = 2,
	 .help = "copy a file or directory to TARGET in the image",
	 .run = run_copy},
	{.name = "copy-to-dir", .args = "SOURCE... DIR", .min = 2, .max = -1,
	 .help = "copy files or directories into DIR in the image",
	 .run = run_copy},
	{.name = "run", .args = "-- COMMAND [ARG...]", .min = 1, .max = -1,
	 .help = "run a command in the image", .run = run_run,
	 .opts = run_options, .opt_size = sizeof(struct run_opts),
	 .flags = AC_CMD_STOP},
	{.name = "squash", .help = "make the dependencies part of the image",
	 .run = run_squash, .opts = squash_options,
	 .opt_size = sizeof(struct squash_opts)},
	{.name = "layer", .help = "begin a new top layer (OCI)",
	 .run = run_layer},
	{.name = "cat-manifest", .help = "print the manifest",
	 .run = run_cat, .opts = cat_options,
	 .opt_size = sizeof(struct cat_opts)},
	AC_CMD_END,
};
/* clang-format on */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* What every store that is opened reads too: of this command alone, a line of a
 * script or not. */
static void read_stores(const struct globals *g)
{
	static const char name[] = "ACUTILS_STORE_READ";
	static char *given; /* by who called us */
	static bool known;

	if (!known && getenv(name) != NULL)
		given = ac_xstrdup(getenv(name));
	known = true;
	if (given != NULL)
		(void)setenv(name, given, 1);
	else
		(void)unsetenv(name);
	ac_store_read_also(&g->store_read);
}

static void before(const struct ac_call *c)
{
	static char *own; /* as long as the program */
	struct globals *g = c->globals;

	if (g->config.user == NULL) {
		free(own);
		g->config.user = own = ac_config_user();
	}
	read_stores(g);
	say(c);
}

/* An element that was to be removed and is not there has a code of its own. */
static int code(const struct ac_err *err)
{
	return err->code == AC_E_NOT_FOUND ? 2 : -1;
}

const struct ac_prog acbuild_prog = {
	.name = "acbuild",
	.about = "Build App Container images, step by step.",
	.cmds = cmds,
	.globals = global_opts,
	.global_size = sizeof(struct globals),
	.debug_offset = offsetof(struct globals, debug),
	.usage_code = 3,
	.operands_code = 1,
	.bare_help = true,
	.bad_help = true,
	.name_command = true,
	.before = before,
	.code = code,
	.version = "appc version 0.8.11",
};

/* By the name that scripts have in their first line it is `acbuild script`. */
int main(int argc, char **argv)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv args = AC_STRV_INIT;

	if (argc == 0 || strcmp(base_name(argv[0]), "acbuild-script") != 0)
		return ac_prog_main(&acbuild_prog, argc, argv);
	ac_strv_push(&args, "acbuild");
	ac_strv_push(&args, "script");
	for (int i = 1; i < argc; i++)
		ac_strv_push(&args, argv[i]);
	return ac_prog_main(&acbuild_prog, (int)args.n, args.v);
}
