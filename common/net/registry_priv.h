/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_REGISTRY_PRIV_H
#define AC_NET_REGISTRY_PRIV_H

/* Between registry.c (reading) and registry_push.c (writing). */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/net/auth.h"
#include "common/net/registry.h"

struct ac_registry {
	struct ac_http *http;
	char *host, *repository;
	struct ac_auth auth;
	bool plain;   /* by http */
	bool settled; /* it answered: plain stays as it is, and */
	bool public;  /* it is one of the public internet */
};

/* One request, with credentials when it wants them: WHERE is a path below the
 * repository, or a URL that the registry gave, which gets credentials only at
 * the registry's own place.  HEADERS may be NULL.  *have (may be NULL), what
 * the sink of Q got so far, moves on while a token may grow old. */
AC_MUSTUSE int ac_registry_ask(struct ac_registry *r, const char *where,
			       const struct ac_strv *headers,
			       struct ac_http_request *q, const uint64_t *have,
			       struct ac_http_response *a, struct ac_err *err);

/* What the registry says about an error itself: ": ..." or "".  Caller
 * frees. */
AC_MUSTUSE char *ac_registry_words(const struct ac_http_response *a);

#endif
