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

/* Hold images.lock for oneself, to change records.  Returns the descriptor that
 * holds it. */
AC_MUSTUSE int ac_publish_lock(const struct ac_store *s, struct ac_err *err);

/* A record on its way.  Written before what it speaks of is moved in place, so
 * that a full disk is found out before anything has changed. */
struct ac_pending {
	struct ac_scratch dir;
};
#define AC_PENDING_INIT ((struct ac_pending){.dir = AC_SCRATCH_INIT})

/* Write R's record, on the disk when this returns.  The caller holds
 * images.lock until it is placed. */
AC_MUSTUSE int ac_pending_write(struct ac_pending *p, const struct ac_store *s,
				const struct ac_record *r, struct ac_err *err);
/* Put it in the place of one that is there, durably. */
AC_MUSTUSE int ac_pending_place(struct ac_pending *p, const struct ac_store *s,
				const char *id, struct ac_err *err);
void ac_pending_release(struct ac_pending *p);

/* Both at once. */
AC_MUSTUSE int ac_publish_record(const struct ac_store *s,
				 const struct ac_record *r, struct ac_err *err);

/* Put a file NAME that is derived from others at the store's root, by one
 * rename and without a sync. */
AC_MUSTUSE int ac_publish_derived(const struct ac_store *s, const char *name,
				  const void *p, size_t len,
				  struct ac_err *err);

/* Bytes of the regular files of layer CHAIN. */
AC_MUSTUSE int ac_publish_layer_bytes(const struct ac_store *s,
				      const char *chain, uint64_t *bytes,
				      struct ac_err *err);

#endif
