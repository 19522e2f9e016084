/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/challenge.h"

#include "tests/unit/tap.h"

static struct ac_challenges parse(const char *text)
{
	struct ac_challenges c = AC_CHALLENGES_INIT;

	ac_challenges_add(&c, text);
	return c;
}

TEST(bearer)
{
	struct ac_challenges c = parse(
		"Bearer realm=\"https://auth.example/token\","
		"service=\"reg.example\",scope=\"repository:a/b:pull,push\"");

	CHECK(c.n == 1 && strcmp(c.v[0].scheme, "bearer") == 0);
	CHECK(strcmp(c.v[0].realm, "https://auth.example/token") == 0);
	CHECK(strcmp(c.v[0].service, "reg.example") == 0);
	CHECK(strcmp(c.v[0].scope, "repository:a/b:pull,push") == 0);
	CHECK(c.v[0].error == NULL);
	ac_challenges_release(&c);
}

TEST(several_in_one_header)
{
	struct ac_challenges c =
		parse("Negotiate, Basic realm=\"a \\\"b\\\", c\" , "
		      "bEaReR  REALM = x , error=insufficient_scope");

	CHECK(c.n == 3);
	CHECK(strcmp(c.v[0].scheme, "negotiate") == 0 && c.v[0].realm == NULL);
	CHECK(strcmp(c.v[1].realm, "a \"b\", c") == 0);
	CHECK(strcmp(c.v[2].realm, "x") == 0);
	CHECK(strcmp(c.v[2].error, "insufficient_scope") == 0);
	CHECK(ac_challenges_find(&c, "basic") == &c.v[1]);
	CHECK(ac_challenges_find(&c, "digest") == NULL);
	ac_challenges_release(&c);
}

TEST(several_headers)
{
	struct ac_challenges c = parse("Basic realm=x");

	ac_challenges_add(&c, "Bearer realm=https://h/t?a=b");
	CHECK(c.n == 2 && strcmp(c.v[1].realm, "https://h/t?a=b") == 0);
	ac_challenges_release(&c);
}

TEST(nonsense)
{
	static const char *const t[] = {
		"",
		",",
		"=",
		"realm=\"x\"",
		"\"",
		"Bearer =",
		"Bearer a=\"",
		"Bearer realm=\"\\",
		"@@@ ()",
		"Bearer abc==",
		"a=b=c,,,d",
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ac_challenges c = parse(t[i]);

		CHECK(c.n <= 2);
		for (size_t k = 0; k < c.n; k++)
			CHECK(c.v[k].scheme[0] != '\0');
		ac_challenges_release(&c);
	}
}

TEST(many)
{
	char text[4096];
	struct ac_challenges c;

	memset(text, 0, sizeof(text));
	for (size_t i = 0; i + 3 < sizeof(text); i += 2)
		memcpy(text + i, "a ", 2);
	c = parse(text);
	CHECK(c.n == 16);
	ac_challenges_release(&c);
}
