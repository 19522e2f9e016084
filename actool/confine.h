/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_CONFINE_H
#define ACTOOL_CONFINE_H

/* What the commands that read whole images keep of their privileges
 * (common/sys/confine.h). */

#include <stdbool.h>

#include "common/base/attr.h"

struct ac_err;

/* The limits of the configuration are read first.  Read the N FILES ("-":
 * standard input); write OUTPUT (a directory, made; NULL: nothing), with the
 * owners of the image when OWNERS. */
AC_MUSTUSE int confine_files(char *const *files, int n, const char *output,
			     bool owners, struct ac_err *err);

#endif
