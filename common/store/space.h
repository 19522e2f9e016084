/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_SPACE_H
#define AC_STORE_SPACE_H

/*
 * What images take up, and what they share: bytes of files, as the records and
 * the lists of the layers say, holes counted.
 *
 *	struct ac_space *sp = ac_space_new(&store, err);
 *
 *	ac_space_image(sp, record, &u) ...
 *	ac_space_free(sp);
 */

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_err;
struct ac_space;

struct ac_usage {
	uint64_t blobs;  /* as delivered */
	uint64_t layers; /* unpacked, flattened trees as well */
	uint64_t shared; /* of both, what other images have too */
};

/* Read the records of S (borrowed).  NULL on failure. */
AC_MUSTUSE struct ac_space *ac_space_new(const struct ac_store *s,
					 struct ac_err *err);
void ac_space_free(struct ac_space *sp);

/* One image; its removal frees blobs + layers - shared. */
void ac_space_image(struct ac_space *sp, const struct ac_record *r,
		    struct ac_usage *out);
/* What other images have too of R: cheaper than ac_space_image. */
uint64_t ac_space_shared(struct ac_space *sp, const struct ac_record *r);
/* All images, each byte once; .shared is what more than one has. */
void ac_space_total(struct ac_space *sp, struct ac_usage *out);
/* What no image has: bytes of the files in these directories, as far as the
 * store has them. */
struct ac_space_rest {
	uint64_t ingest;  /* downloads and unpackings under way */
	uint64_t partial; /* downloads that can be gone on with */
	uint64_t http;    /* what web servers said */
};
void ac_space_rest(const struct ac_store *s, struct ac_space_rest *out);

/* A layer (0 when it is not there) or blob, and how many images have it. */
uint64_t ac_space_layer(struct ac_space *sp, const char *layer, size_t *users);
uint64_t ac_space_blob(struct ac_space *sp, const struct ac_blob *b,
		       size_t *users);

#endif
