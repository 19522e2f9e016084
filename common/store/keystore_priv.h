/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_KEYSTORE_PRIV_H
#define AC_STORE_KEYSTORE_PRIV_H

/* Inside the keystore: its directories, for keys and policies. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/store/config.h"

struct ac_buf;
struct ac_err;
struct ac_keystore;

enum {
	AC_KEYSTORE_LEVELS = AC_CONFIG_DIRS,
	AC_KEYSTORE_DEPTH = 64,    /* components of a prefix, */
	AC_KEYSTORE_LENGTH = 1024, /* its bytes: what is kept can be listed */
};

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

/* What is in a directory, by name: LINKS lead to directories below FD, which
 * are listed behind one link of a path only, so that loops end. */
struct ac_keydir {
	struct ac_strv files, dirs, links;
};
void ac_keydir_release(struct ac_keydir *d);
/* The directory REL below FD: 1, 0 when it is none, -1. */
AC_MUSTUSE int ac_keydir_read(struct ac_keydir *d, int fd, const char *rel,
			      struct ac_err *err);
/* Call FN for each directory and link in D at PREFIX ("": the top); LINKED: a
 * link was passed already.  For what is not listed there is a warning. */
typedef int (*ac_keydir_fn)(void *ctx, const char *prefix, bool linked,
			    struct ac_err *err);
AC_MUSTUSE int ac_keydir_each(const struct ac_keydir *d, const char *prefix,
			      bool linked, ac_keydir_fn fn, void *ctx,
			      struct ac_err *err);

/* Is the directory REL, DEPTH below the top, none that we would have made? Then
 * warn of it: what is below is not listed, and no reason to list nothing. */
bool ac_keystore_too_deep(const char *rel, int depth);

/* Open the directory trustedkeys/REL where we write, making it; *path gets its
 * name, which the caller frees.  PREFIX (NULL: the root) is checked. */
AC_MUSTUSE int ac_keystore_place(const struct ac_keystore *ks,
				 const char *prefix, const char *rel,
				 char **path, struct ac_err *err);

#endif
