/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_SECRETOPT_H
#define AC_CLI_SECRETOPT_H

/*
 * The option of every command that reads images, which may be encrypted:
 *
 *	struct id_opts { const char *passphrase_fd; };
 *	AC_OPT_PASSPHRASE(struct id_opts, passphrase_fd),
 *	...
 *	AC_CLEANUP(ac_secret_release) struct ac_secret s = AC_SECRET_INIT;
 *	if (ac_secret_option(&s, o->passphrase_fd, err) < 0)
 *		return -1;
 */

#include "common/cli/opt.h"
#include "common/sys/secret.h"

#define AC_OPT_PASSPHRASE(s, m)                                              \
	AC_OPT_STRING(s, m, "passphrase-fd", "N",                            \
		      "read the passphrase of an encrypted image from this " \
		      "descriptor")

#endif
