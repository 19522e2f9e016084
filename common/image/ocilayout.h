/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_OCILAYOUT_H
#define AC_IMAGE_OCILAYOUT_H

/*
 * An OCI layout being written: a directory beside the final one, which takes
 * its place when all is there.
 *
 *	ac_ocilayout_open ... ac_ocilayout_sink for the bytes of a blob,
 *ac_ocilayout_blob_end ... ac_ocilayout_blob for small ones ...
 *ac_ocilayout_commit ... ac_ocilayout_release
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"

struct ac_err;

struct ac_ocilayout {
	char *path; /* the final directory; owned */
	int parent; /* where it is */
	char *name; /* in that; owned */
	char tmp[32];
	bool replace; /* there is one to be replaced */
	int dir, blobs;
	int fd; /* the blob being written, or -1 */
	struct ac_hash *hash;
	uint64_t size;
};
#define AC_OCILAYOUT_INIT \
	((struct ac_ocilayout){.parent = -1, .dir = -1, .blobs = -1, .fd = -1})

/* Begin.  What is at PATH is AC_E_EXISTS; with OVERWRITE an OCI layout is
 * replaced, and nothing else. */
AC_MUSTUSE int ac_ocilayout_open(struct ac_ocilayout *l, const char *path,
				 bool overwrite, struct ac_err *err);
/* Add to the layout DIRFD (borrowed), which is made if there is none, instead:
 * nothing is to be committed, and nothing is removed. */
AC_MUSTUSE int ac_ocilayout_attach(struct ac_ocilayout *l, int dirfd,
				   struct ac_err *err);
/* Bytes of the current blob; CTX is the layout: an ac_sink_fn. */
int ac_ocilayout_sink(void *ctx, const void *p, size_t n, struct ac_err *err);
/* It is complete: its name and size. */
AC_MUSTUSE int ac_ocilayout_blob_end(struct ac_ocilayout *l,
				     struct ac_digest *d, uint64_t *size,
				     struct ac_err *err);
/* A whole blob. */
AC_MUSTUSE int ac_ocilayout_blob(struct ac_ocilayout *l, const void *p,
				 size_t n, struct ac_digest *d,
				 struct ac_err *err);
/* A file beside the blobs. */
AC_MUSTUSE int ac_ocilayout_file(struct ac_ocilayout *l, const char *name,
				 const void *p, size_t n, struct ac_err *err);
AC_MUSTUSE int ac_ocilayout_commit(struct ac_ocilayout *l, struct ac_err *err);
/* What was not committed is removed. */
void ac_ocilayout_release(struct ac_ocilayout *l);

#endif
