/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/discover.h"

#include <fcntl.h>

#include "common/base/alloc.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/sys/io.h"
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

#define META "<meta name=\"ac-discovery\" content=\"a https://h/\">"

/* One tag in a page of N bytes, which may hold NULs. */
static size_t tags_in(const void *page, size_t n, const char *content)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv e = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv k = AC_STRV_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_discover_parse(page, n, &e, &k, &err) == 0);
	CHECK(e.n == 0 || content == NULL || strcmp(e.v[0], content) == 0);
	return e.n;
}

TEST(text_elements)
{
	static const char *const names[] = {"title", "textarea", "xmp",
					    "iframe", "noembed"};

	for (size_t i = 0; i < AC_LEN(names); i++) {
		AC_CLEANUP(ac_strv_release) struct ac_strv e = AC_STRV_INIT;
		AC_CLEANUP(ac_strv_release) struct ac_strv k = AC_STRV_INIT;
		char page[400];

		(void)snprintf(page, sizeof(page),
			       "<%s>x <meta name=ac-discovery content=\"b "
			       "https://bad/\"></%s>" META,
			       names[i], names[i]);
		parse(page, &e, &k);
		CHECK(e.n == 1 && strcmp(e.v[0], "a https://h/") == 0);
	}
}

TEST(nuls)
{
	static const char text[] = "<p>\0</p>" META;
	static const char tags[] = META "\0\0\n<p \0>" META;

	CHECK(tags_in(text, sizeof(text) - 1, "a https://h/") == 1);
	CHECK(tags_in(tags, sizeof(tags) - 1, "a https://h/") == 2);
}

TEST(encodings)
{
	static const char *const pages[] = {
		"\xef\xbb\xbf<html>" META,
		"<p>caf\xe9 \xff\xfe \x80</p>" META,
		"<meta charset=iso-8859-1><title>\xe9\xe8</title>" META,
		"<meta charset=utf-8><title>\xc3\xa9 \xe9</title>" META,
		"<meta charset=no-such-one>\xe9" META,
		"<!doctype html><title>\xe2\x82\xac</title>" META,
		"<meta name='ac-discovery' content='a&#32;https&#58;//h/'>",
		"<META\nNAME = ac-discovery\tCONTENT\n=\n'a https://h/'/>",
		"<meta content=\"a https://h/\" name=ac-discovery name=other>",
		"<body></body></html>" META,
		"<noscript>" META "</noscript>",
		"<svg><metadata>" META "</metadata></svg>",
	};
	static const char page[] = "<html><head>" META "</head></html>";
	char wide[2 * sizeof(page) + 2];

	for (size_t i = 0; i < AC_LEN(pages); i++) {
		if (tags_in(pages[i], strlen(pages[i]), "a https://h/") != 1)
			fprintf(stderr, "# page %zu\n", i);
		CHECK(tags_in(pages[i], strlen(pages[i]), "a https://h/") == 1);
	}
	/* UTF-16, both ways round, with its mark. */
	for (int big = 0; big < 2; big++) {
		wide[big] = (char)0xff;
		wide[1 - big] = (char)0xfe;
		for (size_t i = 0; i < sizeof(page) - 1; i++) {
			wide[2 + 2 * i + (size_t)big] = page[i];
			wide[2 + 2 * i + (size_t)(1 - big)] = '\0';
		}
		CHECK(tags_in(wide, 2 * sizeof(page), "a https://h/") == 1);
	}
	/* What no parser shall take for a tag. */
	CHECK(tags_in("&lt;meta name=ac-discovery content=x&gt;", 41, NULL) ==
	      0);
	CHECK(tags_in("<style>" META "</style>",
		      strlen("<style>" META "</style>"), NULL) == 0);
}

/* Much of what makes parsers slow. */
TEST(large_pages)
{
	enum { SIZE = 1 << 20 };
	static const char *const parts[] = {
		"<a>",  "<div>",  "</p>",   "&amp;", "<p>", "<table><tr>", "x",
		"<!--", "<meta ", "<b><i>", "&#",    "'",   "<x a=b ",
	};
	char *page = malloc(SIZE);

	CHECK(page != NULL);
	for (size_t i = 0; i < AC_LEN(parts); i++) {
		size_t n = strlen(parts[i]);

		memcpy(page, META, sizeof(META) - 1);
		for (size_t k = sizeof(META) - 1; k < SIZE; k++)
			page[k] = parts[i][(k - sizeof(META) + 1) % n];
		CHECK(tags_in(page, SIZE, "a https://h/") == 1);
	}
	memset(page, 0, SIZE);
	CHECK(tags_in(page, SIZE, NULL) == 0);
	free(page);
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

enum { MAX_VECTORS = 1 << 20 };

/* The vectors of the specification, from the top of the tree. */
static struct ac_json *vectors(const char *file)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_VECTORS);
	struct ac_err err = AC_ERR_INIT;
	struct ac_json *all;

	CHECK(ac_io_read_file(AT_FDCWD, file, &b, &err) == 0);
	all = ac_json_parse(ac_buf_str(&b), b.len, file, &err);
	CHECK(ac_json_len(all) > 10);
	return all;
}

static const char *str(const struct ac_json *o, const char *key)
{
	return ac_json_text(ac_json_get(o, key), NULL);
}

/* Of the contents those that are for NAME lead where WANT says. */
static void check_matches(const struct ac_strv *contents, const char *name,
			  const struct ac_json *want)
{
	size_t n = 0;

	for (size_t i = 0; i < contents->n; i++) {
		struct ac_str url;
		const char *w;

		if (!ac_discover_match(contents->v[i], name, &url))
			continue;
		w = ac_json_text(ac_json_at(want, n++), NULL);
		CHECK(w != NULL && ac_str_eq(url, w));
	}
	CHECK(n == ac_json_len(want));
}

TEST(vectors_of_pages)
{
	AC_JSON struct ac_json *all =
		vectors("spec/vectors/discovery/pages.json");

	for (size_t i = 0; i < ac_json_len(all); i++) {
		const struct ac_json *v = ac_json_at(all, i);
		AC_CLEANUP(ac_strv_release) struct ac_strv e = AC_STRV_INIT;
		AC_CLEANUP(ac_strv_release) struct ac_strv k = AC_STRV_INIT;

		parse(str(v, "page"), &e, &k);
		check_matches(&e, str(v, "name"), ac_json_get(v, "images"));
		check_matches(&k, str(v, "name"), ac_json_get(v, "keys"));
	}
}

TEST(vectors_of_templates)
{
	AC_JSON struct ac_json *all =
		vectors("spec/vectors/discovery/templates.json");

	for (size_t i = 0; i < ac_json_len(all); i++) {
		const struct ac_json *v = ac_json_at(all, i);
		const struct ac_json *labels = ac_json_get(v, "labels");
		AC_FREE char *name = ac_xstrdup(str(v, "name"));
		AC_FREE char *url = NULL;
		struct ac_pair pairs[8];
		struct ac_ref ref = {.kind = AC_REF_NAME,
				     .name = name,
				     .labels = {.v = pairs}};

		for (; ref.labels.n < ac_json_len(labels); ref.labels.n++) {
			const struct ac_json *l =
				ac_json_at(labels, ref.labels.n);

			CHECK(ref.labels.n < AC_LEN(pairs));
			pairs[ref.labels.n] = (struct ac_pair){str(l, "name"),
							       str(l, "value")};
		}
		url = ac_discover_render(ac_str(str(v, "template")), &ref,
					 str(v, "ext"));
		CHECK((url == NULL) == (str(v, "url") == NULL));
		CHECK(url == NULL || strcmp(url, str(v, "url")) == 0);
	}
}
