/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_CONFIG_H
#define AC_FETCH_CONFIG_H

/* acfetch config: what the configuration comes to. */

#include <stdbool.h>

#include "common/cli/opt.h"
#include "common/cli/prog.h"

struct ac_err;

struct config_opts {
	const char *pretty; /* --pretty-print[=BOOL]; NULL: true */
	bool secrets;       /* --show-secrets */
};
extern const struct ac_opt config_opts[];
extern const char config_about[];
int config_run(struct ac_call *c, struct ac_err *err);

#endif
