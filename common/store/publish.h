/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_PUBLISH_H
#define AC_STORE_PUBLISH_H

/* The last steps of everything that appears in the store (spec/store.md S12):
 * in place by rename, the record last.  Internal to the store. */

#include "common/base/attr.h"
#include "common/store/scratch.h"
#include "common/store/store.h"

struct ac_err;

/* Open DIR ("images", "layers", "blobs/sha256") of S for reading. */
AC_MUSTUSE int ac_publish_dir(const struct ac_store *s, const char *dir,
			      struct ac_err *err);

/* Move FROM in DIRFD to the new NAME in DIR of S.  1, or 0 when that exists
 * already and FROM stays where it is. */
AC_MUSTUSE int ac_publish_move(const struct ac_store *s, int dirfd,
			       const char *from, const char *dir,
			       const char *name, struct ac_err *err);

/* Make the names in DIR of S durable. */
AC_MUSTUSE int ac_publish_sync(const struct ac_store *s, const char *dir,
			       struct ac_err *err);

/* Hold images/ for oneself, to change records.  Returns the descriptor that
 * holds it. */
AC_MUSTUSE int ac_publish_lock(const struct ac_store *s, struct ac_err *err);

/* Write R's record, in place of one that is there, and make it durable.  The
 * caller holds images/. */
AC_MUSTUSE int ac_publish_record(const struct ac_store *s,
				 const struct ac_record *r, struct ac_err *err);

/* Bytes of the regular files of layer CHAIN. */
AC_MUSTUSE int ac_publish_layer_bytes(const struct ac_store *s,
				      const char *chain, uint64_t *bytes,
				      struct ac_err *err);

#endif
