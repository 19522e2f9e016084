/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_OCI_START_H
#define ACBUILD_OCI_START_H

/* What oci_begin.c (the image a build begins with) and oci_others.c (what else
 * is in its layout) share. */

#include "common/base/attr.h"
#include "common/image/ocilayout.h"
#include "common/store/ociimg.h"
#include "common/store/ocisrc.h"

struct ac_err;
struct ac_json;
struct ac_set;
struct work;

/* Copy P into the layout as a blob.  WANT (may be NULL) is the digest it must
 * have; *got gets that it is kept by. */
AC_MUSTUSE int start_copy(struct ac_ocilayout *l, const struct ac_part *p,
			  const struct ac_digest *want, const char *what,
			  struct ac_digest *got, struct ac_err *err);

/* A new state around START's configuration (not yet its layers). */
void start_state(struct work *w, const struct ac_json *config);

/* index.json of a layout, as it is; NULL in *index when S has none.  Owned by
 * the caller. */
AC_MUSTUSE int start_index(const struct ac_ocisrc *s, struct ac_json **index,
			   struct ac_err *err);

/* The name of the entry that *IMAGE (NULL: any; then it may be set to one) asks
 * for, or NULL.  Caller frees. */
char *start_choose(const struct ac_json *index, const char **image);

/* Keep all entries of INDEX (may be NULL), with their blobs. */
AC_MUSTUSE int start_others(struct work *w, struct ac_ocilayout *l,
			    const struct ac_ocisrc *s,
			    const struct ac_json *index, struct ac_err *err);

/* Add the paths of all blobs that the index of W's layout leads to, and that
 * are there, to BLOBS: "blobs/sha256/<hex>". */
AC_MUSTUSE int start_closure(struct work *w, struct ac_set *blobs,
			     struct ac_err *err);

#endif
