/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/configopt.h"
#include "common/cli/insecure.h"
#include "common/store/store.h"
#include "common/sys/io.h"
#include "run/args.h"
#include "run/cmd.h"
#include "run/poddir.h"

enum { FAILED = 254 };

const struct ac_opt global_opts[] = {
	AC_OPT_BOOL(struct globals, debug, "debug", "tell more on stderr"),
	AC_OPT_STRING(struct globals, dir, "dir", "DIR",
		      "the store (default: $ACUTILS_DIR, or "
		      "/var/lib/acutils)"),
	AC_OPT_CONFIG(struct globals, store_read, config),
	AC_OPT_CHOICES(struct globals, insecure, "insecure-options",
		       "NAME,NAME...", AC_INSECURE_VALUES,
		       "switch off: image, tls, http, pubkey (when fetching), "
		       "capabilities, paths, seccomp (when running), all-run, "
		       "all-fetch, all"),
	AC_OPT_END,
};

int cmd_pods(const struct globals *g, struct ac_err *err)
{
	AC_FREE char *store = NULL;

	if (ac_store_path(g->dir, &g->config, &store, err) < 0)
		return -1;
	return pods_open(store, false, err);
}

char *cmd_uuid(const struct ac_call *c, const char *uuid_file,
	       struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(4096);
	struct ac_str s;

	if (uuid_file == NULL && c->argc == 1)
		return ac_xstrdup(c->argv[0]);
	if (uuid_file == NULL || c->argc != 0) {
		(void)ac_err_set(err, AC_E_USAGE,
				 "%s: one UUID, or --uuid-file", c->path);
		return NULL;
	}
	if (ac_io_read_file(AT_FDCWD, uuid_file, &b, err) < 0) {
		(void)ac_err_ctx(err, "--uuid-file");
		return NULL;
	}
	s = ac_str_trim(ac_str(ac_buf_str(&b)));
	return ac_xstrndup(s.p, s.len);
}

static const struct ac_cmd cmds[] = {
	{.name = "run",
	 .args = "IMAGE [flags] [-- ARG... [---]] [IMAGE...]",
	 .help = "run images as a pod",
	 .about = "Flags of the pod may stand anywhere; those from --name on "
		  "follow the\nimage they are for.  The exit code is that of "
		  "the first app that fails, 128\nand the signal when it was "
		  "killed, 254 when acrun itself could not.",
	 .opts = run_opts,
	 .opt_size = sizeof(struct run_flags),
	 .max = -1,
	 .flags = AC_CMD_STOP,
	 .run = cmd_run},
	{.name = "root",
	 .args = "DIR -- COMMAND [ARG...]",
	 .help = "run a command with a directory as its root",
	 .about = "No image, store or pod: DIR gets what the command writes.  "
		  "The command finds\n/proc, /sys, /dev, /tmp and a resolver "
		  "file, and leaves no trace of them.  Its\nexit code is "
		  "passed on, 128 and the signal when it was killed; 254 when "
		  "acrun\nitself could not.",
	 .opts = root_opts,
	 .opt_size = sizeof(struct root_flags),
	 .min = 1,
	 .max = -1,
	 .flags = AC_CMD_STOP,
	 .run = cmd_root},
	{.name = "list",
	 .alias = "ls ps",
	 .help = "list pods",
	 .opts = list_opts,
	 .opt_size = sizeof(struct list_flags),
	 .run = cmd_list},
	{.name = "status",
	 .args = "UUID",
	 .help = "tell the state of a pod",
	 .opts = status_opts,
	 .opt_size = sizeof(struct status_flags),
	 .max = 1,
	 .run = cmd_status},
	{.name = "stop",
	 .args = "UUID...",
	 .help = "stop pods",
	 .opts = stop_opts,
	 .opt_size = sizeof(struct stop_flags),
	 .max = -1,
	 .run = cmd_stop},
	{.name = "rm",
	 .args = "UUID...",
	 .help = "remove exited pods",
	 .opts = rm_opts,
	 .opt_size = sizeof(struct rm_flags),
	 .max = -1,
	 .run = cmd_rm},
	{.name = "gc",
	 .help = "remove old exited pods, and what killed ones left",
	 .opts = gc_opts,
	 .opt_size = sizeof(struct gc_flags),
	 .run = cmd_gc},
	{.name = "cat-manifest",
	 .args = "UUID",
	 .help = "print the manifest of a pod",
	 .opts = cat_manifest_opts,
	 .opt_size = sizeof(struct cat_flags),
	 .max = 1,
	 .run = cmd_cat_manifest},
	AC_CMD_END,
};

/* Whoever opens the store, and the acfetch that we execute. */
static void before(const struct ac_call *call)
{
	static char *own; /* as long as the program */
	struct globals *g = call->globals;

	if (g->config.user == NULL) {
		free(own);
		g->config.user = own = ac_config_user();
	}
	ac_store_read_also(&g->store_read);
}

int main(int argc, char **argv)
{
	static const struct ac_prog prog = {
		.name = "acrun",
		.about = "Run pods of apps from App Container and OCI images.",
		.cmds = cmds,
		.globals = global_opts,
		.global_size = sizeof(struct globals),
		.debug_offset = offsetof(struct globals, debug),
		.before = before,
		.usage_code = FAILED,
		.fail_code = FAILED,
	};

	/* Nothing that the caller left open is for a pod. */
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	(void)umask(022);
	return ac_prog_main(&prog, argc, argv);
}
