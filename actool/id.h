/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_ID_H
#define ACTOOL_ID_H

/* id: print the id of images. */

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct id_opts {
	const char *passphrase_fd;
};
extern const struct ac_opt id_options[];

int run_id(struct ac_call *c, struct ac_err *err);

#endif
