/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFFER_ARCHIVE_H
#define DIFFER_ARCHIVE_H

#include "common/base/buf.h"
#include "tests/differ/rng.h"

/* An image: most of them odd or damaged somewhere, some not. */
void archive_make(struct rng *r, struct ac_buf *out);

/* One entry to be.  A name longer than its header is told as STYLE does. */
enum style { USTAR, PAX, GNU, V7 };
struct ent {
	char *name, *link; /* owned */
	char type;
	enum style style;
	struct ac_buf data;
	/* Fields as text in place of the right ones; NULL: the right ones. */
	const char *size, *mode, *uid, *mtime, *magic;
	int sum;             /* added to the right checksum */
	struct ac_buf extra; /* headers before this entry's */
};

struct ents {
	struct ent *v; /* owned */
	size_t n;
};

void ents_add(struct ents *e, char type, const char *name, const char *link,
	      const char *data);
void ents_release(struct ents *e);
/* Change 1 to 3 things in them. */
void ents_mutate(struct rng *r, struct ents *e);
/* The tar of them, with its end. */
void ents_write(struct rng *r, const struct ents *e, struct ac_buf *out);

/* pax, GNU and sparse headers before an entry, most of them odd. */
void extra_headers(struct rng *r, struct ent *e);

/* Damage or decorate a tar as a whole. */
void tar_spoil(struct rng *r, struct ac_buf *tar);
/* Compress it, or not, rightly or not. */
void tar_pack(struct rng *r, const struct ac_buf *tar, struct ac_buf *out);

#endif
