/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/prog.h"
#include "common/store/store.h"
#include "fetch/cmd.h"
#include "fetch/config.h"
#include "fetch/discover.h"
#include "fetch/image.h"
#include "fetch/publish.h"
#include "fetch/pull.h"
#include "fetch/push.h"
#include "fetch/serve.h"
#include "fetch/storecheck.h"
#include "fetch/trust.h"

/* One row a command; their tables of options stand beside their code. */
static const struct ac_cmd cmds[] = {
	{.name = "pull",
	 .alias = "fetch",
	 .args = "IMAGE...",
	 .help = "fetch images into the store",
	 .about = pull_about,
	 .opts = pull_opts,
	 .opt_size = sizeof(struct pull_opts),
	 .min = 1,
	 .max = -1,
	 .run = pull_run},
	{.name = "push",
	 .args = "IMAGE docker://HOST/NAME[:TAG]",
	 .help = "push an image to a registry",
	 .about = push_about,
	 .opts = push_opts,
	 .opt_size = sizeof(struct push_opts),
	 .min = 2,
	 .max = 2,
	 .run = push_run},
	{.name = "discover",
	 .args = "NAME...",
	 .help = "tell where the images and keys of a name are",
	 .about = discover_about,
	 .opts = discover_opts,
	 .opt_size = sizeof(struct discover_opts),
	 .min = 1,
	 .max = -1,
	 .run = discover_run},
	{.name = "trust",
	 .args = "[PUBKEY...]",
	 .help = "trust keys to sign images",
	 .about = trust_about,
	 .opts = trust_opts,
	 .opt_size = sizeof(struct trust_opts),
	 .max = -1,
	 .run = trust_run},
	{.name = "image",
	 .help = "work with the images of the store",
	 .sub = image_cmds},
	{.name = "config",
	 .help = "print what the configuration comes to",
	 .about = config_about,
	 .opts = config_opts,
	 .opt_size = sizeof(struct config_opts),
	 .run = config_run},
	{.name = "store",
	 .help = "work with the store as a whole",
	 .sub = store_cmds},
	{.name = "publish",
	 .args = "DIR [IMAGE...]",
	 .help = "make DIR a site of images",
	 .about = publish_about,
	 .opts = publish_opts,
	 .opt_size = sizeof(struct publish_opts),
	 .min = 1,
	 .max = -1,
	 .run = publish_run},
	{.name = "serve",
	 .args = "[DIR]",
	 .help = "serve a site and OCI images over HTTP",
	 .about = serve_about,
	 .opts = serve_opts,
	 .opt_size = sizeof(struct serve_opts),
	 .max = 1,
	 .run = serve_run},
	AC_CMD_END,
};

/* Whoever opens the store, and the programs that we execute. */
static void before(const struct ac_call *call)
{
	const struct globals *g = call->globals;

	globals_settle(call);
	ac_store_read_also(&g->store_read);
}

int main(int argc, char **argv)
{
	static const struct ac_prog prog = {
		.name = "acfetch",
		.about = "Find images by name, in registries and in files, "
			 "verify them and keep\nthem in the store; publish and "
			 "serve them.",
		.cmds = cmds,
		.globals = global_opts,
		.global_size = sizeof(struct globals),
		.debug_offset = offsetof(struct globals, debug),
		.before = before,
		.version = "appc version 0.8.11",
	};

	return ac_prog_main(&prog, argc, argv);
}
