/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/err.h"
#include "run/duration.h"
#include "run/env.h"
#include "run/sandbox/sandbox.h"
#include "tests/unit/tap.h"

TEST(durations)
{
	static const struct {
		const char *text;
		long ms; /* -1: refused */
	} table[] = {
		{"0", 0},       {"1s", 1000},     {"1m30s", 90000},
		{"1.5s", 1500}, {"300ms", 300},   {"2h", 7200000},
		{".5s", 500},   {"1us", 0},       {"0s", 0},
		{"", -1},       {"1", -1},        {"s", -1},
		{"1x", -1},     {"-1s", -1},      {"1s2", -1},
		{"1..5s", -1},  {"9999999h", -1}, {"99999999999s", -1},
		{"1s 2s", -1},
	};
	struct ac_err err = AC_ERR_INIT;

	for (size_t i = 0; i < AC_LEN(table); i++) {
		unsigned int ms = 12345;
		int r = duration_parse(table[i].text, &ms, &err);

		CHECK((r == 0) == (table[i].ms >= 0));
		if (r == 0)
			CHECK(ms == (unsigned int)table[i].ms);
	}
}

TEST(environments)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv env = AC_STRV_INIT;
	struct ac_err err = AC_ERR_INIT;

	env_set(&env, ac_str("A"), "1", false);
	env_set(&env, ac_str("A"), "2", false);
	env_set(&env, ac_str("AB"), "3", true);
	CHECK(env.n == 2);
	CHECK(strcmp(env.v[0], "A=1") == 0);
	env_set(&env, ac_str("A"), "4=5", true);
	CHECK(strcmp(env.v[0], "A=4=5") == 0);
	CHECK(env_set_text(&env, "AB=", "--x", &err) == 0);
	CHECK(strcmp(env.v[1], "AB=") == 0);
	CHECK(env_set_text(&env, "novalue", "--x", &err) < 0);
	CHECK(env_set_text(&env, "1A=x", "--x", &err) < 0);
	CHECK(env_set_text(&env, "=x", "--x", &err) < 0);
	CHECK(env_set_text(&env, "a b=x", "--x", &err) < 0);
	CHECK(env_set_text(&env, "a.b-c=x", "--x", &err) == 0);
}

TEST(capabilities)
{
	CHECK(sb_capability("CAP_CHOWN") == 0);
	CHECK(sb_capability("sys_admin") == 21);
	CHECK(sb_capability("CHECKPOINT_RESTORE") == 40);
	CHECK(sb_capability("CAP_") == -1);
	CHECK(sb_capability("") == -1);
	CHECK(sb_capability("CHOWN ") == -1);
}
