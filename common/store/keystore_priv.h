/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_KEYSTORE_PRIV_H
#define AC_STORE_KEYSTORE_PRIV_H

/* Inside the keystore: its directories, for keys and policies. */

#include <stddef.h>

#include "common/base/attr.h"
#include "common/store/config.h"

struct ac_buf;
struct ac_err;
struct ac_keystore;

enum { AC_KEYSTORE_LEVELS = AC_CONFIG_DIRS, AC_KEYSTORE_DEPTH = 64 };

/* DIR/trustedkeys of each directory of the configuration, in the order in which
 * they are read: what comes later counts. */
struct ac_keylevels {
	const char *dir[AC_KEYSTORE_LEVELS]; /* borrowed */
	int fd[AC_KEYSTORE_LEVELS];          /* -1: there is none */
	size_t n;
};
AC_MUSTUSE int ac_keylevels_open(struct ac_keylevels *l,
				 const struct ac_keystore *ks,
				 struct ac_err *err);
void ac_keylevels_release(struct ac_keylevels *l);

/* Append the regular file REL below FD (of DIR) to OUT. */
AC_MUSTUSE int ac_keystore_read(int fd, const char *rel, struct ac_buf *out,
				struct ac_err *err);

/* Open the directory trustedkeys/REL where we write, making it; *path gets its
 * name, which the caller frees.  PREFIX (NULL: the root) is checked. */
AC_MUSTUSE int ac_keystore_place(const struct ac_keystore *ks,
				 const char *prefix, const char *rel,
				 char **path, struct ac_err *err);

#endif
