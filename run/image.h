/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_IMAGE_H
#define RUN_IMAGE_H

/* Images for a pod. */

#include "common/base/attr.h"
#include "common/image/manifest.h"

struct ac_err;

/* The image must be made for this machine. */
AC_MUSTUSE int image_check_platform(const struct ac_image *m,
				    struct ac_err *err);

#endif
