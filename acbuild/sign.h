/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_SIGN_H
#define ACBUILD_SIGN_H

/* Signing what is written: actool makes the signature. */

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_buf;
struct ac_err;

struct sign_how {
	const struct ac_strv *local_users; /* of GnuPG; none: its default */
	const char *key;                   /* of cosign; NULL: by GnuPG */
};

/* The name of the signature of the image FILE.  NULL when it does not end in
 * .aci.  Caller frees. */
AC_MUSTUSE char *sign_name(const char *file, const struct sign_how *how,
			   struct ac_err *err);

/* Append the signature of the file FD to OUT. */
AC_MUSTUSE int sign_fd(int fd, const struct sign_how *how, struct ac_buf *out,
		       struct ac_err *err);

#endif
