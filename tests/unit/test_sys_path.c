/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/sys/path.h"
#include "tests/unit/tap.h"

TEST(clean)
{
	static const char *const t[][2] = {
		{"", ""},
		{".", ""},
		{"/", ""},
		{"//", ""},
		{"./", ""},
		{"/.", ""},
		{"a", "a"},
		{"a/", "a"},
		{"/a", "a"},
		{"//a", "a"},
		{"./a//b/", "a/b"},
		{"a/./b", "a/b"},
		{"a/../b", "b"},
		{"a/b/..", "a"},
		{"a/b/../..", ""},
		{"a/b/../../c", "c"},
		{"/a/..", ""},
		{"aa/bb/../cc", "aa/cc"},
		{"...", "..."},
		{"..a", "..a"},
		{"a..", "a.."},
		{".a/.b", ".a/.b"},
		{"a/.../b", "a/.../b"},
		{"\xff\xfe/\n", "\xff\xfe/\n"},
		{"..", NULL},
		{"/..", NULL},
		{"../a", NULL},
		{"a/../../b", NULL},
		{"a/b/../../..", NULL},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *s = ac_path_clean(t[i][0]);

		if (t[i][1] == NULL) {
			CHECK(s == NULL);
			continue;
		}
		CHECK(s != NULL && strcmp(s, t[i][1]) == 0);
		CHECK(ac_path_is_clean(s));
	}
}

TEST(clean_has_limits)
{
	char name[257];
	AC_FREE char *path = ac_xmalloc(8192);
	AC_FREE char *s = NULL;

	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	s = ac_path_clean(name);
	CHECK(s != NULL && strlen(s) == 255);
	name[255] = 'n';
	name[256] = '\0';
	CHECK(ac_path_clean(name) == NULL && !ac_path_is_clean(name));

	for (size_t i = 0; i < 4095; i++)
		path[i] = i % 2 == 0 ? 'a' : '/';
	path[4095] = '\0';
	free(s);
	s = ac_path_clean(path);
	CHECK(s != NULL && strlen(s) == 4095 && ac_path_is_clean(path));
	memcpy(path + 4095, "/b", 3);
	CHECK(ac_path_clean(path) == NULL && !ac_path_is_clean(path));
	/* Long as text, short as a path. */
	memset(path, '/', 8000);
	memcpy(path + 8000, "a", 2);
	free(s);
	s = ac_path_clean(path);
	CHECK(s != NULL && strcmp(s, "a") == 0);
}

TEST(is_clean)
{
	static const char *const yes[] = {"", "a", "a/b", "...", ".a", "a."};
	static const char *const no[] = {"/",  "/a",   "a/",   "a//b",
					 ".",  "./a",  "a/.",  "a/./b",
					 "..", "../a", "a/..", "a/../b"};

	for (size_t i = 0; i < AC_LEN(yes); i++)
		CHECK(ac_path_is_clean(yes[i]));
	for (size_t i = 0; i < AC_LEN(no); i++)
		CHECK(!ac_path_is_clean(no[i]));
}

TEST(has_dotdot)
{
	static const char *const yes[] = {"..", "/..", "a/..", "a/../b",
					  "..//"};
	static const char *const no[] = {"", ".", "...", "a..", "..a", "a/..b"};

	for (size_t i = 0; i < AC_LEN(yes); i++)
		CHECK(ac_path_has_dotdot(yes[i]));
	for (size_t i = 0; i < AC_LEN(no); i++)
		CHECK(!ac_path_has_dotdot(no[i]));
}

TEST(split)
{
	static const char *const t[][3] = {
		{"a", "", "a"},
		{"a/b", "a", "b"},
		{"a/b/c", "a/b", "c"},
		{"", "", ""},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_str dir;
		struct ac_str base;

		ac_path_split(t[i][0], &dir, &base);
		CHECK(ac_str_eq(dir, t[i][1]) && ac_str_eq(base, t[i][2]));
	}
}

TEST(join)
{
	static const char *const t[][3] = {
		{"", "b", "b"},       {"a", "b", "a/b"}, {"a/", "b", "a/b"},
		{"a", "/b", "a/b"},   {"/", "b", "/b"},  {"", "/b", "/b"},
		{"a/", "//b", "a/b"}, {"a", "", "a"},    {"", "", ""},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *s = ac_path_join(t[i][0], t[i][1]);

		CHECK(strcmp(s, t[i][2]) == 0);
	}
}

TEST(within)
{
	CHECK(ac_path_within("a/b", "a") && ac_path_within("a", "a"));
	CHECK(ac_path_within("a", "") && ac_path_within("", ""));
	CHECK(!ac_path_within("ab", "a") && !ac_path_within("", "a"));
	CHECK(!ac_path_within("a", "a/b"));
}
