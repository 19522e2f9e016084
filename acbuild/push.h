/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_PUSH_H
#define ACBUILD_PUSH_H

/* push: the image to a registry or into a site; acfetch does it. */

#include <stdbool.h>

#include "common/base/str.h"
#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct push_opts {
	bool insecure;
	bool allow_unsigned;
	bool sign;
	struct ac_strv local_users;
	struct ac_strv keys;
	const char *site;
	const char *url;
};
extern const struct ac_opt push_options[];

/* Returns acfetch's exit code. */
int run_push(struct ac_call *c, struct ac_err *err);

#endif
