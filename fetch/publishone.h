/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PUBLISHONE_H
#define AC_FETCH_PUBLISHONE_H

/* One image into a site (see publish.h). */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "fetch/cmd.h"
#include "fetch/publish.h"

struct ac_err;
struct ac_secret;

struct published {
	struct entry entry;
	bool is_signed;
};
void published_release(struct published *p);

/* Check the image that TEXT names (a file, or an image of the store) from its
 * first to its last byte, and its signature with KEYS (those of the site; none:
 * it is not checked), and put both into the site DIRFD.  SECRET opens an
 * encrypted image, which stays so.  The image appears
 * behind its signature. */
AC_MUSTUSE int publish_one(int dirfd, const struct globals *g,
			   const struct publish_opts *o,
			   const struct ac_buf *keys, const char *text,
			   struct ac_secret *secret, struct published *out,
			   struct ac_err *err);

#endif
