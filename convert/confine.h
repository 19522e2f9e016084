/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_CONFINE_H
#define CONVERT_CONFINE_H

#include "common/base/attr.h"

struct ac_err;

/* Give up what is not needed (common/sys/confine.h) to make OUTPUT of INPUT, a
 * path or what the store (DIR, as the option) knows. */
AC_MUSTUSE int confine(const char *input, const char *output, const char *dir,
		       struct ac_err *err);

#endif
