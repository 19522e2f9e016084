/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_ADD_H
#define AC_STORE_ADD_H

/* The steps that adding an ACI and adding an OCI image have in common, in the
 * order they are taken (spec/store.md S12).  Internal to the store. */

#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/store/ingest.h"
#include "common/store/publish.h"

struct ac_err;

/* What ABOUT says, and the time. */
void ac_add_describe(struct ac_record *r, const struct ac_about *about);
/* One more blob in the record. */
void ac_add_blob(struct ac_record *r, const struct ac_digest *d, uint64_t size,
		 const char *type);

/* Move FROM in DIRFD, whose digest was checked, to where the blob D belongs, in
 * the place of what is there. */
AC_MUSTUSE int ac_add_move_blob(const struct ac_store *s, int dirfd,
				const char *from, const struct ac_digest *d,
				struct ac_err *err);
/* The new names of blobs and layers reach the disk. */
AC_MUSTUSE int ac_add_sync_names(const struct ac_store *s, struct ac_err *err);
/* The record, before anything is moved: what an earlier import of the image
 * knew is kept.  Returns the descriptor that holds images.lock. */
AC_MUSTUSE int ac_add_begin_record(struct ac_store *s, struct ac_record *r,
				   struct ac_pending *p, struct ac_err *err);
/* And last of all: from here on the image is there.  NAME (may be NULL) is
 * taken from others. */
AC_MUSTUSE int ac_add_end_record(struct ac_store *s, const struct ac_record *r,
				 struct ac_pending *p, const char *name,
				 struct ac_err *err);

#endif
