/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_ACIPATCH_H
#define AC_IMAGE_ACIPATCH_H

/*
 * An image with another manifest.  Every other entry keeps its bytes and its
 * place in the tar, and the manifest's own entry its place, names, mode, owner
 * and time.
 *
 *	AC_CLEANUP(ac_aci_patch_freep)
 *	struct ac_aci_patch *p = ac_aci_patch_open(fd, "x.aci", err);
 *
 *	if (p == NULL)
 *		return -1;
 *	old = ac_aci_patch_text(p, &len);
 *	...
 *	return ac_aci_patch_write(p, text, len, NULL, out.fd, err);
 *
 * Where the manifest can be cut out of the file (no compression; or gzip with
 * the manifest first in members of its own, as all images that we write:
 * spec/image.md, A12) the rest is copied as it is, neither unpacked nor
 * checked.  Other images are compressed again.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/codec/unzip.h"

struct ac_err;
struct ac_aci_patch;

/* Find the manifest of the image FD, a regular file; both FD and WHAT, its name
 * for messages, are borrowed until the end.  NULL on failure. */
AC_MUSTUSE struct ac_aci_patch *ac_aci_patch_open(int fd, const char *what,
						  struct ac_err *err);

/* The manifest (ends with NUL, not checked), and how the image is compressed.
 * Borrowed. */
const char *ac_aci_patch_text(const struct ac_aci_patch *p, size_t *len);
enum ac_zip ac_aci_patch_format(const struct ac_aci_patch *p);

/* How to compress; level 0: the default. */
struct ac_aci_patch_zip {
	enum ac_zip format;
	int level;
};

/* Write the image with the manifest TEXT to OUT, at its position.  TEXT NULL:
 * as it is.  ZIP NULL: in the format it has.  An image that changes meanwhile
 * is AC_E_INVALID. */
AC_MUSTUSE int ac_aci_patch_write(struct ac_aci_patch *p, const char *text,
				  size_t len,
				  const struct ac_aci_patch_zip *zip, int out,
				  struct ac_err *err);

/* The image FILE was replaced by another: warn of the signatures beside it. */
void ac_aci_patch_warn(const char *file);

void ac_aci_patch_free(struct ac_aci_patch *p);
static inline void ac_aci_patch_freep(struct ac_aci_patch **p)
{
	ac_aci_patch_free(*p);
}

#endif
