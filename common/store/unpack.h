/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_UNPACK_H
#define AC_STORE_UNPACK_H

/*
 * A tar stream becomes a layer: `rootfs`, ready for an overlay, and `files`,
 * its list.  In two steps, because a layer may be unpacked before those below
 * it are known:
 *
 *	ac_unpack_open ... ac_unpack_read ...		(side by side)
 *	ac_unpack_settle ... ac_unpack_release		(bottom first)
 *
 * What waits for the second step (spec/store.md S31): removals, attributes of
 * directories that the archive does not list, hard links to files below, and
 * names whose parents are links below.  For the store, and
 * for who builds images of layers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/set.h"
#include "common/base/str.h"
#include "common/codec/tar.h"
#include "common/store/list.h"
#include "common/store/stack.h"
#include "common/store/store.h"
#include "common/sys/treewr.h"

struct ac_err;

struct ac_unpack {
	enum ac_image_kind kind;
	uint64_t max_bytes, max_entries;
	struct ac_image *image; /* of an ACI: filled by read; borrowed */

	int dir;    /* directory that gets rootfs and files; owned */
	int rootfs; /* owned */
	int files;  /* owned */
	struct ac_list list;
	struct ac_treewr *w; /* until settled */

	bool root_named;       /* the archive has an entry for the root */
	bool quiet;            /* entries told to us are in the list already */
	bool skipping;         /* content of this entry goes nowhere */
	struct ac_set implied; /* directories without an entry */
	struct ac_set white;   /* paths that are removed from below */
	struct ac_set opaque;  /* directories emptied of what is below */
	/* Hard links to files that are not in the archive, as pairs: the link
	 * and its target. */
	struct ac_strv links;
	/* Directories that are links below, and where those lead: names in
	 * the first are written to the second. */
	struct ac_strv from, to;
	char *path, *link; /* of the entry being written, when moved */
};

/* Begin, in the empty directory NAME made in DIRFD. */
AC_MUSTUSE int ac_unpack_open(struct ac_unpack *u, int dirfd, const char *name,
			      struct ac_err *err);
/* Write all of SOURCE. */
AC_MUSTUSE int ac_unpack_read(struct ac_unpack *u, ac_source_fn source,
			      void *ctx, struct ac_err *err);
/* Forget all that was written, to read the same stream again. */
AC_MUSTUSE int ac_unpack_again(struct ac_unpack *u, struct ac_err *err);

/* Reads the same stream once more, when names have to be written elsewhere. */
typedef int (*ac_unpack_reread_fn)(void *ctx, struct ac_err *err);
/* Finish the layer on top of those in BELOW (none: n is 0). */
AC_MUSTUSE int ac_unpack_settle(struct ac_unpack *u,
				const struct ac_stack *below,
				ac_unpack_reread_fn reread, void *ctx,
				struct ac_err *err);
void ac_unpack_release(struct ac_unpack *u);

/* --- shared by unpack.c, settle.c and copyup.c --- */

/* What this layer itself has at PATH. */
enum ac_own {
	AC_OWN_NOTHING,
	AC_OWN_DIR,
	AC_OWN_OTHER, /* another file, or one in the place of a parent */
};
AC_MUSTUSE int ac_unpack_own(const struct ac_unpack *u, const char *path,
			     struct ac_err *err);
/* Do this layer's removals hide PATH of the layers below?  SELF: a removal of
 * PATH itself counts. */
bool ac_unpack_hides(const struct ac_unpack *u, const char *path, bool self);
/* The options of a writer that tells us. */
struct ac_treewr_opts ac_unpack_writer(struct ac_unpack *u);
/* Make u->links: copies of what they link to. */
AC_MUSTUSE int ac_unpack_copy_up(struct ac_unpack *u,
				 const struct ac_stack *below,
				 struct ac_err *err);

#endif
