/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_OCI_STATE_H
#define ACBUILD_OCI_STATE_H

/* What the files oci*.c share: oci.h says what the state is. */

#include <stdint.h>

#include "acbuild/oci.h"
#include "common/codec/digest.h"

#define OCI_TOP_DIR "ociblobs/top"

enum oci_top {
	OCI_TOP_NONE,
	OCI_TOP_OPEN,
	OCI_TOP_SEALED,
};
enum oci_top oci_top(const struct work *w);
void oci_set_top(struct work *w, enum oci_top top);

/* A new state around CONFIG (taken over).  Owned by the caller. */
AC_MUSTUSE struct ac_json *oci_state_new(struct ac_json *config);
/* Write the state alone. */
AC_MUSTUSE int oci_save_state(struct work *w, struct ac_err *err);

/* A descriptor.  Owned by the caller. */
AC_MUSTUSE struct ac_json *oci_descriptor(const char *type,
					  const struct ac_digest *d,
					  uint64_t size);
/* The name that an index gives to what DESC describes, or NULL. */
const char *oci_ref_of(const struct ac_json *desc);
/* Add the digits of DESC's digest to LIST, once. */
void oci_push_hex(struct ac_json *list, const struct ac_json *desc);
/* The layout's index around the descriptor of the manifest.  Owned by the
 * caller. */
AC_MUSTUSE struct ac_json *oci_index(const struct work *w,
				     const struct ac_json *manifest);

/* The number of layers below the top one. */
size_t oci_lower_count(const struct work *w);

/* The name below .acbuild of the tree of the layers up to the N-th (from 1), or
 * NULL when a digest is not one.  Caller frees. */
char *oci_lower_name(const struct work *w, size_t n);

/* Open the blob of a descriptor in currentaci. */
AC_MUSTUSE int oci_open_blob(const struct work *w, const struct ac_json *desc,
			     struct ac_err *err);

/* The layers below are others now. */
void oci_lower_forget(struct work *w);

/* What is missing is not an element of the manifest (exit code 2): -1. */
int oci_not_element(struct ac_err *err);

/* Mark all entries of the history as having made no layer. */
void oci_mark_history(struct work *w);

/* Make an empty top layer, without a look at those below. */
AC_MUSTUSE int oci_make_top(struct work *w, struct ac_err *err);

#endif
