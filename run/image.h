/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_IMAGE_H
#define RUN_IMAGE_H

/* Images for a pod (store/obtain.h). */

#include "common/base/attr.h"
#include "common/image/manifest.h"
#include "common/store/obtain.h"

struct ac_err;

/* "new", "never", "update"; NULL is "new". */
enum ac_obtain_policy pull_policy(const char *name);

/* The image must be made for this machine. */
AC_MUSTUSE int image_check_platform(const struct ac_image *m,
				    struct ac_err *err);

#endif
