/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_BEGIN_H
#define ACBUILD_BEGIN_H

/* begin and end of a build. */

#include "common/base/attr.h"
#include "common/cli/opt.h"

struct ac_call;
struct ac_err;
struct ac_secret;
struct work;

struct begin_opts {
	const char *build_mode;
	const char *passphrase_fd;
};
extern const struct ac_opt begin_options[];

int run_begin(struct ac_call *c, struct ac_err *err);
int run_end(struct ac_call *c, struct ac_err *err);

/* Fill the currentaci of W from START: a directory becomes the rootfs, an ACI
 * is unpacked, any other archive is unpacked as the rootfs.  W->doc gets the
 * manifest.  SECRET (may be NULL) opens an encrypted image. */
AC_MUSTUSE int begin_from(struct work *w, const char *start,
			  struct ac_secret *secret, struct ac_err *err);

#endif
