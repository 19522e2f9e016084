/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_LAYOUT_H
#define AC_FETCH_LAYOUT_H

/* An OCI image layout (a directory) as one repository.  index.json is read
 * anew each time, so that what is added while it is served is there. */

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/codec/digest.h"

struct ac_err;

struct layout {
	char *name;
	char *dir; /* for messages */
	int fd;
};

/* Open "NAME=DIR" or "DIR". */
AC_MUSTUSE int layout_open(struct layout *l, const char *spec,
			   struct ac_err *err);
void layout_close(struct layout *l);

/* Add the tags to OUT (not twice).  An image without a name is "latest" when it
 * is the only one. */
AC_MUSTUSE int layout_tags(const struct layout *l, struct ac_strv *out,
			   struct ac_err *err);

/* What TAG names: 1 with digest and media type (caller frees), 0 unknown. */
AC_MUSTUSE int layout_resolve(const struct layout *l, const char *tag,
			      struct ac_digest *d, char **type,
			      struct ac_err *err);

/* Open a blob: 1, 0 unknown. */
AC_MUSTUSE int layout_blob(const struct layout *l, const struct ac_digest *d,
			   int *fd, struct ac_err *err);

#endif
