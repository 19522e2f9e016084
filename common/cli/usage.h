/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_USAGE_H
#define AC_CLI_USAGE_H

/* The help of a program and its commands, made of their tables; for prog.c. */

#include <stdio.h>

#include "common/cli/prog.h"

/* Print the help of the command C, called PATH ("image list"), or of the
 * program when C is NULL; at most 80 columns. */
void ac_usage(FILE *out, const struct ac_prog *p, const char *path,
	      const struct ac_cmd *c);

#endif
