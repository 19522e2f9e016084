#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/codec/json_walk.h"
#include "tests/unit/tap.h"

static void tell(void *ctx, const char *path, const struct ac_json_place *at)
{
	ac_buf_addf(ctx, "%s@%u:%u ", path, at->line, at->column);
}

static const char *walk(struct ac_buf *b, const char *text)
{
	struct ac_err err = AC_ERR_INIT;

	ac_buf_reset(b);
	if (ac_json_walk(text, strlen(text), tell, b, &err) < 0)
		ac_buf_addf(b, "E%u:%u %s", err.line, err.column, err.msg);
	return ac_buf_str(b);
}

TEST(places)
{
	static const char *const t[][2] = {
		{"null", "@1:1 "},
		{" \n [1,\n{\"a\": 2}]", "@2:2 [0]@2:3 [1]@3:1 [1].a@3:2 "},
		{"{\"a\":{\"b\":[]},\"c\":[[],{}]}",
		 "@1:1 a@1:2 a.b@1:7 c@1:15 c[0]@1:20 c[1]@1:23 "},
		/* Columns are characters. */
		{"{\"\xc3\xa9\":\"\xe2\x82\xac\",\"z\":1}",
		 "@1:1 \xc3\xa9@1:2 z@1:10 "},
		/* Keys as they are meant. */
		{"{\"\\u00e9\\ud83d\\ude00\\n\\\"\":1}",
		 "@1:1 \xc3\xa9\xf0\x9f\x98\x80\n\"@1:2 "},
		{"{\"a.b\":{\"c[0]\":1},\"\":2}",
		 "@1:1 a.b@1:2 a.b.c[0]@1:9 @1:19 "},
	};
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);

	for (size_t i = 0; i < AC_LEN(t); i++) {
		if (strcmp(walk(&b, t[i][0]), t[i][1]) != 0)
			fprintf(stderr, "# %zu: %s\n", i, ac_buf_str(&b));
		CHECK(strcmp(ac_buf_str(&b), t[i][1]) == 0);
	}
}

TEST(faults)
{
	static const char *const t[][2] = {
		{"", "E1:1 unexpected end of JSON input where a value"},
		{"{\"a\":1,}", "E1:8 invalid character '}' where a key"},
		{"[1,]", "E1:4 invalid character ']' where a value"},
		{"[1 2]", "E1:4 invalid character '2' behind an array"},
		{"{\"a\" 1}", "E1:6 invalid character '1' behind a key"},
		{"{\"a\":1 \"b\":2}", "E1:8 invalid character '\"' behind an"},
		{"'a'", "E1:1 invalid character ''' where a value"},
		{"[01]", "E1:3 invalid character '1' behind an array"},
		{"[1.]", "E1:4 invalid character ']' in a number"},
		{"[-]", "E1:3 invalid character ']' in a number"},
		{"[1e+]", "E1:5 invalid character ']' in a number"},
		{"[\"\\x\"]", "E1:4 invalid character 'x' behind a backslash"},
		{"[\"\\u12g4\"]", "E1:7 invalid character 'g' in a \\u escape"},
		{"[\"\\udc00\"]", "E1:3 invalid character '\\' begins half"},
		{"[\"\\ud800\\u0041\"]", "E1:3 invalid character '\\' begins"},
		{"[\"\n\"]", "E1:3 invalid character '\\x0a' (a control"},
		{"[\"\x80\"]", "E1:3 invalid character '\\x80' in a string"},
		{"[tru]", "E1:2 invalid character 't' where a value"},
		{"[1]]", "E1:4 invalid character ']' after the end"},
		{"{\n\"a\": \"\xe2\x82\xac\" x}",
		 "E2:10 invalid character 'x'"},
	};
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);

	for (size_t i = 0; i < AC_LEN(t); i++) {
		const char *fault = strchr(walk(&b, t[i][0]), 'E');

		if (fault == NULL ||
		    strncmp(fault, t[i][1], strlen(t[i][1])) != 0)
			fprintf(stderr, "# %zu: %s\n", i, ac_buf_str(&b));
		CHECK(fault != NULL &&
		      strncmp(fault, t[i][1], strlen(t[i][1])) == 0);
	}
}

TEST(limits)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	AC_CLEANUP(ac_buf_release) struct ac_buf in = AC_BUF_INIT(1 << 20);

	for (int i = 0; i < AC_JSON_MAX_DEPTH + 1; i++)
		ac_buf_addc(&in, '[');
	CHECK(strstr(walk(&b, ac_buf_str(&in)),
		     "E1:65 invalid character '[' opens too many levels"));
	/* A path that is too long is not told, nor what is below it; what
	 * follows is. */
	ac_buf_reset(&in);
	ac_buf_adds(&in, "{\"");
	for (int i = 0; i < 70000; i++)
		ac_buf_addc(&in, 'x');
	ac_buf_adds(&in, "\":{\"a\":1},\n\"b\":2}");
	CHECK(strcmp(walk(&b, ac_buf_str(&in)), "@1:1 b@2:1 ") == 0);
}

static bool excerpt_is(const char *text, unsigned int line, unsigned int column,
		       const char *want)
{
	AC_FREE char *got = ac_json_excerpt(text, strlen(text), line, column);

	if (strcmp(got, want) != 0)
		fprintf(stderr, "# %s\n", got);
	return strcmp(got, want) == 0;
}

TEST(excerpts)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf in = AC_BUF_INIT(1 << 20);

	CHECK(excerpt_is("{\"a\" 1}", 1, 6, "    1: {\"a\" 1}\n            ^"));
	CHECK(excerpt_is("{\n\t\x1b[2J\xc3\xa9x}", 2, 7,
			 "    2:   [2J\xc3\xa9x}\n             ^"));
	CHECK(excerpt_is("", 1, 1, "    1: \n       ^"));
	CHECK(excerpt_is("a", 9, 1, "    9: \n       ^"));
	for (int i = 0; i < 1000; i++)
		ac_buf_addc(&in, 'x');
	CHECK(excerpt_is(ac_buf_str(&in), 1, 900,
			 "    1: "
			 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			 "xxxxxxxxxxxxxxxxxxxxxxxx\n"
			 "                                                     "
			 "  ^"));
}

TEST(errors_of_documents_have_their_place)
{
	struct ac_err err = AC_ERR_INIT;

	/* The text that the library reads is longer than ours here. */
	CHECK(ac_json_parse("{\"n\": 123456789012345678901234567890,\n"
			    "  \"b\": 1, \"b\": 2}",
			    57, "x", &err) == NULL);
	CHECK(err.line == 2 && err.column == 11);
	CHECK(strstr(err.msg, "x: line 2, column 11: duplicate") == err.msg);
}
