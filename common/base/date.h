/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_DATE_H
#define AC_BASE_DATE_H

/* Points in time as text (RFC 3339), whatever the locale and the time zone. */

#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

enum { AC_DATE_TEXT = 40 }; /* room for any that is printed */

/* The number of days in MONTH (1 to 12). */
int ac_date_days_in(int year, int month);

/* "2006-01-02T15:04:05Z", with a fraction of a second (dropped) or an offset
 * ("+01:00"): 0 and *sec is the seconds since 1970, or -1. */
AC_MUSTUSE int ac_date_parse(struct ac_str s, int64_t *sec);

/* What a user names a time by: that, or the seconds since 1970 as a decimal
 * number, with an "@" or without.  -1 too when it is before 1970. */
AC_MUSTUSE int ac_date_option(struct ac_str s, int64_t *sec);

/* In UTC, with a fraction of nine digits when NS is not 0.  What RFC 3339
 * cannot say (the years before 0 and after 9999) is "@" and the seconds. */
void ac_date_print(int64_t sec, uint32_t ns, char out[AC_DATE_TEXT]);

#endif
