/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_LAYER_H
#define CONVERT_LAYER_H

/* A layer being read: decompressed in a thread of its own, hashed twice (as it
 * is stored, and plain), and parsed. */

#include "common/base/attr.h"
#include "common/codec/tar.h"
#include "convert/image.h"

struct ac_err;

struct layer_in {
	const struct layer *layer;
	struct part part;
	struct ac_unzipfd *plain;
	struct ac_hash *blob, *diff;
	struct ac_tar_reader *tar;
};
#define LAYER_IN_INIT ((struct layer_in){.part = {.fd = -1}})

/* Open layer I. */
AC_MUSTUSE int layer_open(struct layer_in *in, const struct image *im,
			  const struct source *s, size_t i, struct ac_err *err);
/* After the archive's end: both digests must be right. */
AC_MUSTUSE int layer_check(struct layer_in *in, struct ac_err *err);
/* ERR says that the layer cannot be read: when its bytes are not those that
 * were expected, say that instead.  Returns -1. */
int layer_explain(const struct layer_in *in, struct ac_err *err);
void layer_close(struct layer_in *in);

#endif
