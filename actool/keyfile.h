/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_KEYFILE_H
#define ACTOOL_KEYFILE_H

/* Private key files, and the passphrases that open them. */

#include <stdbool.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_pkey;
struct ac_secret;

/* The private key in FILE.  Its passphrase, when it has one: GIVEN when that is
 * known, else the environment's COSIGN_PASSWORD, else the terminal is asked.  A
 * file that others may read is warned of.  NULL on failure. */
AC_MUSTUSE struct ac_pkey *keyfile_load(const char *file,
					const struct ac_secret *given,
					struct ac_err *err);

/* A passphrase for the new key FILE into S, unless it is known: from the same
 * places; on the terminal it must be typed twice.  It may be empty. */
AC_MUSTUSE int keyfile_new_passphrase(struct ac_secret *s, const char *file,
				      struct ac_err *err);

#endif
