/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_CAT_H
#define ACBUILD_CAT_H

/* cat-manifest: print the manifest of the build under way, or of an image. */

#include <stdbool.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct cat_opts {
	bool pretty;
	const char *file;
};
extern const struct ac_opt cat_options[];

int run_cat(struct ac_call *c, struct ac_err *err);

#endif
