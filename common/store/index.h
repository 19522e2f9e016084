/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_INDEX_H
#define AC_STORE_INDEX_H

/*
 * Records in brief (ac_store_each_brief), and the file `images.idx` that a
 * large store has of them (spec/store.md S26): a line a record, sorted by id,
 * each valid for as long as the record's file has the inode, size and times
 * that the line says.  It is derived from the records alone: one that is
 * missing, damaged or of another time costs nothing but time, and nothing is
 * ever removed by what it says.  Internal to the store.
 */

#include "common/base/attr.h"
#include "common/store/record.h"
#include "common/store/store.h"

struct ac_err;

/* All records of S itself in brief, oldest import first. */
AC_MUSTUSE int ac_index_read(const struct ac_store *s, struct ac_records *out,
			     struct ac_err *err);

/* Those records in brief whose line has TEXT somewhere, oldest import first: 1,
 * or 0 when there is no index that is certainly of this moment. */
AC_MUSTUSE int ac_index_search(const struct ac_store *s, const char *text,
			       struct ac_records *out, struct ac_err *err);

/* The ids in the index that begin with PREFIX, into the empty list OUT: 1, or 0
 * when there is no index that is certainly of this moment, or they are too
 * many.  Reads a few blocks of it. */
AC_MUSTUSE int ac_index_ids(const struct ac_store *s, const char *prefix,
			    struct ac_strv *out);

#endif
