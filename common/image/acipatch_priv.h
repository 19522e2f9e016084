/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_ACIPATCH_PRIV_H
#define AC_IMAGE_ACIPATCH_PRIV_H

/* What the parts of acipatch.h share.  Nobody else includes this. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/codec/unzip.h"
#include "common/image/acipatch.h"

struct ac_entry;
struct ac_err;

struct ac_aci_patch {
	int fd;           /* borrowed */
	const char *what; /* borrowed */
	struct stat st;   /* when it was opened */
	enum ac_zip format;
	struct ac_buf text; /* the manifest */
	/* The entry's bytes are those of the file from FROM to TO, and nothing
	 * else is in them. */
	bool cut;
	uint64_t from, to;
	struct ac_buf head; /* its headers, when CUT */
};

enum { ACIPATCH_MAX_HEAD = 16 << 20 }; /* of the headers of one entry */

/* HEAD is the raw headers of the entry E.  When no other size can be written
 * into them they become other headers of the same entry. */
AC_MUSTUSE int acipatch_head(struct ac_buf *head, const struct ac_entry *e,
			     struct ac_err *err);

/* Append the entry with the content TEXT to OUT. */
AC_MUSTUSE int acipatch_entry(const struct ac_buf *head, const char *text,
			      size_t len, struct ac_buf *out,
			      struct ac_err *err);

/* Unpack the image, put the manifest TEXT (NULL: as it is) into it, and
 * compress it again. */
AC_MUSTUSE int acipatch_stream(const struct ac_aci_patch *p, const char *text,
			       size_t len, const struct ac_aci_patch_zip *zip,
			       int out, struct ac_err *err);

#endif
