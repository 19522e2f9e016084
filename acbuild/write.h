/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_WRITE_H
#define ACBUILD_WRITE_H

#include "common/base/attr.h"

struct ac_aci_build;
struct ac_digest;
struct ac_err;
struct work;

/* The name an image has until set-name. */
#define UNNAMED "acbuild-unnamed"

/* Write the build as an image to FD; *id gets its id. */
AC_MUSTUSE int write_to(struct work *w, int fd, const struct ac_aci_build *how,
			struct ac_digest *id, struct ac_err *err);

#endif
