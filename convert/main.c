/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "convert/cmd.h"

static const struct ac_opt global_opts[] = {
	AC_OPT_STRING(struct globals, dir, "dir", "DIR",
		      "the store; default: $ACUTILS_DIR, "
		      "/var/lib/acutils, or for users "
		      "$XDG_DATA_HOME/acutils"),
	AC_OPT_BOOL(struct globals, debug, "debug", "say more on stderr"),
	AC_OPT_BOOL(struct globals, json, "json", "print JSON"),
	AC_OPT_END,
};

static const struct ac_cmd cmds[] = {
	{.name = "to-aci",
	 .args = "INPUT [OUTPUT]",
	 .help = "make one ACI of an OCI or Docker image (the default)",
	 .about = to_aci_about,
	 .opts = to_aci_opts,
	 .opt_size = sizeof(struct to_aci_opts),
	 .min = 1,
	 .max = 2,
	 .run = to_aci_run},
	{.name = "to-oci",
	 .args = "ACI DIR",
	 .help = "make an OCI layout of an ACI",
	 .about = to_oci_about,
	 .opts = to_oci_opts,
	 .opt_size = sizeof(struct to_oci_opts),
	 .min = 2,
	 .max = 2,
	 .run = to_oci_run},
	AC_CMD_END,
};

/* docker2aci had no commands: without one of ours, and unless it is about the
 * program itself, it is to-aci that is meant.  (A file with a command's name is
 * "./to-oci".) */
static bool has_command(int argc, char **argv)
{
	static const char *const first[] = {
		"help",   "version",  "-h",        "-help",
		"--help", "-version", "--version", "completion",
	};

	for (size_t k = 0; argc > 1 && k < AC_LEN(first); k++)
		if (strcmp(argv[1], first[k]) == 0)
			return true;
	for (int i = 1; i < argc; i++)
		for (const struct ac_cmd *c = cmds; c->name != NULL; c++)
			if (strcmp(argv[i], c->name) == 0)
				return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	static const struct ac_prog prog = {
		.name = "acconvert",
		.about = "Make an App Container Image of an OCI or Docker "
			 "image, and back.",
		.cmds = cmds,
		.globals = global_opts,
		.global_size = sizeof(struct globals),
		.debug_offset = offsetof(struct globals, debug),
		.version = "appc version 0.8.11",
	};
	static char to_aci[] = "to-aci";
	AC_FREE char **args = NULL;

	if (has_command(argc, argv))
		return ac_prog_main(&prog, argc, argv);
	args = ac_xcalloc((size_t)argc + 2, sizeof(char *));
	args[0] = argv[0];
	args[1] = to_aci;
	for (int i = 1; i < argc; i++)
		args[i + 1] = argv[i];
	return ac_prog_main(&prog, argc + 1, args);
}
