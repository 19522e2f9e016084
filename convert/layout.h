/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_LAYOUT_H
#define CONVERT_LAYOUT_H

/*
 * An OCI layout being written: a directory beside the final one, which takes
 * its place when all is there.
 *
 *	layout_open ... layout_sink for the bytes of a blob, layout_blob_end ...
 *	layout_blob for small ones ... layout_commit ... layout_release
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"

struct ac_err;

struct layout {
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
#define LAYOUT_INIT \
	((struct layout){.parent = -1, .dir = -1, .blobs = -1, .fd = -1})

/* Begin.  What is at PATH is AC_E_EXISTS; with OVERWRITE an OCI layout is
 * replaced, and nothing else. */
AC_MUSTUSE int layout_open(struct layout *l, const char *path, bool overwrite,
			   struct ac_err *err);
/* Bytes of the current blob; CTX is the layout: an ac_sink_fn. */
int layout_sink(void *ctx, const void *p, size_t n, struct ac_err *err);
/* It is complete: its name and size. */
AC_MUSTUSE int layout_blob_end(struct layout *l, struct ac_digest *d,
			       uint64_t *size, struct ac_err *err);
/* A whole blob. */
AC_MUSTUSE int layout_blob(struct layout *l, const void *p, size_t n,
			   struct ac_digest *d, struct ac_err *err);
/* A file beside the blobs. */
AC_MUSTUSE int layout_file(struct layout *l, const char *name, const void *p,
			   size_t n, struct ac_err *err);
AC_MUSTUSE int layout_commit(struct layout *l, struct ac_err *err);
/* What was not committed is removed. */
void layout_release(struct layout *l);

#endif
