/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/attr.h"
#include "common/base/date.h"
#include "tests/unit/tap.h"

TEST(dates_are_read)
{
	static const struct {
		const char *text;
		int64_t sec;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2006-01-02T15:04:05Z", 1136214245},
		{"2006-01-02t15:04:05.999999999z", 1136214245},
		{"2006-01-02 15:04:05+01:30", 1136214245 - 5400},
		{"2006-01-02T15:04:05-00:30", 1136214245 + 1800},
		{"2000-02-29T00:00:00Z", 951782400},
		{"2016-12-31T23:59:60Z", 1483228800},
		{"9999-12-31T23:59:59Z", 253402300799},
		{"0000-01-01T00:00:00Z", -62167219200},
	};
	static const char *const bad[] = {
		"",
		"2006-01-02",
		"2006-01-02T15:04:05",
		"2006-01-02T15:04Z",
		"06-01-02T15:04:05Z",
		"2006-13-02T15:04:05Z",
		"2006-00-02T15:04:05Z",
		"2006-02-29T15:04:05Z",
		"1900-02-29T15:04:05Z",
		"2006-01-00T15:04:05Z",
		"2006-01-02T24:04:05Z",
		"2006-01-02T15:60:05Z",
		"2006-01-02T15:04:61Z",
		"2006-01-02T15:04:05.Z",
		"2006-01-02T15:04:05+0100",
		"2006-01-02T15:04:05+24:00",
		"2006-01-02T15:04:05Zx",
		"+006-01-02T15:04:05Z",
		"2006-01-02T15:04:05",
	};
	int64_t sec;

	for (size_t i = 0; i < AC_LEN(good); i++)
		CHECK(ac_date_parse(ac_str(good[i].text), &sec) == 0 &&
		      sec == good[i].sec);
	for (size_t i = 0; i < AC_LEN(bad); i++)
		CHECK(ac_date_parse(ac_str(bad[i]), &sec) < 0);
}

TEST(options_may_be_numbers)
{
	int64_t sec;

	CHECK(ac_date_option(ac_str("17"), &sec) == 0 && sec == 17);
	CHECK(ac_date_option(ac_str("@17"), &sec) == 0 && sec == 17);
	CHECK(ac_date_option(ac_str("1970-01-01T00:01:00Z"), &sec) == 0 &&
	      sec == 60);
	CHECK(ac_date_option(ac_str("9223372036854775807"), &sec) == 0);
	CHECK(ac_date_option(ac_str("9223372036854775808"), &sec) < 0);
	CHECK(ac_date_option(ac_str("1969-12-31T23:59:59Z"), &sec) < 0);
	CHECK(ac_date_option(ac_str("-1"), &sec) < 0);
	CHECK(ac_date_option(ac_str("@"), &sec) < 0);
	CHECK(ac_date_option(ac_str("now"), &sec) < 0);
}

TEST(dates_are_printed)
{
	char out[AC_DATE_TEXT];

	ac_date_print(0, 0, out);
	CHECK(strcmp(out, "1970-01-01T00:00:00Z") == 0);
	ac_date_print(1136214245, 5, out);
	CHECK(strcmp(out, "2006-01-02T15:04:05.000000005Z") == 0);
	ac_date_print(-62167219200, 0, out);
	CHECK(strcmp(out, "0000-01-01T00:00:00Z") == 0);
	ac_date_print(253402300799, 999999999, out);
	CHECK(strcmp(out, "9999-12-31T23:59:59.999999999Z") == 0);
	ac_date_print(253402300800, 1, out);
	CHECK(strcmp(out, "@253402300800") == 0);
	ac_date_print(INT64_MIN, 0, out);
	CHECK(strcmp(out, "@-9223372036854775808") == 0);
}
