/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_BEGIN_H
#define ACBUILD_BEGIN_H

/* begin and end of a build. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/cli/opt.h"

struct ac_call;
struct ac_err;
struct ac_secret;
struct work;

struct begin_opts {
	bool insecure;
	const char *build_mode;
	const char *passphrase_fd;
	struct ac_strv limits;
};
extern const struct ac_opt begin_options[];

int run_begin(struct ac_call *c, struct ac_err *err);
int run_end(struct ac_call *c, struct ac_err *err);

/* Fill the currentaci of W from the file START: a directory becomes the rootfs,
 * an ACI is unpacked, of an OCI layout or an archive of `docker save` (with
 * ":NAME" or ":TAG" behind it when it has several) the image is squashed, any
 * other archive is unpacked as the rootfs.  W->doc gets the manifest.  SECRET
 * (may be NULL) opens an encrypted image. */
AC_MUSTUSE int begin_from(struct work *w, const char *start,
			  struct ac_secret *secret, struct ac_err *err);

/* Open the directory in which the files of the image are to be, as `rootfs`. */
AC_MUSTUSE int begin_parent(struct work *w, struct ac_err *err);

/* How much of START is the path of a file: the rest, ":..." or "", says which
 * image in it. */
size_t begin_path(const char *start);

#endif
