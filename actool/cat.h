/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_CAT_H
#define ACTOOL_CAT_H

/* cat-manifest: print a manifest, of an image, a layout, or a file of its own.
 */

#include <stdbool.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct cat_opts {
	bool pretty;
	const char *passphrase_fd;
};
extern const struct ac_opt cat_options[];

int run_cat(struct ac_call *c, struct ac_err *err);

#endif
