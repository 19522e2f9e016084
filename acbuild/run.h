/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_RUN_H
#define ACBUILD_RUN_H

#include <stdbool.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;
struct work;

struct run_opts {
	const char *engine, *net, *working_dir, *pull_policy;
	bool insecure, in_place;
};
extern const struct ac_opt run_options[];

/* `run`: a command in the image as it is so far, on top of its dependencies.
 * Returns the command's exit code. */
int run_run(struct ac_call *c, struct ac_err *err);

/* The same in W, for change.h. */
int run_in(struct work *w, const struct ac_call *c, struct ac_err *err);

#endif
