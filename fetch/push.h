/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PUSH_H
#define AC_FETCH_PUSH_H

/* acfetch push: images into registries. */

#include "common/cli/opt.h"
#include "common/cli/prog.h"

struct push_opts {
	const char *passphrase_fd; /* --passphrase-fd: of encrypted images */
};

extern const struct ac_opt push_opts[];
extern const char push_about[];

/* Returns 0, or 128 and the number of the signal that ended it. */
int push_run(struct ac_call *c, struct ac_err *err);

#endif
