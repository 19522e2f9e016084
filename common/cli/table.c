/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/own.h"

void ac_table_add(struct ac_table *t, const char *text)
{
	ac_strv_take(&t->cells, ac_str_show(text));
}

void ac_table_addf(struct ac_table *t, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	ac_table_add(t, buf);
}

/* Characters, not bytes: all but the bytes that continue one. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void ac_table_print(const struct ac_table *t, FILE *out)
{
	size_t rows = t->cells.n / t->columns;
	AC_FREE size_t *stops = ac_xcalloc(t->columns, sizeof(*stops));

	for (size_t i = 0; i < rows * t->columns; i++) {
		size_t w = (width(t->cells.v[i]) + 1 + 7) / 8;

		if (w > stops[i % t->columns])
			stops[i % t->columns] = w;
	}
	for (size_t i = 0; i < rows * t->columns; i++) {
		const char *cell = t->cells.v[i];
		size_t column = i % t->columns;
		size_t have = width(cell) / 8;

		fputs(cell, out);
		if (column + 1 == t->columns)
			have = stops[column];
		for (; have < stops[column]; have++)
			fputc('\t', out);
		if (column + 1 == t->columns)
			fputc('\n', out);
	}
}

void ac_table_release(struct ac_table *t)
{
	ac_strv_release(&t->cells);
}

void ac_show_size(uint64_t bytes, char out[AC_SHOW_TEXT])
{
	static const char *const units[] = {"B",   "KiB", "MiB", "GiB",
					    "TiB", "PiB", "EiB"};
	size_t u = 0;
	uint64_t tenths;

	/* Rounding must not make 1024 of a unit: 1048575 is "1.0 MiB". */
	while (u + 1 < AC_LEN(units) && bytes >> (10 * u) >= 1024)
		u++;
	if (u == 0) {
		(void)snprintf(out, AC_SHOW_TEXT, "%ju B", (uintmax_t)bytes);
		return;
	}
	tenths = ((bytes >> (10 * (u - 1))) * 10 + 512) / 1024;
	if (tenths >= 10240 && u + 1 < AC_LEN(units)) {
		tenths = 10;
		u++;
	}
	if (tenths < 100)
		(void)snprintf(out, AC_SHOW_TEXT, "%ju.%ju %s",
			       (uintmax_t)(tenths / 10),
			       (uintmax_t)(tenths % 10), units[u]);
	else
		(void)snprintf(out, AC_SHOW_TEXT, "%ju %s",
			       (uintmax_t)((tenths + 5) / 10), units[u]);
}

enum {
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	WEEK = 7 * DAY,
	MONTH = 30 * DAY,
	YEAR = 12 * MONTH,
};

void ac_show_ago(int64_t then, int64_t now, char out[AC_SHOW_TEXT])
{
	/* Below .limit seconds: one or more of a unit. */
	static const struct {
		int64_t limit, unit;
		const char *name;
	} steps[] = {
		{MINUTE, 1, "second"},     {HOUR, MINUTE, "minute"},
		{DAY, HOUR, "hour"},       {WEEK, DAY, "day"},
		{MONTH, WEEK, "week"},     {YEAR, MONTH, "month"},
		{INT64_MAX, YEAR, "year"},
	};
	bool past = then <= now;
	int64_t d = past ? now - then : then - now;
	size_t i = 0;

	if (d == 0) {
		(void)snprintf(out, AC_SHOW_TEXT, "now");
		return;
	}
	while (d >= steps[i].limit)
		i++;
	d /= steps[i].unit;
	(void)snprintf(out, AC_SHOW_TEXT, "%jd %s%s %s", (intmax_t)d,
		       steps[i].name, d == 1 ? "" : "s",
		       past ? "ago" : "from now");
}

void ac_show_time(int64_t ns, char out[AC_SHOW_TEXT])
{
	time_t t = ns / 1000000000;
	int ms = (int)(ns % 1000000000) / 1000000;
	char frac[8] = "";
	char zone[32];
	struct tm tm;
	size_t n;

	if (ns < 0 || localtime_r(&t, &tm) == NULL) {
		(void)snprintf(out, AC_SHOW_TEXT, "unknown");
		return;
	}
	if (ms != 0) {
		(void)snprintf(frac, sizeof(frac), ".%03u", (unsigned int)ms);
		for (n = strlen(frac); frac[n - 1] == '0'; n--)
			frac[n - 1] = '\0';
	}
	n = strftime(out, AC_SHOW_TEXT, "%Y-%m-%d %H:%M:%S", &tm);
	(void)strftime(zone, sizeof(zone), "%z %Z", &tm);
	(void)snprintf(out + n, AC_SHOW_TEXT - n, "%s %s", frac, zone);
}
