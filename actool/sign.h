/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_SIGN_H
#define ACTOOL_SIGN_H

/* sign: signatures beside images. */

#include <stdbool.h>

#include "common/base/str.h"
#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct sign_opts {
	bool overwrite;
	bool append;
	const char *output;
	const char *key;    /* a private key file: not by GnuPG */
	const char *type;   /* with it: sigstore, bare, raw */
	const char *digest; /* with it: instead of the usual one */
	const char *homedir;
	struct ac_strv local_users;
	const char *passphrase_fd;
};
extern const struct ac_opt sign_options[];

int run_sign(struct ac_call *c, struct ac_err *err);

#endif
