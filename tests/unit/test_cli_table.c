/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/table.h"

#include <time.h>

#include "common/base/own.h"
#include "tests/unit/tap.h"

static bool size_is(uint64_t n, const char *want)
{
	char got[AC_SHOW_TEXT];

	ac_show_size(n, got);
	return strcmp(got, want) == 0;
}

TEST(sizes)
{
	CHECK(size_is(0, "0 B"));
	CHECK(size_is(1023, "1023 B"));
	CHECK(size_is(1024, "1.0 KiB"));
	CHECK(size_is(1536, "1.5 KiB"));
	CHECK(size_is(10 * 1024, "10 KiB"));
	CHECK(size_is(1048575, "1.0 MiB"));
	CHECK(size_is(388 * 1048576ULL, "388 MiB"));
	CHECK(size_is(UINT64_MAX, "16 EiB"));
}

static bool ago_is(int64_t before, const char *want)
{
	char got[AC_SHOW_TEXT];

	ac_show_ago(1000000000 - before, 1000000000, got);
	return strcmp(got, want) == 0;
}

TEST(ago)
{
	CHECK(ago_is(0, "now"));
	CHECK(ago_is(1, "1 second ago"));
	CHECK(ago_is(59, "59 seconds ago"));
	CHECK(ago_is(60, "1 minute ago"));
	CHECK(ago_is(7199, "1 hour ago"));
	CHECK(ago_is(86400 * 8, "1 week ago"));
	CHECK(ago_is(86400 * 29, "4 weeks ago"));
	CHECK(ago_is(86400 * 100, "3 months ago"));
	CHECK(ago_is(86400 * 360 * 3, "3 years ago"));
	CHECK(ago_is(-7200, "2 hours from now"));
}

TEST(time)
{
	char got[AC_SHOW_TEXT];

	CHECK(setenv("TZ", "UTC0", 1) == 0);
	tzset();
	ac_show_time(1136214245120000000, got);
	CHECK(strcmp(got, "2006-01-02 15:04:05.12 +0000 UTC") == 0);
	ac_show_time(1136214245000000000, got);
	CHECK(strcmp(got, "2006-01-02 15:04:05 +0000 UTC") == 0);
}

TEST(columns)
{
	AC_CLEANUP(ac_table_release) struct ac_table t = AC_TABLE_INIT(3);
	AC_FREE char *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	CHECK(f != NULL);
	ac_table_add(&t, "ID");
	ac_table_add(&t, "NAME");
	ac_table_add(&t, "SIZE");
	ac_table_add(&t, "12345678");
	ac_table_addf(&t, "%s", "a\033[31m");
	ac_table_add(&t, "9");
	ac_table_add(&t, "not a whole row");
	ac_table_print(&t, f);
	CHECK(fclose(f) == 0);
	CHECK(strcmp(got, "ID\t\tNAME\t\tSIZE\n"
			  "12345678\ta\\x1b[31m\t9\n") == 0);
}
