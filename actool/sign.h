/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_SIGN_H
#define ACTOOL_SIGN_H

/* sign: OpenPGP signatures beside images. */

#include <stdbool.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct sign_opts {
	bool overwrite;
	const char *homedir;
	const char *local_user;
	const char *passphrase_fd;
};
extern const struct ac_opt sign_options[];

int run_sign(struct ac_call *c, struct ac_err *err);

#endif
