/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_POLICY_H
#define AC_STORE_POLICY_H

/*
 * How many signatures an image needs, and whose must be among them: a file a
 * prefix,
 *
 *	DIR/trustedkeys/policy.d/_policy.json           all images
 *	DIR/trustedkeys/policy.d/<prefix>/_policy.json  names at or below it
 *
 * in each DIR of the keystore (keystore.h).  No component of a name begins with
 * an underscore.  The file:
 *
 *	{"rktKind": "trustPolicy", "rktVersion": "v1",
 *	 "require": 2, "keys": ["0123..."]}
 *
 * where one of "require" and "keys" is enough.  The longest prefix counts, for
 * it the directory that is read last, and nothing else: policies are not added
 * up.  Without one, one good signature is enough.
 *
 * Damage never means fewer signatures: where there is something that cannot be
 * read or is not understood, the images are refused.  So an empty file is an
 * error too, and no mask.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_buf;
struct ac_err;
struct ac_keystore;

enum { AC_POLICY_MAX = 100 }; /* of "require", and of "keys" */

/* All owned. */
struct ac_policy {
	char *path;          /* of the file; NULL: there is none */
	char *prefix;        /* NULL: all images */
	size_t require;      /* different primary keys */
	struct ac_strv keys; /* fingerprints, each once */
	char *fault;         /* of a list: why it cannot be used; or NULL */
};
#define AC_POLICY_INIT ((struct ac_policy){.require = 1})
void ac_policy_release(struct ac_policy *p);

/* The policy for images called NAME (an AC Identifier) into OUT, which is
 * AC_POLICY_INIT and stays so when there is none. */
AC_MUSTUSE int ac_policy_find(const struct ac_keystore *ks, const char *name,
			      struct ac_policy *out, struct ac_err *err);

/* Are good signatures by SIGNERS (fingerprints, each once) enough?  Else WHY
 * gets what is missing: "good signatures by 1 of 2 required keys". */
bool ac_policy_met(const struct ac_policy *p, const struct ac_strv *signers,
		   struct ac_buf *why);

/* All that there are, by prefix; those that cannot be used have a fault. */
struct ac_policies {
	struct ac_policy *v;
	size_t n;
};
#define AC_POLICIES_INIT ((struct ac_policies){.v = NULL})
AC_MUSTUSE int ac_policy_list(const struct ac_keystore *ks,
			      struct ac_policies *out, struct ac_err *err);
void ac_policies_release(struct ac_policies *p);

/* Write P for PREFIX (NULL: all images) in the user's directory if there is
 * one, else the local one.  *path gets where; the caller frees it. */
AC_MUSTUSE int ac_policy_write(const struct ac_keystore *ks, const char *prefix,
			       const struct ac_policy *p, char **path,
			       struct ac_err *err);

/* Remove the file that ac_policy_write writes.  AC_E_NOT_FOUND when there is
 * none. */
AC_MUSTUSE int ac_policy_remove(const struct ac_keystore *ks,
				const char *prefix, struct ac_err *err);

#endif
