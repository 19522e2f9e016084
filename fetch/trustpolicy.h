/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_TRUSTPOLICY_H
#define AC_FETCH_TRUSTPOLICY_H

/* acfetch trust --require, --require-key: how many signatures, and whose. */

#include <stdbool.h>

#include "common/base/attr.h"
#include "fetch/cmd.h"

struct ac_err;
struct trust_opts;

/* Was a policy asked for? */
bool trust_policy_given(const struct trust_opts *o);
/* Check the options, before anything is done. */
AC_MUSTUSE int trust_policy_check(const struct trust_opts *o,
				  struct ac_err *err);
/* Write the policy for o->prefix or the root. */
AC_MUSTUSE int trust_policy_write(const struct globals *g,
				  const struct trust_opts *o,
				  struct ac_err *err);
/* Remove it. */
AC_MUSTUSE int trust_policy_remove(const struct globals *g,
				   const struct trust_opts *o,
				   struct ac_err *err);

#endif
