/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_DEPENDENCY_H
#define ACBUILD_DEPENDENCY_H

/* dependency: the images below this one. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/cli/prog.h"

struct dependency_opts {
	const char *file;
	const char *image_id;
	struct ac_strv labels;
	uint64_t size;
};

struct dependency_fetch_opts {
	bool insecure;
};

extern const struct ac_cmd dependency_cmds[];

#endif
