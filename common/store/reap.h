/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_REAP_H
#define AC_STORE_REAP_H

/*
 * Taking images away, many at once: the records are read once, and who needs
 * which layer and blob is counted, so that it takes time in proportion to the
 * store.  Internal to the store.
 *
 *	ac_reaper_open ... ac_reaper_take (each image) ...
 *	ac_reaper_flush, ac_reaper_release
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/map.h"
#include "common/base/str.h"
#include "common/store/ingest.h"
#include "common/store/partial.h"
#include "common/store/record.h"

struct ac_err;

/* A layer or blob. */
struct ac_reap_ref {
	size_t users;   /* records that need it */
	uint64_t bytes; /* when .sized */
	struct ac_reap_ref *next;
	char name[]; /* "layers/NAME" or "blobs/ALG/HEX" */
};

struct ac_reaper {
	struct ac_store *s; /* borrowed */
	int lock;           /* `lock`, exclusively; -1: s->lockfd has it */
	bool sized, dry;
	struct ac_records all;
	struct ac_map refs;
	struct ac_reap_ref *list; /* all of them, owned */
	uint64_t total;           /* bytes of those with users, when sized */
	uint64_t freed;
	int64_t grace; /* seconds that unfinished downloads stay */
	void (*tell)(void *ctx, enum ac_gone what, const char *name,
		     uint64_t bytes); /* or NULL */
	void *ctx;

	/* What goes with the next flush: names as in .name, and the locks of
	 * the layers, -1 for blobs. */
	struct ac_strv going;
	int *locks;
	bool flushed; /* images/ has nothing to be synced */
	bool changed; /* index.json is to be written */
};
#define AC_REAPER_INIT \
	((struct ac_reaper){.lock = -1, .grace = AC_PARTIAL_GRACE})

/* Have S to ourselves and read it.  SIZED: with the sizes. */
AC_MUSTUSE int ac_reaper_open(struct ac_reaper *r, struct ac_store *s,
			      bool sized, struct ac_err *err);
/* Remove the record of REC (one of r->all, or a copy) and have what nobody else
 * needs removed by the next flush.  AC_E_BUSY when a pod holds that, or, when
 * CAREFUL, its top layer even if another image has it too: nothing changed. */
AC_MUSTUSE int ac_reaper_take(struct ac_reaper *r, const struct ac_record *rec,
			      bool careful, struct ac_err *err);
/* Remove a record alone. */
AC_MUSTUSE int ac_reaper_record(struct ac_reaper *r, const char *id,
				struct ac_err *err);
AC_MUSTUSE int ac_reaper_flush(struct ac_reaper *r, struct ac_err *err);
/* Remove all that no record needs and nobody holds. */
AC_MUSTUSE int ac_reaper_rest(struct ac_reaper *r, struct ac_err *err);
/* Also gives the store back to others. */
void ac_reaper_release(struct ac_reaper *r);

/* Names in the directory DIR of S but hidden ones. */
AC_MUSTUSE int ac_reap_names(const struct ac_store *s, const char *dir,
			     struct ac_strv *out, struct ac_err *err);
/* Hold layer NAME exclusively: 1 with its descriptor in *lock (untouched when
 * what has the name is no directory: that nobody uses), 0 when it is not there,
 * -1 (AC_E_BUSY: a pod holds it). */
AC_MUSTUSE int ac_reap_hold(const struct ac_store *s, const char *name,
			    int *lock, struct ac_err *err);

#endif
