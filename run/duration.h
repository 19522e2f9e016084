/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_DURATION_H
#define RUN_DURATION_H

/* Durations as Go writes them: "90s", "1h30m", "1.5s", "300ms"; "0". */

#include "common/base/attr.h"

struct ac_err;

/* In milliseconds; what is more than 24 days is an error. */
AC_MUSTUSE int duration_parse(const char *text, unsigned int *ms,
			      struct ac_err *err);

#endif
