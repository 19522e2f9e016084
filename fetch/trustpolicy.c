/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/trustpolicy.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/store/policy.h"
#include "fetch/trust.h"

bool trust_policy_given(const struct trust_opts *o)
{
	return o->require != NULL || o->require_keys.n != 0;
}

/* What the options say. */
static int from_options(const struct trust_opts *o, struct ac_policy *p,
			struct ac_err *err)
{
	uint64_t n = 0;

	if (o->require != NULL &&
	    (ac_num_max(ac_str(o->require), AC_POLICY_MAX, &n) < 0 || n == 0))
		return ac_err_set(err, AC_E_USAGE,
				  "--require is a number from 1 to %d",
				  AC_POLICY_MAX);
	if (o->require_keys.n > AC_POLICY_MAX)
		return ac_err_set(err, AC_E_USAGE,
				  "--require-key: more than %d keys",
				  AC_POLICY_MAX);
	for (size_t i = 0; i < o->require_keys.n; i++) {
		char hex[AC_FINGERPRINT_MAX + 1];

		if (!ac_fingerprint_read(o->require_keys.v[i], hex) ||
		    !ac_fingerprint_ok(hex))
			return ac_err_set(err, AC_E_USAGE,
					  "--require-key '%s' is not a "
					  "fingerprint: 40 or 64 hex digits, "
					  "see 'acfetch trust list'",
					  o->require_keys.v[i]);
		if (!ac_strv_has(&p->keys, hex))
			ac_strv_push(&p->keys, hex);
	}
	p->require = n > p->keys.n ? (size_t)n : p->keys.n;
	return 0;
}

int trust_policy_check(const struct trust_opts *o, struct ac_err *err)
{
	AC_CLEANUP(ac_policy_release) struct ac_policy p = AC_POLICY_INIT;

	return from_options(o, &p, err);
}

int trust_policy_write(const struct globals *g, const struct trust_opts *o,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_policy_release) struct ac_policy p = AC_POLICY_INIT;
	const struct ac_keystore ks = keystore(g);
	AC_FREE char *path = NULL;

	if (from_options(o, &p, err) < 0 ||
	    ac_policy_write(&ks, o->prefix, &p, &path, err) < 0)
		return ac_err_ctx(err, "policy");
	ac_log("Images %s%s need signatures by %zu different keys: policy at "
	       "\"%s\"",
	       o->prefix != NULL ? "at and below " : "without a longer prefix",
	       o->prefix != NULL ? o->prefix : "", p.require, path);
	return 0;
}

int trust_policy_remove(const struct globals *g, const struct trust_opts *o,
			struct ac_err *err)
{
	const struct ac_keystore ks = keystore(g);
	AC_CLEANUP(ac_policies_release)
	struct ac_policies left = AC_POLICIES_INIT;

	if (ac_policy_remove(&ks, o->prefix, err) < 0)
		return -1;
	ac_log("Removed the policy");
	if (ac_policy_list(&ks, &left, err) < 0)
		return -1;
	for (size_t i = 0; i < left.n; i++) {
		const char *at = left.v[i].prefix;

		if (at == NULL || o->prefix == NULL
			    ? at == o->prefix
			    : strcmp(at, o->prefix) == 0)
			ac_warn("the policy '%s' is still there",
				left.v[i].path);
	}
	return 0;
}
