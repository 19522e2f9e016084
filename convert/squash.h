/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_SQUASH_H
#define CONVERT_SQUASH_H

/*
 * All layers of an image as one tree, in one pass and without unpacking: the
 * layers are read from the top down, and what was seen first counts.  Each file
 * is written when it is met and nothing of it is kept; of every path there is
 * a fingerprint and a few numbers.
 *
 * Two things a stream cannot know in time, and a layer is read again for them:
 * a hard link to a file of its own layer that an upper layer hides, whose
 * content was passed over; and a directory of an upper layer without an entry,
 * which turns out to be a symbolic link below (`lib/x` above, `lib -> usr/lib`
 * below): then all begins anew, with the names put where they belong.
 */

#include "common/base/attr.h"
#include "common/image/aci.h"
#include "common/store/ociimg.h"
#include "common/store/ocisrc.h"

struct ac_err;

/* Names below FROM in the layers above the ABOVE-th (counted from the top, from
 * 1) belong below TO. */
struct alias {
	char *from, *to; /* owned */
	size_t above;
};
struct aliases {
	struct alias *v;
	size_t n;
};
void aliases_release(struct aliases *a);

/* Write the tree to W.  0, -1, or 1: what was written is void, one more alias
 * is in A, call again with a new writer. */
AC_MUSTUSE int squash(const struct ac_ociimg *im, const struct ac_ocisrc *s,
		      struct aliases *a, struct ac_aci_writer *w,
		      struct ac_err *err);

#endif
