/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_CONFIGOPT_H
#define AC_CLI_CONFIGOPT_H

/*
 * The options that say which stores and which configuration there are, of
 * programs that have acfetch fetch images, with a struct ac_config
 * (store/config.h) among their global options:
 *
 *	struct globals { struct ac_strv store_read; struct ac_config config; };
 *	AC_OPT_CONFIG(struct globals, store_read, config),
 */

#include "common/cli/opt.h"

#define AC_OPT_CONFIG(s, stores, m)                                            \
	AC_OPT_LIST(s, stores, "store-read", "DIR",                            \
		    "also read the store in DIR (repeat)"),                    \
		AC_OPT_STRING(                                                 \
			s, m.system, "system-config", "DIR",                   \
			"configuration and keys of the system (acfetch)"),     \
		AC_OPT_STRING(                                                 \
			s, m.local, "local-config", "DIR",                     \
			"configuration and keys of this machine (acfetch)"),   \
		AC_OPT_STRING(s, m.user, "user-config", "DIR",                 \
			      "configuration and keys of the user (acfetch)"), \
		AC_OPT_BOOL(s, m.rkt, "rkt-config",                            \
			    "read rkt's credentials and keys, too, when "      \
			    "fetching")

#endif
