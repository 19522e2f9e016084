/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_POLICY_PRIV_H
#define AC_STORE_POLICY_PRIV_H

/* Inside policy: one file. */

#include "common/base/attr.h"
#include "common/store/keystore_priv.h"
#include "common/store/policy.h"

#define AC_POLICY_FILE "_policy.json"

/* What TEXT says into P; errors have the line and the field. */
AC_MUSTUSE int ac_policy_parse(struct ac_policy *p, const struct ac_buf *text,
			       struct ac_err *err);

/* Where the policy of PREFIX (NULL: of all images) is, below trustedkeys.
 * Caller frees. */
AC_MUSTUSE char *ac_policy_place(const char *prefix);

/* The policy of PREFIX in one directory: 1, 0 when there is none, -1 (and OUT
 * has its prefix and path). */
AC_MUSTUSE int ac_policy_read(const struct ac_keylevels *l, size_t level,
			      const char *prefix, struct ac_policy *out,
			      struct ac_err *err);

#endif
