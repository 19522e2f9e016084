/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_VERIFY_H
#define ACTOOL_VERIFY_H

/* verify: check the signatures of images. */

#include <stdbool.h>

#include "common/base/str.h"
#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct verify_opts {
	bool json;
	struct ac_strv keys;
	struct ac_strv keyrings;
	const char *signature;
};
extern const struct ac_opt verify_options[];

int run_verify(struct ac_call *c, struct ac_err *err);

#endif
