/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_REGISTRY_H
#define AC_NET_REGISTRY_H

/* A registry as a client sees it: OCI distribution specification 1.1 and
 * Docker's registry API v2, reading. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/codec/digest.h"
#include "common/image/oci.h"
#include "common/image/ref.h"
#include "common/net/http.h"

struct ac_err;
struct ac_registry;

/* Who asks; all borrowed, and copied. */
struct ac_registry_auth {
	const char *user, *password; /* NULL: anonymous */
	const char *identity; /* what tokens are bought with, or NULL (OAuth 2
			       * refresh token, Docker's identity token) */
	const char *token;    /* a bearer token as it is, or NULL */
	/* More headers, for the registry and its token server alike (http.h),
	 * or NULL.  Called while the registry lives, from any thread. */
	ac_http_sign_fn sign;
	void *sign_ctx;
};

/* The repository that REF names.  Tokens are fetched when asked for
 * (WWW-Authenticate: Bearer, Basic) and kept for all its requests; safe from
 * several threads. */
AC_MUSTUSE struct ac_registry *ac_registry_new(
	struct ac_http *h, const struct ac_ref *ref,
	const struct ac_registry_auth *a);
void ac_registry_free(struct ac_registry *r);

/* The manifest or index named by a tag or digest REFERENCE: its bytes as
 * delivered, checked against the digest when the reference is one. *digest gets
 * the SHA-256 of them (or the reference's own). */
AC_MUSTUSE int ac_registry_manifest(struct ac_registry *r,
				    const char *reference, struct ac_buf *out,
				    struct ac_digest *digest,
				    struct ac_err *err);

/* Did it answer from the public internet?  Then places that it names must not
 * be of a private network (from_public of a request). */
bool ac_registry_is_public(const struct ac_registry *r);

/* A blob, streamed into SINK, resumed when the connection breaks.  More or
 * fewer bytes than DESC says is an error; the digest is checked by the
 * caller, who hashes. */
AC_MUSTUSE int ac_registry_blob(struct ac_registry *r,
				const struct ac_oci_desc *desc, ac_sink_fn sink,
				void *ctx, struct ac_err *err);
/* The rest of it, when the sink has its first HAVE bytes already. */
AC_MUSTUSE int ac_registry_blob_rest(struct ac_registry *r,
				     const struct ac_oci_desc *desc,
				     uint64_t have, ac_sink_fn sink, void *ctx,
				     struct ac_err *err);

#endif
