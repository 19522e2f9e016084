/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_CRYPT_H
#define ACTOOL_CRYPT_H

/* encrypt, decrypt: images under a passphrase (spec/image.md A6). */

#include <stdbool.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct crypt_opts {
	const char *passphrase_fd;
	const char *homedir;
	bool overwrite;
	bool replace;
};
extern const struct ac_opt crypt_options[];

int run_encrypt(struct ac_call *c, struct ac_err *err);
int run_decrypt(struct ac_call *c, struct ac_err *err);

#endif
