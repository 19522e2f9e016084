/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_GENKEY_H
#define ACTOOL_GENKEY_H

/* generate-key: a key pair for sign --key, as cosign's generate-key-pair makes
 * it. */

#include <stdbool.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct genkey_opts {
	bool overwrite;
	const char *passphrase_fd;
};
extern const struct ac_opt genkey_options[];

int run_genkey(struct ac_call *c, struct ac_err *err);

#endif
