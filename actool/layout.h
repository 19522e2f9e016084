/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_LAYOUT_H
#define ACTOOL_LAYOUT_H

/* Image layouts: a directory with a manifest and a rootfs. */

#include "common/base/attr.h"

struct ac_buf;
struct ac_err;
struct ac_findings;
struct ac_json;

/* Check that the directory DIRFD is an image layout: a manifest, a rootfs and
 * nothing else.  The messages are the original's.  The text of the manifest
 * goes to OUT, unchecked. */
AC_MUSTUSE int layout_manifest(int dirfd, struct ac_buf *out,
			       struct ac_err *err);

/* The same, and the manifest is valid: *doc (may be NULL) gets it. */
AC_MUSTUSE int check_layout(int dirfd, struct ac_json **doc,
			    struct ac_findings *f, struct ac_err *err);

#endif
