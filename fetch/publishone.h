/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PUBLISHONE_H
#define AC_FETCH_PUBLISHONE_H

/* One image into a site (see publish.h). */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/store/sig.h"
#include "fetch/cmd.h"
#include "fetch/publish.h"

struct ac_err;
struct ac_secret;

struct published {
	struct entry entry;
	unsigned int signatures; /* a bit for each of ac_sig_methods */
};
void published_release(struct published *p);

/* Are signatures of the kind (of ac_sig_methods) looked for beside images? */
bool publish_has_kind(size_t kind);

/* Check the image that TEXT names (a file, or an image of the store) from its
 * first to its last byte, and its signatures with KEYS (those of the site;
 * none: they are not checked), and put all into the site DIRFD.  Each signature
 * file must have a good one.  SECRET opens an encrypted image, which stays so.
 * The image appears behind its signatures. */
AC_MUSTUSE int publish_one(int dirfd, const struct globals *g,
			   const struct publish_opts *o,
			   const struct ac_sig_keys *keys, const char *text,
			   struct ac_secret *secret, struct published *out,
			   struct ac_err *err);

#endif
