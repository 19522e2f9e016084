/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_OBTAIN_H
#define AC_STORE_OBTAIN_H

/*
 * An image that somebody names: from the store, or by acfetch into it, which
 * is executed for that: it has the network, the keys and the parsers.
 *
 *	struct ac_obtain o = {.store = AC_STORE_INIT, .dir = dir};
 *
 *	if (ac_obtain(&o, "example.com/base:1.0", &record, err) < 0)
 *		...
 *	ac_store_release(&o.store);
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_config;
struct ac_err;
struct ac_secret;

enum ac_obtain_policy {
	AC_OBTAIN_NEW, /* what the store lacks */
	AC_OBTAIN_NEVER,
	AC_OBTAIN_UPDATE, /* always */
};

/* By their names, as options have them; NULL is "new". */
#define AC_OBTAIN_POLICIES "new never update"
enum ac_obtain_policy ac_obtain_policy(const char *name);

struct ac_obtain {
	struct ac_store store; /* opened when the first image needs it */
	const char *dir;       /* --dir, or NULL */
	const struct ac_config *config; /* or NULL: the default one */
	const char *insecure;           /* --insecure-options, or NULL */
	const char *signature;          /* --signature, or NULL */
	enum ac_obtain_policy policy;
	const struct ac_strv *limits;   /* --limit, or NULL; borrowed */
	const struct ac_secret *secret; /* for acfetch, or NULL; borrowed */
};

/* What has acfetch read the configuration C (NULL: the default one), appended
 * to its command line ARGV. */
void ac_obtain_config(const struct ac_config *c, struct ac_strv *argv);

/* Open .store, unless it is open: to add to it when CREATE. */
AC_MUSTUSE int ac_obtain_store(struct ac_obtain *o, bool create,
			       struct ac_err *err);

/* Find TEXT (an id, name, file, URL or docker:// reference) for this machine.
 * What is not in the store and may not be fetched, or was not, is
 * AC_E_NOT_FOUND, with acfetch's own reason. */
AC_MUSTUSE int ac_obtain(struct ac_obtain *o, const char *text,
			 struct ac_record *r, struct ac_err *err);

/* The same, by acfetch, whatever the policy and the store say. */
AC_MUSTUSE int ac_obtain_pull(struct ac_obtain *o, const char *text,
			      struct ac_record *r, struct ac_err *err);

#endif
