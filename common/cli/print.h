/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_PRINT_H
#define AC_CLI_PRINT_H

/* The result of a command as one JSON document (spec/conventions.md, C18). */

#include "common/base/attr.h"

struct ac_err;
struct ac_json;

/* Print DOC on standard output, indented as by ac_json_write, and a newline.
 * What is too long is AC_E_LIMIT, and nothing is printed. */
AC_MUSTUSE int ac_print_json(const struct ac_json *doc, int indent,
			     struct ac_err *err);

#endif
