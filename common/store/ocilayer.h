/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_OCILAYER_H
#define AC_STORE_OCILAYER_H

/* A layer being read: decompressed in a thread of its own, hashed twice (as it
 * is stored, and plain), and parsed. */

#include "common/base/attr.h"
#include "common/codec/tar.h"
#include "common/store/ociimg.h"

struct ac_err;

struct ac_ocilayer {
	const struct ac_ociimg_layer *layer;
	struct ac_part part;
	struct ac_unzipfd *plain;
	struct ac_hash *blob, *diff;
	struct ac_tar_reader *tar;
};
#define AC_OCILAYER_INIT ((struct ac_ocilayer){.part = {.fd = -1}})

/* Open layer I. */
AC_MUSTUSE int ac_ocilayer_open(struct ac_ocilayer *in,
				const struct ac_ociimg *im,
				const struct ac_ocisrc *s, size_t i,
				struct ac_err *err);
/* Its plain bytes, for who reads it without .tar: an ac_source_fn; CTX is the
 * layer. */
ssize_t ac_ocilayer_source(void *ctx, const void **p, struct ac_err *err);
/* After the archive's end: both digests must be right. */
AC_MUSTUSE int ac_ocilayer_check(struct ac_ocilayer *in, struct ac_err *err);
/* ERR says that the layer cannot be read: when its bytes are not those that
 * were expected, say that instead.  Returns -1. */
int ac_ocilayer_explain(const struct ac_ocilayer *in, struct ac_err *err);
void ac_ocilayer_close(struct ac_ocilayer *in);

#endif
