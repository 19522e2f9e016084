/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_ARGS_H
#define RUN_ARGS_H

/* The command line of `acrun run`:
 *
 *	[pod flags] IMAGE [flags of the image] [-- argument... [---]] IMAGE...
 *
 * Flags of the pod may stand anywhere; those of an image follow it.  --mount
 * before the first image is for all. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_call;
struct ac_err;

struct image_flags {
	const char *name, *exec, *user, *group, *working_dir, *readonly_rootfs;
	const char *memory, *cpu, *cpu_shares, *oom_score_adj;
	const char *caps_retain, *caps_remove, *seccomp, *signature;
	struct ac_strv gids, mounts, environment, annotations;
};

struct run_flags {
	struct image_flags before; /* before the first image */
	const char *net, *hostname, *pod_manifest, *pull_policy, *uuid_file;
	const char *grace, *passphrase_fd;
	struct ac_strv volumes, set_env, set_env_files;
	bool inherit_env, interactive, strict, remove;
	bool store_only, no_store;
	uint64_t pids;
};

/* One image to run. */
struct app_request {
	const char *image; /* borrowed */
	struct image_flags flags;
	struct ac_strv args;
	bool has_args;
};

struct run_args {
	struct app_request *apps;
	size_t n;
};

/* Sort the operands of C out; flags of the pod among them go to c->opts, global
 * ones to c->globals. */
AC_MUSTUSE int args_parse(struct run_args *a, const struct ac_call *c,
			  struct ac_err *err);
void args_release(struct run_args *a);

#endif
