/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/date.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/num.h"

/* Take N digits off the front of *s. */
static int digits(struct ac_str *s, size_t n, int *out)
{
	uint64_t v;

	if (s->len < n || ac_num_u64(ac_strn(s->p, n), &v) < 0)
		return -1;
	*out = (int)v;
	*s = ac_strn(s->p + n, s->len - n);
	return 0;
}

/* Take one of the characters in SET. */
static int one_of(struct ac_str *s, const char *set)
{
	if (s->len == 0 || s->p[0] == '\0' || strchr(set, s->p[0]) == NULL)
		return -1;
	*s = ac_strn(s->p + 1, s->len - 1);
	return 0;
}

static bool is_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

int ac_date_days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30,
				   31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

static int read_day(struct ac_str *s, struct tm *tm)
{
	if (digits(s, 4, &tm->tm_year) < 0 || one_of(s, "-") < 0 ||
	    digits(s, 2, &tm->tm_mon) < 0 || one_of(s, "-") < 0 ||
	    digits(s, 2, &tm->tm_mday) < 0 || tm->tm_mon < 1 ||
	    tm->tm_mon > 12 || tm->tm_mday < 1 ||
	    tm->tm_mday > ac_date_days_in(tm->tm_year, tm->tm_mon))
		return -1;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return 0;
}

static int read_clock(struct ac_str *s, struct tm *tm)
{
	if (digits(s, 2, &tm->tm_hour) < 0 || one_of(s, ":") < 0 ||
	    digits(s, 2, &tm->tm_min) < 0 || one_of(s, ":") < 0 ||
	    digits(s, 2, &tm->tm_sec) < 0)
		return -1;
	/* 60: a leap second, which is the next one's first. */
	if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60)
		return -1;
	if (one_of(s, ".") < 0)
		return 0;
	if (one_of(s, "0123456789") < 0)
		return -1;
	while (one_of(s, "0123456789") == 0)
		;
	return 0;
}

static int read_offset(struct ac_str *s, int *sec)
{
	bool west = s->len != 0 && s->p[0] == '-';
	int hours;
	int minutes;

	*sec = 0;
	if (one_of(s, "Zz") == 0)
		return 0;
	if (one_of(s, "+-") < 0 || digits(s, 2, &hours) < 0 ||
	    one_of(s, ":") < 0 || digits(s, 2, &minutes) < 0 || hours > 23 ||
	    minutes > 59)
		return -1;
	*sec = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return 0;
}

int ac_date_parse(struct ac_str s, int64_t *sec)
{
	struct tm tm = {.tm_year = 0};
	int offset;

	if (read_day(&s, &tm) < 0 || one_of(&s, "Tt ") < 0 ||
	    read_clock(&s, &tm) < 0 || read_offset(&s, &offset) < 0 ||
	    s.len != 0)
		return -1;
	*sec = (int64_t)timegm(&tm) - offset;
	return 0;
}

int ac_date_option(struct ac_str s, int64_t *sec)
{
	uint64_t v;

	if (ac_date_parse(s, sec) == 0)
		return *sec >= 0 ? 0 : -1;
	if (ac_str_starts(s, "@"))
		s = ac_strn(s.p + 1, s.len - 1);
	if (ac_num_max(s, INT64_MAX, &v) < 0)
		return -1;
	*sec = (int64_t)v;
	return 0;
}

void ac_date_print(int64_t sec, uint32_t ns, char out[AC_DATE_TEXT])
{
	/* Beyond, gmtime_r may fail, or need more digits. */
	static const int64_t first = -62167219200;
	static const int64_t last = 253402300799;
	time_t t = (time_t)sec;
	char fraction[16] = "";
	char text[24];
	struct tm tm;

	if (ns != 0)
		(void)snprintf(fraction, sizeof(fraction), ".%09u",
			       (unsigned int)(ns % 1000000000));
	if (sec < first || sec > last || gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
		(void)snprintf(out, AC_DATE_TEXT, "@%jd", (intmax_t)sec);
		return;
	}
	/* The C library does not pad the year everywhere. */
	(void)snprintf(out, AC_DATE_TEXT, "%04d%s%sZ", tm.tm_year + 1900,
		       strchr(text, '-'), fraction);
}
