/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_RECORD_H
#define AC_STORE_RECORD_H

/* Records as text (spec/store.md S20), and all of them at once.  Internal to
 * the store. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_buf;
struct ac_err;

enum { AC_RECORD_MAX = 16 << 20 }; /* bytes of one record */

/* The record in LEN bytes of TEXT; WHAT names it in messages. */
AC_MUSTUSE int ac_record_parse(struct ac_record *r, const char *text,
			       size_t len, const char *what,
			       struct ac_err *err);
/* Append R's text. */
AC_MUSTUSE int ac_record_write(const struct ac_record *r, struct ac_buf *out,
			       struct ac_err *err);

/* Is S the name of a layer: "sha256-<hex>", "sha512-<hex>", "flat-<hex>"? */
bool ac_layer_name_ok(const char *s);

/* All records, oldest import first. */
struct ac_records {
	struct ac_record *v;
	size_t n;
	size_t unreadable; /* files passed over with a warning */
};
#define AC_RECORDS_INIT ((struct ac_records){.v = NULL})
AC_MUSTUSE int ac_records_read(const struct ac_store *s, struct ac_records *out,
			       struct ac_err *err);
/* Those of the stores that are read with S, too. */
AC_MUSTUSE int ac_records_read_all(const struct ac_store *s,
				   struct ac_records *out, struct ac_err *err);
void ac_records_release(struct ac_records *r);
/* Put them into the order of import. */
void ac_records_order(struct ac_records *r);

/* The record of a full id in S itself: 1, 0, -1; and what is said about one
 * that cannot be read. */
AC_MUSTUSE int ac_record_get(const struct ac_store *s, const char *id,
			     struct ac_record *r, struct ac_err *err);
void ac_record_warn(const char *id, const struct ac_err *err);

/* The ids in images/ that begin with PREFIX, sorted; whether their records can
 * be read is not looked at. */
AC_MUSTUSE int ac_records_ids(const struct ac_store *s, const char *prefix,
			      struct ac_strv *out, struct ac_err *err);

/* Among RECS the image for a name and labels: the one fetched by that name
 * without a version when no version is asked for, then the newest import.  NULL
 * when there is none. */
const struct ac_record *ac_records_pick(const struct ac_records *recs,
					const char *name,
					const struct ac_pairs *labels);

#endif
