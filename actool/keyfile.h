/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_KEYFILE_H
#define ACTOOL_KEYFILE_H

/* Private key files, and the passphrases that open them. */

#include <stdbool.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_pkey;
struct ac_secret;

/* The private key in FILE.  Its passphrase, when it has one: the first line of
 * the descriptor PASSPHRASE_FD (text; NULL: none), else the environment's
 * COSIGN_PASSWORD, else the terminal is asked.  A file that others may read is
 * warned of.  NULL on failure. */
AC_MUSTUSE struct ac_pkey *keyfile_load(const char *file,
					const char *passphrase_fd,
					struct ac_err *err);

/* A passphrase for a new key, from the same places; on the terminal it must be
 * typed twice.  It may be empty. */
AC_MUSTUSE int keyfile_new_passphrase(struct ac_secret *s,
				      const char *passphrase_fd,
				      const char *file, struct ac_err *err);

#endif
