/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_VERIFY_H
#define AC_FETCH_VERIFY_H

/* Is this image signed by a key that is trusted for its name?  (The keys are
 * those of the keystore, see keystore.h.) */

#include <stddef.h>

#include "common/base/attr.h"
#include "common/codec/pgp.h"
#include "fetch/cmd.h"

struct ac_err;

/* Before the image is there: is at least one of the keys that the signature SIG
 * names trusted for NAME (NULL, the name is not known yet: for any name)?
 * No: AC_E_NOT_FOUND, naming the keys and saying "run: acfetch trust
 * --prefix ..."; not a signature at all: AC_E_INVALID. */
AC_MUSTUSE int verify_key_known(const struct globals *g, const char *name,
				const void *sig, size_t len, const char *what,
				struct ac_err *err);

/* Does SIG sign the content of FD (from its start) with a key trusted for
 * NAME?  *out gets the good signatures.  WHAT names the image in messages. */
AC_MUSTUSE int verify_image(const struct globals *g, const char *name,
			    const void *sig, size_t len, int fd,
			    const char *what, struct ac_pgp_result *out,
			    struct ac_err *err);

#endif
