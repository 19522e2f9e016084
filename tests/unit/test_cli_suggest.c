/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli/suggest.h"

#include "tests/unit/tap.h"

static const char *near(const char *typed)
{
	static const char *const names[] = {"validate", "verify",
					    "build",    "id",
					    "sign",     "cat-manifest"};
	struct ac_suggest s = ac_suggest(ac_str(typed));

	for (size_t i = 0; i < AC_LEN(names); i++)
		ac_suggest_try(&s, names[i]);
	return s.best != NULL ? s.best : "";
}

TEST(one_or_two_changes)
{
	static const char *const t[][2] = {
		{"validat", "validate"},
		{"vlaidate", "validate"},
		{"valitade", "validate"},
		{"verfiy", "verify"},
		{"verifie", "verify"},
		{"buid", "build"},
		{"buidl", "build"},
		{"bulid", "build"},
		{"biuld", "build"},
		{"sgin", "sign"},
		{"catmanifest", "cat-manifest"},
		{"cat_manifests", "cat-manifest"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++)
		CHECK(strcmp(near(t[i][0]), t[i][1]) == 0);
}

TEST(nothing_is_near)
{
	static const char *const t[] = {
		"",
		"i",
		"xx",
		"bbbbb",
		"nosuch",
		"push",
		"vvvvvvvv",
		"a-name-that-is-much-longer-than-any-name-of-a-command",
	};

	for (size_t i = 0; i < AC_LEN(t); i++)
		CHECK(strcmp(near(t[i]), "") == 0);
}
