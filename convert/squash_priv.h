/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_SQUASH_PRIV_H
#define CONVERT_SQUASH_PRIV_H

/* What squash.c (names), squash_emit.c (writing) and squash_links.c (hard links
 * that cannot be written when they are met) share. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/set.h"
#include "common/store/ocilayer.h"
#include "convert/links.h"
#include "convert/paths.h"
#include "convert/squash.h"

/* A link that waits for the end of its layer. */
struct late {
	struct link link;
	char *target; /* owned */
};

struct squash {
	const struct ac_ociimg *im;
	const struct ac_ocisrc *s;
	struct aliases *aliases;
	struct ac_aci_writer *w;
	struct paths paths;
	struct ac_set implied; /* directories that no entry made yet */
	uint64_t n_implied;    /* ever in it */
	uint64_t n_entries;    /* of all layers so far */

	uint16_t layer; /* being read: 1 is the topmost */
	struct ac_tar_reader *tar;
	bool again; /* an alias was found: the error is none */

	/* The last parent that was walked, and whether it is hidden. */
	struct ac_buf parent;
	bool parent_known, parent_hidden;

	struct late
		*late; /* links whose target was not written when they came */
	size_t n_late;
	size_t late_bytes;     /* of their names, for the limit */
	struct ac_map waiting; /* those of this layer: path to late */
	struct wants here;     /* of these, targets that an upper layer hides */
	struct ac_map given;   /* such targets, to the link written for them */
	struct ac_strv names;  /* the strings of it */
	struct wants below;    /* links whose target is in a layer below */
};

/* Write E, with its content from the reader, as PATH. */
AC_MUSTUSE int squash_emit(struct squash *q, const struct ac_entry *e,
			   const char *path, struct ac_err *err);
/* Write the hard link L to TARGET, which was written. */
AC_MUSTUSE int squash_emit_link(struct squash *q, const struct link *l,
				const char *target, struct ac_err *err);
/* Write E as the first of those that WANT it, and the others, also those that
 * come later, as links to that. */
AC_MUSTUSE int squash_emit_wanted(struct squash *q, const struct ac_entry *e,
				  const struct want *want, struct ac_err *err);

/* E is a hard link, and to be written as PATH.  TARGET, cleaned and moved, is
 * what it links to. */
AC_MUSTUSE int squash_link(struct squash *q, const struct ac_entry *e,
			   const char *path, const char *target,
			   struct ac_err *err);
/* Let all of WANT be links to TARGET, of the layer being read. */
AC_MUSTUSE int squash_relink(struct squash *q, struct want *want,
			     const char *target, struct ac_err *err);
/* The layer with index I has been read: settle its links. */
AC_MUSTUSE int squash_settle(struct squash *q, size_t i, struct ac_err *err);
/* All layers have been. */
AC_MUSTUSE int squash_settled(const struct squash *q, struct ac_err *err);
/* Free what is known of the links of one layer. */
void squash_forget_links(struct squash *q);

/* The path where PATH of this layer belongs.  NULL and *err when links lead in
 * a circle.  Caller frees. */
AC_MUSTUSE char *squash_moved(const struct squash *q, const char *path,
			      struct ac_err *err);
/* True for names that say something is removed, and what is below them. */
bool squash_is_mark(const char *path);

/* Hand each entry of an open layer to ON, and check the layer at its end. */
struct ac_ocilayer;
typedef int (*squash_entry_fn)(struct squash *q, const struct ac_entry *e,
			       struct ac_err *err);
AC_MUSTUSE int squash_read_entries(struct squash *q, struct ac_ocilayer *in,
				   squash_entry_fn on, struct ac_err *err);

#endif
