/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_IMAGEGC_H
#define AC_FETCH_IMAGEGC_H

/* acfetch image rm, gc. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/cli/prog.h"

struct ac_err;

/* Removes all it can; an image that is not there, or in use, is told and makes
 * the whole a failure. */
int rm_run(struct ac_call *c, struct ac_err *err);

struct gc_opts {
	const char *grace;    /* --grace-period: DURATION */
	const char *max_size; /* --max-size: SIZE */
	bool dry_run;
};
extern const struct ac_opt gc_opts[];
int gc_run(struct ac_call *c, struct ac_err *err);

/* Seconds of "24h", "1h30m", "90s", "0". */
AC_MUSTUSE int duration_parse(const char *text, int64_t *seconds);

#endif
