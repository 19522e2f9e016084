/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_ACI_CHECK_H
#define AC_IMAGE_ACI_CHECK_H

/*
 * The rules that the entries of an image archive must keep (spec/image.md, A),
 * in one place, so that what one program calls valid another unpacks.
 *
 * There are two kinds.  What breaks the format (two entries of one name, a
 * foreign name beside rootfs) is an error to everybody.  What the first
 * implementation took for valid and nobody could unpack as it stands (a file
 * below a link, a hard link to nothing, a device that an overlay takes for a
 * removed file) is an error too, but for those who only check: they give WARN,
 * and checking goes on.
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/sys/entry.h"

struct ac_err;
struct ac_aci_check;

/* What no image may exceed (A21). */
#define AC_ACI_MAX_BYTES (64ULL << 30) /* of its files together */
enum {
	AC_ACI_MAX_ENTRIES = 10000000,
	AC_ACI_MAX_RATIO = 2000,   /* gzip cannot come near */
	AC_LAYER_MAX_RATIO = 1000, /* of a layer of an OCI image */
};

/* *why has rule, path and message. */
typedef void (*ac_aci_warn_fn)(void *ctx, const struct ac_err *why);

/* WARN may be NULL.  OVERLAY_OK: what an overlay takes for its own (A14) is
 * nothing to the caller, who makes no layer of it. */
AC_MUSTUSE struct ac_aci_check *ac_aci_check_new(ac_aci_warn_fn warn, void *ctx,
						 bool overlay_ok);

enum ac_aci_part {
	AC_ACI_NOTHING, /* nothing to do with it */
	AC_ACI_MANIFEST,
	AC_ACI_FILE, /* e->path (and e->link) are relative to rootfs now */
};
/* The next entry of the archive: what it is, or -1. */
AC_MUSTUSE int ac_aci_check_entry(struct ac_aci_check *c, struct ac_entry *e,
				  struct ac_err *err);
/* The tar reader's odd entries (ac_tar_odd_fn); CTX is the check. */
void ac_aci_check_odd(void *ctx, const struct ac_err *why);
/* After the last one. */
AC_MUSTUSE int ac_aci_check_end(struct ac_aci_check *c, struct ac_err *err);
void ac_aci_check_free(struct ac_aci_check *c);
static inline void ac_aci_check_freep(struct ac_aci_check **c)
{
	ac_aci_check_free(*c);
}

/* A14, which is for layers of OCI images too: nothing that an overlay takes for
 * its own. */
AC_MUSTUSE int ac_aci_check_special(const struct ac_entry *e,
				    struct ac_err *err);

#endif
