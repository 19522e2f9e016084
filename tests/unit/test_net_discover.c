/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/discover.h"

#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "tests/unit/tap.h"

static void parse(const char *html, struct ac_strv *e, struct ac_strv *k)
{
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_discover_parse(html, strlen(html), e, k, &err) == 0);
}

TEST(tags)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv e = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv k = AC_STRV_INIT;

	parse("<!DOCTYPE html><html><head>"
	      "<!-- <meta name=\"ac-discovery\" content=\"no comment\"> -->"
	      "<script>'<meta name=\"ac-discovery\" content=\"no s\">'</script>"
	      "<META CONTENT='a https://h/{name}?x=1&amp;y=2.{ext}' NAME="
	      "ac-discovery>"
	      "<meta name=ac-discovery-pubkeys content=\"a https://h/k\">"
	      "<meta name=\"AC-Discovery\" content=\"other case\">"
	      "<meta name=\"ac-discovery\"></head><body><div>"
	      "<meta name=\"ac-discovery\" content=\"b https://late/\">",
	      &e, &k);
	CHECK(e.n == 2 && k.n == 1);
	CHECK(strcmp(e.v[0], "a https://h/{name}?x=1&y=2.{ext}") == 0);
	CHECK(strcmp(e.v[1], "b https://late/") == 0);
	CHECK(strcmp(k.v[0], "a https://h/k") == 0);
}

TEST(no_page)
{
	static const char *const t[] = {
		"",         " ",     "not html",
		"<",        "<meta", "<html",
		"\xff\xfe", "{}",    "<meta name='ac-discovery' content='",
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_CLEANUP(ac_strv_release) struct ac_strv e = AC_STRV_INIT;
		AC_CLEANUP(ac_strv_release) struct ac_strv k = AC_STRV_INIT;
		struct ac_err err = AC_ERR_INIT;

		(void)!ac_discover_parse(t[i], strlen(t[i]), &e, &k, &err);
		CHECK(e.n <= 1 && k.n == 0);
	}
}

TEST(deep_nesting_and_many_tags)
{
	enum { DEEP = 100000, MANY = 2000 };
	AC_CLEANUP(ac_strv_release) struct ac_strv e = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv k = AC_STRV_INIT;
	static const char tag[] = "<meta name=ac-discovery content='a b'>";
	char *page = malloc((size_t)DEEP * 5 + (size_t)MANY * sizeof(tag) + 1);
	char *p = page;

	CHECK(page != NULL);
	for (int i = 0; i < MANY; i++, p += sizeof(tag) - 1)
		memcpy(p, tag, sizeof(tag));
	for (int i = 0; i < DEEP; i++, p += 5)
		memcpy(p, "<div>", 6);
	parse(page, &e, &k);
	CHECK(e.n == 256);
	free(page);
}

TEST(match_by_whole_components)
{
	static const struct {
		const char *content, *name, *url;
	} t[] = {
		{"example.com/a https://h/", "example.com/a", "https://h/"},
		{"example.com/a  https://h/ ", "example.com/a/b", "https://h/"},
		{" example.com\nhttps://h/", "example.com/a", "https://h/"},
		{"example.com/ https://h/", "example.com/a", "https://h/"},
		{"example.com/a https://h/", "example.com/ab", NULL},
		{"example.com/a https://h/", "example.com", NULL},
		{"example.co https://h/", "example.com/a", NULL},
		{"example.com", "example.com", NULL},
		{"/ https://h/", "example.com", NULL},
		{"", "example.com", NULL},
		{"e.com https://h/a b", "e.com", "https://h/a b"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_str url;

		CHECK(ac_discover_match(t[i].content, t[i].name, &url) ==
		      (t[i].url != NULL));
		CHECK(t[i].url == NULL || ac_str_eq(url, t[i].url));
	}
}

TEST(render)
{
	static const char *const t[][2] = {
		{"https://h/{os}/{arch}/{name}-{version}.{ext}",
		 "https://h/linux/amd64/example.com/a-1.0%2B2.aci.asc"},
		{"https://h/{name}?l={odd}",
		 "https://h/example.com/a?l=..%2Fx"},
		{"https://h/fixed", "https://h/fixed"},
		{"https://h/{channel}.{ext}", NULL},
		{"https://h/{name", NULL},
		{"https://h/{}", NULL},
	};
	struct ac_pair labels[] = {{"version", "1.0+2"},
				   {"os", "linux"},
				   {"arch", "amd64"},
				   {"odd", "../x"}};
	char name[] = "example.com/a";
	struct ac_ref ref = {.kind = AC_REF_NAME,
			     .name = name,
			     .labels = {.v = labels, .n = AC_LEN(labels)}};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *s =
			ac_discover_render(ac_str(t[i][0]), &ref, "aci.asc");

		CHECK((s == NULL) == (t[i][1] == NULL));
		CHECK(s == NULL || strcmp(s, t[i][1]) == 0);
	}
}

TEST(render_without_a_version)
{
	char name[] = "example.com/a";
	struct ac_ref ref = {.kind = AC_REF_NAME, .name = name};
	AC_FREE char *s =
		ac_discover_render(ac_str("{version}.{ext}"), &ref, "aci");

	CHECK(strcmp(s, "latest.aci") == 0);
}
