/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/attr.h"
#include "fetch/range.h"
#include "fetch/repos.h"
#include "fetch/version.h"
#include "tests/unit/tap.h"

TEST(ranges)
{
	static const struct {
		const char *header;
		uint64_t size;
		int result;
		uint64_t off, len;
	} cases[] = {
		{"bytes=0-0", 10, 1, 0, 1},
		{"bytes=2-5", 10, 1, 2, 4},
		{"bytes=2-", 10, 1, 2, 8},
		{"bytes=-3", 10, 1, 7, 3},
		{"bytes=-30", 10, 1, 0, 10},
		{"bytes=5-100", 10, 1, 5, 5},
		{"bytes=9-18446744073709551615", 10, 1, 9, 1},
		{"bytes=10-", 10, -1, 0, 0},
		{"bytes=-0", 10, -1, 0, 0},
		{"bytes=0-", 0, -1, 0, 0},
		{"bytes=-5", 0, -1, 0, 0},
		{"bytes=5-2", 10, 0, 0, 0},
		{"bytes=1-2,4-5", 10, 0, 0, 0},
		{"bytes=", 10, 0, 0, 0},
		{"bytes=-", 10, 0, 0, 0},
		{"bytes=a-b", 10, 0, 0, 0},
		{"bytes=--1", 10, 0, 0, 0},
		{"bytes=1-2-3", 10, 0, 0, 0},
		{"bytes=99999999999999999999-", 10, 0, 0, 0},
		{"lines=1-2", 10, 0, 0, 0},
		{"", 10, 0, 0, 0},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++) {
		uint64_t off = 0;
		uint64_t len = 0;

		CHECK(range_parse(cases[i].header, cases[i].size, &off, &len) ==
		      cases[i].result);
		CHECK(off == cases[i].off && len == cases[i].len);
	}
}

TEST(etags)
{
	CHECK(etag_listed("\"a\"", "\"a\""));
	CHECK(etag_listed("\"x\", W/\"a\" ,\"b\"", "\"a\""));
	CHECK(etag_listed("*", "\"a\""));
	CHECK(!etag_listed("a", "\"a\""));
	CHECK(!etag_listed("\"ab\"", "\"a\""));
	CHECK(!etag_listed("", "\"a\""));
}

TEST(versions_from_old_to_new)
{
	/* Pre-releases come before all releases. */
	static const char *const order[] = {
		"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11",
		"1.0.0-rc.1",  "2.0.0-alpha",   "0.9",          "1.0.0",
		"1.2",         "v1.9.9",        "1.10.0",       "20240101",
	};

	for (size_t i = 0; i < AC_LEN(order); i++)
		for (size_t k = 0; k < AC_LEN(order); k++) {
			int r = version_compare(order[i], order[k]);

			CHECK(i < k ? r < 0 : i > k ? r > 0 : r == 0);
		}
	CHECK(version_compare("1.0.0+a", "1.0.0+b") == 0);
	CHECK(version_compare("v1.0.0", "1.0.0") == 0);
}

TEST(repositories)
{
	CHECK(repo_name_ok("a"));
	CHECK(repo_name_ok("library/busybox"));
	CHECK(repo_name_ok("a.b_c__d--e/f0"));
	CHECK(repo_name_ok("registry.example.com_5000/a"));
	CHECK(!repo_name_ok(""));
	CHECK(!repo_name_ok("/a"));
	CHECK(!repo_name_ok("a/"));
	CHECK(!repo_name_ok("a//b"));
	CHECK(!repo_name_ok(".."));
	CHECK(!repo_name_ok("a/../b"));
	CHECK(!repo_name_ok("a..b"));
	CHECK(!repo_name_ok("a___b"));
	CHECK(!repo_name_ok("a_-b"));
	CHECK(!repo_name_ok("-a"));
	CHECK(!repo_name_ok("a."));
	CHECK(!repo_name_ok("A"));
	CHECK(!repo_name_ok("a:b"));
}

TEST(tags)
{
	char long_tag[130];

	memset(long_tag, 'a', sizeof(long_tag));
	long_tag[128] = '\0';
	CHECK(tag_ok(long_tag));
	long_tag[128] = 'a';
	long_tag[129] = '\0';
	CHECK(!tag_ok(long_tag));
	CHECK(tag_ok("_1.0-rc_2"));
	CHECK(tag_ok("Latest"));
	CHECK(!tag_ok(""));
	CHECK(!tag_ok(".a"));
	CHECK(!tag_ok("-a"));
	CHECK(!tag_ok("a/b"));
	CHECK(!tag_ok("sha256:00"));
}
