/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_WRITE_H
#define ACBUILD_WRITE_H

/* write: the build as an image file. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cli/opt.h"

struct ac_aci_build;
struct ac_call;
struct ac_digest;
struct ac_err;
struct ac_json;
struct work;

struct write_opts {
	bool overwrite;
	bool sign;
	struct ac_strv local_users;
	const char *key;
	const char *depfile;
	const char *compression;
	uint64_t level;
};
extern const struct ac_opt write_options[];

int run_write(struct ac_call *c, struct ac_err *err);

/* The name an image has until set-name. */
#define UNNAMED "acbuild-unnamed"

/* Has the manifest DOC what an image must have?  What it should have is warned
 * of. */
AC_MUSTUSE int write_ready(const struct ac_json *doc, struct ac_err *err);

/* Write the build as an image to FD, with progress as FILE; *id gets its id. */
AC_MUSTUSE int write_to(struct work *w, int fd, const struct ac_aci_build *how,
			const char *file, struct ac_digest *id,
			struct ac_err *err);

#endif
