/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_VALIDATE_H
#define ACTOOL_VALIDATE_H

/* validate: archives, layouts, image and pod manifests. */

#include <stdbool.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct validate_opts {
	const char *type;
	bool strict;
	bool resolved;
	bool json;
	const char *passphrase_fd;
};
extern const struct ac_opt validate_options[];

int run_validate(struct ac_call *c, struct ac_err *err);

#endif
