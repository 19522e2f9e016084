/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_COSIGN_H
#define AC_FETCH_COSIGN_H

/*
 * cosign's signatures of images in registries, by plain keys: those of the tag
 * `sha256-HEX.sig` ("simple signing": a small JSON text that names the
 * manifest's digest, signed as a whole), and Sigstore bundles that refer to the
 * manifest.
 */

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/codec/digest.h"
#include "common/net/registry.h"
#include "fetch/cmd.h"

struct ac_err;

struct cosign {
	const struct globals *g;
	const char *name; /* the image's, as the keystore has prefixes */
	const char *what; /* the image, in messages */
	struct ac_registry *reg;
	const struct ac_buf
		*manifest; /* what the reference names, as it came */
	const struct ac_digest *digest; /* of it */
};

/* Have signatures of images called NAME to be looked at?  1: there are plain
 * keys for it, or there is a policy.  0, -1.  *policy: there is one. */
AC_MUSTUSE int cosign_wanted(const struct globals *g, const char *name,
			     bool *policy, struct ac_err *err);

/* Are there good signatures of the manifest by enough trusted keys?  SIGNERS
 * gets their fingerprints. */
AC_MUSTUSE int cosign_verify(const struct cosign *c, struct ac_strv *signers,
			     struct ac_err *err);

#endif
