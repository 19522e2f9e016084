/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_SHARE_H
#define AC_STORE_SHARE_H

/*
 * Root's store for others (spec/store.md S90): the group `acutils` may read it,
 * members of `acutils-admin` may add what root then checks before it uses it.
 *
 * Nothing of it ever belongs to the groups but the directory itself, which
 * `acutils` may enter, and members/, where a member of `acutils-admin` makes a
 * store of his own: members/UID.  Layers stay root's alone: they hold
 * set-user-id programs and devices.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_store;

#define AC_SHARE_SYSTEM  "/var/lib/acutils"
#define AC_SHARE_READERS "acutils"
#define AC_SHARE_ADDERS  "acutils-admin"
#define AC_SHARE_MEMBERS "members"

/* How many signatures of an image a member's store has at most. */
enum { AC_SHARE_SIGNATURES = 16 };
/* The path of the one with number I in such a store.  Caller frees. */
AC_MUSTUSE char *ac_share_signature(const char *id, size_t i);

/* Give the store in the directory PATH to the groups, when root calls, whose it
 * is, the group `acutils` is there, and PATH is the system's store or belongs
 * to that group already.  What others may not see is closed before it is
 * opened.  0 too when there is nothing to do. */
AC_MUSTUSE int ac_share_settle(const char *path, struct ac_err *err);

/* The mode of the directory NAME ("layers") in S. */
mode_t ac_share_mode(const struct ac_store *s, const char *name);

/* Where the caller adds to root's store in PATH: 1 with *own (owned by the
 * caller), made when CREATE; 0 when PATH is no such store, or the caller has
 * nothing there; -1. */
AC_MUSTUSE int ac_share_own(const char *path, bool create, char **own,
			    struct ac_err *err);

/* The error SYS of opening the store in PATH, with who may. */
AC_MUSTUSE int ac_share_denied(const char *path, int sys, struct ac_err *err);

/* Open members/ of S: 1 with the descriptor, 0 when there is none that is
 * root's. */
AC_MUSTUSE int ac_share_members(const struct ac_store *s, int *fd);

#endif
