/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_EXTRACT_H
#define ACTOOL_EXTRACT_H

/* extract: an image becomes a layout. */

#include <stdbool.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct extract_opts {
	bool manifest_only;
	bool rootfs_only;
	bool no_owner;
	bool overwrite;
	const char *passphrase_fd;
	struct ac_strv limits;
};
extern const struct ac_opt extract_options[];

int run_extract(struct ac_call *c, struct ac_err *err);

#endif
