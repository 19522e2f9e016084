/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_BEGIN_H
#define ACBUILD_BEGIN_H

#include "common/base/attr.h"

struct ac_err;
struct ac_secret;
struct work;

/* Fill the currentaci of W from START: a directory becomes the rootfs, an ACI
 * is unpacked, any other archive is unpacked as the rootfs.  W->doc gets the
 * manifest.  SECRET (may be NULL) opens an encrypted image. */
AC_MUSTUSE int begin_from(struct work *w, const char *start,
			  struct ac_secret *secret, struct ac_err *err);

#endif
