/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_BUILD_H
#define ACTOOL_BUILD_H

/* build: an image of a layout. */

#include <stdbool.h>
#include <stdint.h>

#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct build_opts {
	bool overwrite;
	bool no_compression;
	bool owner_root;
	bool print_id;
	const char *mtime;
	const char *compression;
	uint64_t level;
};
extern const struct ac_opt build_options[];

int run_build(struct ac_call *c, struct ac_err *err);

#endif
