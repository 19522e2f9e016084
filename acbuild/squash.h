/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_SQUASH_H
#define ACBUILD_SQUASH_H

/* squash: the dependencies become part of the image. */

#include <stdbool.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct squash_opts {
	bool insecure;
};
extern const struct ac_opt squash_options[];

int run_squash(struct ac_call *c, struct ac_err *err);

#endif
