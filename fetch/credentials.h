/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_CREDENTIALS_H
#define AC_FETCH_CREDENTIALS_H

/*
 * Users and passwords for web servers and registries: the files
 *
 *	DIR/auth.d/NAME.json
 *
 * in the directories of the configuration (the system's, the local one, the
 * user's), in rkt's formats:
 *
 *	{"rktKind": "auth", "rktVersion": "v1", "domains": ["host[:port]"],
 *	 "type": "basic", "credentials": {"user": "...", "password": "..."}}
 *	(or "type": "oauth", "credentials": {"token": "..."})
 *	{"rktKind": "dockerAuth", "rktVersion": "v1",
 *	 "registries": ["host[:port]"],
 *	 "credentials": {"user": "...", "password": "..."}}
 *
 * A later directory replaces what an earlier one says about a host; the same
 * host twice in one directory is an error.  Only regular files count, no links.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "fetch/cmd.h"

struct ac_err;

/* What one host wants to see.  All owned. */
struct credential {
	bool registry; /* dockerAuth: of a registry */
	char *host;    /* "host[:port]" */
	char *user, *password;
	char *token;  /* in place of user and password */
	size_t level; /* of the directory it came from */
};
struct credentials {
	struct credential *v;
	size_t n;
};

#define CREDENTIALS_INIT ((struct credentials){.v = NULL})
void credentials_release(struct credentials *c);

/* Read all there are.  Missing directories hold none; a file that is not as
 * above is AC_E_INVALID, as a typing error must not turn into "denied". */
AC_MUSTUSE int credentials_load(const struct globals *g,
				struct credentials *out, struct ac_err *err);

/* For the registry HOST, or NULL.  Docker Hub has three names. */
const struct credential *credentials_registry(const struct credentials *c,
					      const char *host);

/* The headers for the place that X asks, an ac_http_sign_fn: CTX is the
 * credentials.  None when the URL is not https. */
int credentials_sign(void *ctx, const struct ac_http_exchange *x,
		     struct ac_strv *headers, struct ac_err *err);

#endif
