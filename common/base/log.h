/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_LOG_H
#define AC_BASE_LOG_H

/*
 * Lines on stderr, each "PROGRAM: text".  Programs speak; common/ may warn and
 * debug, and otherwise returns its errors (err.h).  Safe from any thread: one
 * write a line.
 */

#include <stdbool.h>

#include "common/base/attr.h"

/* Who speaks (borrowed) and whether debug lines are shown. */
void ac_log_init(const char *program, bool debug);
const char *ac_log_program(void);
bool ac_log_debugging(void);

void ac_log(const char *fmt, ...) AC_PRINTF(1, 2);   /* "acfetch: text" */
void ac_warn(const char *fmt, ...) AC_PRINTF(1, 2);  /* "...: warning: text" */
void ac_debug(const char *fmt, ...) AC_PRINTF(1, 2); /* only with --debug */

#endif
