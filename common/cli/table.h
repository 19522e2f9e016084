/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_TABLE_H
#define AC_CLI_TABLE_H

/*
 * Lists for people: columns of cells, separated by tabs that line up at stops
 * of eight, as the original printed them (`cut -f` works on it where cells are
 * not empty); and sizes and times in words.
 *
 *	AC_CLEANUP(ac_table_release) struct ac_table t = AC_TABLE_INIT(2);
 *
 *	ac_table_add(&t, "ID");
 *	ac_table_add(&t, "NAME");	(the second cell ends the row)
 *	...
 *	ac_table_print(&t, stdout);
 *
 * What controls a terminal in a cell is shown as \xNN.
 */

#include <stdint.h>
#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_table {
	size_t columns;
	struct ac_strv cells; /* row after row */
};

#define AC_TABLE_INIT(n) ((struct ac_table){.columns = (n)})

/* The next cell of the current row; TEXT is copied. */
void ac_table_add(struct ac_table *t, const char *text);
void ac_table_addf(struct ac_table *t, const char *fmt, ...) AC_PRINTF(2, 3);
/* All complete rows. */
void ac_table_print(const struct ac_table *t, FILE *out);
void ac_table_release(struct ac_table *t);

enum { AC_SHOW_TEXT = 64 }; /* room for any of these */

/* "17 B", "1.5 MiB", "12 GiB". */
void ac_show_size(uint64_t bytes, char out[AC_SHOW_TEXT]);
/* How long before NOW (seconds since 1970) THEN was: "now", "1 minute ago", "3
 * weeks ago"; "2 hours from now" when it is to come. */
void ac_show_ago(int64_t then, int64_t now, char out[AC_SHOW_TEXT]);
/* "2006-01-02 15:04:05.999 -0700 MST" in local time, from nanoseconds since
 * 1970; the fraction without zeros at its end. */
void ac_show_time(int64_t ns, char out[AC_SHOW_TEXT]);

#endif
