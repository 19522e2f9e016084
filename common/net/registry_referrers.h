/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_REGISTRY_REFERRERS_H
#define AC_NET_REGISTRY_REFERRERS_H

/* What a repository has about one of its manifests: signatures and the like
 * (OCI distribution specification 1.1, end-12, and the tag for registries
 * without it). */

#include "common/base/attr.h"
#include "common/net/registry.h"

struct ac_err;

/* An index of the manifests whose subject is that of the digest OF, into OUT:
 * 1, 0 when there is none, -1.  Its content is nobody's word but the
 * registry's.
 *
 *	char *page = NULL;
 *
 *	do
 *		r = ac_registry_referrers(reg, of, &page, &out, err);
 *	while (r > 0 && page != NULL);	(and not for ever)
 *	free(page);
 *
 * By the referrers API (OCI distribution 1.1, end-12a), which may give several,
 * one after the other: *page says which is the next, and is the caller's.  A
 * registry without that API has the tag ALG-HEX in its place. */
AC_MUSTUSE int ac_registry_referrers(struct ac_registry *r,
				     const struct ac_digest *of, char **page,
				     struct ac_buf *out, struct ac_err *err);

#endif
