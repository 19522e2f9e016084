/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_OCIDIR_H
#define AC_STORE_OCIDIR_H

/*
 * The store as an OCI image layout, for programs that know nothing of records:
 * `oci-layout` and `index.json` beside blobs/ (spec/store.md S28).  Internal to
 * the store.
 */

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_err;

/* Write both anew, by the records of S: by one rename each, without a sync.
 * The caller holds images.lock or the store.  A store without OCI images that
 * has no index gets none. */
AC_MUSTUSE int ac_ocidir_write(const struct ac_store *s, struct ac_err *err);
/* The same where a failure must not be one of the caller: it is told by a
 * warning. */
void ac_ocidir_update(const struct ac_store *s);
/* Does index.json say what the records say?  1, 0, -1. */
AC_MUSTUSE int ac_ocidir_check(const struct ac_store *s, struct ac_err *err);

#endif
