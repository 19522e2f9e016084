/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_DEPENDENCY_H
#define ACBUILD_DEPENDENCY_H

/* dependency add and remove: the images below this one. */

#include <stdint.h>

#include "common/base/str.h"
#include "common/cli/prog.h"

struct dependency_opts {
	const char *image_id;
	struct ac_strv labels;
	uint64_t size;
};

extern const struct ac_cmd dependency_cmds[];

#endif
