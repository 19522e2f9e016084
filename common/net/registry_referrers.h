/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_REGISTRY_REFERRERS_H
#define AC_NET_REGISTRY_REFERRERS_H

/* What a repository has about one of its manifests: signatures and the like
 * (OCI distribution specification 1.1, end-12, and the tag for registries
 * without it). */

#include "common/base/attr.h"
#include "common/net/registry.h"

struct ac_err;

/* The index of the manifests whose subject is that of the digest OF, into OUT:
 * 1, 0 when there is none, -1.  Its content is nobody's word but the
 * registry's. */
AC_MUSTUSE int ac_registry_referrers(struct ac_registry *r,
				     const struct ac_digest *of,
				     struct ac_buf *out, struct ac_err *err);

#endif
