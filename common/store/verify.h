/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_VERIFY_H
#define AC_STORE_VERIFY_H

/*
 * Comparing what is stored with what it should be: blobs with their names, the
 * layers with their lists (spec/store.md S50).  A layer that is not as it was
 * is made again from its blob and put into its place by one rename, unless a
 * pod holds it.  The caller holds `lock` (ac_store_hold_to_write) when it
 *repairs.
 *
 *	struct ac_verifier v = {.s = &store, .repair = true, .tell = tell};
 *
 *	for each record: ac_verify_image(&v, &record, err);
 *	ac_verifier_release(&v);
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/set.h"
#include "common/store/store.h"

struct ac_err;
struct ac_secret;

/* What is wrong, and what becomes of it. */
struct ac_fault {
	const char *object; /* "layer", "blob", "image", "file" */
	const char *name;
	const char *what; /* is wrong with it */
	const char *how;  /* what was, would be or is to be done */
	bool repaired;
	bool repairable; /* not .repaired: with .repair it would be */
	bool leftover;   /* no fault: somebody was killed, as S52 allows */
};

struct ac_verifier {
	struct ac_store *s;
	bool repair;
	bool blobs_only;          /* the layers are not for us to see */
	struct ac_secret *secret; /* for encrypted images, or NULL */
	void (*tell)(void *ctx, const struct ac_record *r,
		     const struct ac_fault *f);
	void *ctx;

	/* What images share is looked at once. */
	struct ac_set good, bad;
	/* Layers that are right, but whose extended attributes nobody compared:
	 * their lists, of layout 1, do not have them.  A repair adds them. */
	size_t no_xattrs;
};
void ac_verifier_release(struct ac_verifier *v);

/* All blobs and layers of R: 1 when they are right (now), 0 when not, each
 * fault having been told, -1 (the disk, an interrupt). */
AC_MUSTUSE int ac_verify_image(struct ac_verifier *v, const struct ac_record *r,
			       struct ac_err *err);

/* --- the parts of it --- */

/* Read a blob: 0; AC_E_VERIFY when it is damaged, AC_E_NOT_FOUND. */
AC_MUSTUSE int ac_verify_blob(const struct ac_store *s, const struct ac_blob *b,
			      struct ac_err *err);
/* Compare the layer NAME with its list: every attribute and byte that the list
 * has, missing files and others.  0, and whether extended attributes are in the
 * list (S33) in *xattrs; AC_E_VERIFY says what is first in the list or the tree
 * that is not right, and how many more are; AC_E_NOT_FOUND. */
AC_MUSTUSE int ac_verify_layer(const struct ac_store *s, const char *name,
			       bool *xattrs, struct ac_err *err);
/* Make layer I of R again from its blob.  AC_E_BUSY when a pod holds it.  The
 * layers below are right. */
AC_MUSTUSE int ac_repair_layer(struct ac_store *s, const struct ac_record *r,
			       size_t i, struct ac_secret *secret,
			       struct ac_err *err);

#endif
