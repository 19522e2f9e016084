/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_TRUSTLIST_H
#define AC_FETCH_TRUSTLIST_H

/* acfetch trust list, acfetch trust remove. */

#include <stdbool.h>

#include "common/base/attr.h"
#include "fetch/cmd.h"

struct ac_err;
struct trust_opts;

/* "openpgp" or "pem". */
const char *trust_kind(enum ac_key_kind kind);

/* Print the keys of the keystore: PREFIX ("(root)" for root keys),
 * FINGERPRINT, STATE (good, expired, revoked, bad: not what its file's name
 * says) and IDENTITY; then the policies.  As JSON with --json. */
AC_MUSTUSE int trust_list(const struct globals *g, bool no_legend,
			  struct ac_err *err);

/* Take back the trust in the N fingerprints, or beginnings of them that only
 * one key has, at o->prefix or at the root, or wherever they are trusted.  None
 * at all: in all keys at o->prefix.  Spaces in a fingerprint and upper case are
 * accepted, as it is shown for review.  With o->policy, the policy is removed
 * instead. */
AC_MUSTUSE int trust_remove(const struct globals *g, const struct trust_opts *o,
			    int n, char **fingerprints, struct ac_err *err);

#endif
