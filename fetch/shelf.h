/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_SHELF_H
#define AC_FETCH_SHELF_H

/* The OCI images of a store as repositories (see repos.h).  What the records
 * say is kept in memory until one changes.  Not safe from several threads. */

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/codec/digest.h"
#include "common/store/store.h"

struct ac_err;
struct shelf;

/* STORE is borrowed.  Never NULL. */
AC_MUSTUSE struct shelf *shelf_new(const struct ac_store *store);
void shelf_free(struct shelf *s);

/* Add the names of repositories ("HOST/NAME"), and the tags of one, to OUT
 * (not twice).  Tags: 1, 0 when there is no such repository. */
AC_MUSTUSE int shelf_names(struct shelf *s, struct ac_strv *out,
			   struct ac_err *err);
AC_MUSTUSE int shelf_tags(struct shelf *s, const char *name,
			  struct ac_strv *out, struct ac_err *err);

/* What a tag names: 1 with digest and media type (caller frees), 0. */
AC_MUSTUSE int shelf_resolve(struct shelf *s, const char *name, const char *tag,
			     struct ac_digest *d, char **type,
			     struct ac_err *err);

/* Open a blob of an image in the repository: 1, 0 unknown. */
AC_MUSTUSE int shelf_blob(struct shelf *s, const char *name,
			  const struct ac_digest *d, int *fd,
			  struct ac_err *err);

#endif
