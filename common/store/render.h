/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_RENDER_H
#define AC_STORE_RENDER_H

/* An image as one plain tree, and as a file again. */

#include "common/base/attr.h"
#include "common/codec/zip.h"
#include "common/store/store.h"

struct ac_secret;

/* Write the root of R (layers and dependencies in order, whiteouts applied,
 * pathWhitelists obeyed) into the empty directory DIRFD: copies by reflink or
 * copy_file_range. */
AC_MUSTUSE int ac_render(const struct ac_store *s, const struct ac_record *r,
			 int dirfd, struct ac_err *err);

/* The files of R alone, without what it depends on and without whitelists. */
AC_MUSTUSE int ac_extract(const struct ac_store *s, const struct ac_record *r,
			  int dirfd, struct ac_err *err);

/* As ac_render, with the tree TOP as the files of R itself, above those of the
 * store. */
AC_MUSTUSE int ac_render_under(const struct ac_store *s,
			       const struct ac_record *r, int top, int dirfd,
			       struct ac_err *err);

/* Make what running R needs and an overlay of layers cannot give: the flattened
 * tree of an image with a pathWhitelist in its chain, kept as one more layer.
 * Nothing to do for others.  S is open to add; the dependencies are in it. */
AC_MUSTUSE int ac_store_prepare(struct ac_store *s, const struct ac_record *r,
				struct ac_err *err);
/* The same for a tree that is there and not right: a new one takes its place by
 * one rename.  AC_E_BUSY when a pod holds it. */
AC_MUSTUSE int ac_store_prepare_again(struct ac_store *s,
				      const struct ac_record *r,
				      struct ac_err *err);

/* Write R as an ACI to FD: an ACI's own bytes, decompressed unless ZIP says
 * otherwise; an OCI image squashed (manifest first, files sorted).  What came
 * encrypted is opened by SECRET (may be NULL) and written as it is inside. */
AC_MUSTUSE int ac_export(const struct ac_store *s, const struct ac_record *r,
			 int fd, enum ac_zip zip, struct ac_secret *secret,
			 struct ac_err *err);

#endif
