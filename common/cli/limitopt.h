/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_LIMITOPT_H
#define AC_CLI_LIMITOPT_H

/*
 * The option of every command that unpacks images (base/limit.h):
 *
 *	struct pull_opts { struct ac_strv limits; };
 *	AC_OPT_LIMIT(struct pull_opts, limits),
 *	...
 *	if (ac_config_limits(&config, &o->limits, err) < 0)
 *		return -1;
 */

#include "common/base/limit.h"
#include "common/cli/opt.h"

#define AC_OPT_LIMIT(s, m)                                                     \
	AC_OPT_LIST(s, m, "limit", "NAME=NUMBER",                              \
		    "take more, or only less, of an image (repeat): unpacked " \
		    "(bytes), entries, implied, ratio, depth, xattrs, "        \
		    "names, layers")

#endif
