/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_REGISTRY_PUSH_H
#define AC_NET_REGISTRY_PUSH_H

/* Writing to a registry (registry.h): blobs first, the manifest that names them
 * last. */

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/net/registry.h"

struct ac_err;

enum ac_registry_pushed {
	AC_PUSHED_SENT,
	AC_PUSHED_THERE,   /* the repository had it */
	AC_PUSHED_MOUNTED, /* another repository had it */
};

/* A blob: SIZE bytes of the file FD from OFF on. */
struct ac_registry_blob_src {
	struct ac_digest digest;
	int fd;
	uint64_t off, size;
	const char *mount_from; /* another repository there, or NULL */
	void (*sent)(void *ctx, size_t n); /* or NULL */
	void *ctx;
};

/* Have the registry keep a blob.  A transfer that breaks is continued where the
 * registry says it has it up to.  Returns enum ac_registry_pushed, or -1. */
AC_MUSTUSE int ac_registry_push_blob(struct ac_registry *r,
				     const struct ac_registry_blob_src *b,
				     struct ac_err *err);

/* A manifest or index, LEN bytes of TEXT of the media type TYPE, as REFERENCE:
 * a tag or its digest. */
AC_MUSTUSE int ac_registry_push_manifest(struct ac_registry *r,
					 const char *reference,
					 const char *type, const char *text,
					 size_t len, struct ac_err *err);

#endif
