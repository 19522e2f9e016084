/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_DEPENDENCY_H
#define ACBUILD_DEPENDENCY_H

/* dependency: the images below this one. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cli/prog.h"

struct ac_err;
struct ac_json;

struct dependency_opts {
	const char *file;
	struct ac_json *ready; /* the element for FILE, owned, or NULL */
	const char *image_id;
	struct ac_strv labels;
	uint64_t size;
};

struct dependency_fetch_opts {
	bool insecure;
};

/* Is the command C a `dependency add --file`?  Then the store can get the file
 * before the command is done, where that is not possible; dependency_forget
 * frees what is kept for it. */
bool dependency_has_file(const struct ac_call *c);
AC_MUSTUSE int dependency_prepare(const struct ac_call *c, struct ac_err *err);
void dependency_forget(const struct ac_call *c);

extern const struct ac_cmd dependency_cmds[];

#endif
