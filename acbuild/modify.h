/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_MODIFY_H
#define ACBUILD_MODIFY_H

/*
 * --modify: one command on a finished image, which it replaces whole or not at
 * all, without a build in the working directory.
 */

#include "acbuild/change.h"
#include "common/base/attr.h"

struct ac_call;
struct ac_err;
struct ac_json;

/* An edit of the manifest: the files are copied from archive to archive as
 * they are, so that owners and devices stay also when we are not root.  When
 * the file is an OCI layout or an archive of one: MODIFY_LAYOUT, and nothing is
 * done. */
enum { MODIFY_LAYOUT = 1 };
AC_MUSTUSE int modify_manifest(const struct ac_call *c, struct ac_err *err);

/* FN on the files of the image: unpacked beside it, and packed again unless FN
 * returns something else than 0, which is returned. */
AC_MUSTUSE int modify_files(const struct ac_call *c, change_fn fn,
			    struct ac_err *err);

/* The manifest of the image FILE, as written and parsed (not checked). */
AC_MUSTUSE struct ac_json *modify_read(const char *file, struct ac_err *err);

#endif
