/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PUSHER_H
#define AC_FETCH_PUSHER_H

/*
 * Between the parts of `acfetch push`: push.c (the command), push_source.c
 * (what is pushed, as an OCI image) and push_image.c (its blobs and manifests).
 */

#include "common/base/attr.h"
#include "common/store/ocisrc.h"
#include "common/sys/secret.h"
#include "common/sys/tmpdir.h"
#include "fetch/cmd.h"

struct ac_err;
struct ac_oci_desc;
struct ac_ref;
struct ac_registry;

struct push_source {
	struct ac_ocisrc from;
	struct ac_digest digest; /* of its manifest or index, and */
	uint64_t size;           /* bytes of that */
	struct ac_tmpdir tmp;    /* what is converted for it */
};
#define PUSH_SOURCE_INIT \
	((struct push_source){.from = AC_OCISRC_INIT, .tmp = AC_TMPDIR_INIT})
void push_source_release(struct push_source *s);

/* Open TEXT: a file or directory (an ACI, which is converted; an OCI layout,
 * perhaps with ":TAG"), or an image of the store. */
AC_MUSTUSE int push_source_open(struct push_source *s, const char *text,
				const struct globals *g,
				const struct ac_secret *secret,
				struct ac_err *err);

/* What was done with the blobs. */
struct push_count {
	unsigned int sent, there, mounted;
};

/* Push all of S to the repository of REG as the tag of REF.  PREFER (may be
 * NULL) is a repository there that may have its blobs. */
AC_MUSTUSE int push_image(struct ac_registry *reg, const struct ac_ref *ref,
			  const struct push_source *s, const char *prefer,
			  struct push_count *count, struct ac_err *err);

#endif
