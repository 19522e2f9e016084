#include "common/base/alloc.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "tests/unit/tap.h"

static struct ac_err err;

static struct ac_json *parse(const char *text)
{
	return ac_json_parse(text, strlen(text), "manifest", &err);
}

/* TEXT parsed and written again is OUT. */
static bool writes(const char *text, int indent, bool html, const char *out)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	AC_JSON struct ac_json *j = parse(text);

	if (j == NULL)
		return false;
	ac_json_write(j, indent, html, &b);
	if (strcmp(ac_buf_str(&b), out) != 0)
		fprintf(stderr, "# got %s\n", ac_buf_str(&b));
	return strcmp(ac_buf_str(&b), out) == 0;
}

TEST(refused)
{
	static const struct {
		const char *text;
		const char *says;
	} t[] = {
		{"{\"a\":1,\n \"a\":2}",
		 "manifest: line 2, column 2: duplicate"},
		{"", "line 1"},
		{"{", "line 1, column 2"},
		{"{} x", "line 1, column 4"},
		{"[1,]", "line 1"},
		{"\xef\xbb\xbf{}", "line 1"},
		{"{\"a\\u0000\":1}", "NUL"},
		{"\"\xff\"", "line 1, column 2: invalid character '\\xff' in a "
			     "string: not UTF-8"},
		{"\"\\ud800\"", "half of a surrogate pair"},
		{"1e999", "overflow"},
		{"0123456789012345678901234567890", "line 1"},
		{"// no\n{}", "line 1"},
		{"nul", "line 1"},
		{"\"\x1b[2J", "'\\x1b' (a control character) in a string"},
		{"[1,\n 2\n 3]", "line 3, column 2: invalid character '3' "
				 "behind an array element"},
		{"{\"\xc3\xa9\": 1,}",
		 "line 1, column 9: invalid character '}' "
		 "where a key is expected"},
		{"[\"a\\", "unexpected end of JSON input"},
		{"[99999999999999999999, 1, 1, {\"b\":1, \n\"c\":1,\"b\":2}]",
		 "line 2, column 7: duplicate"},
	};

	CHECK(ac_json_parse("{}\0", 3, "x", &err) == NULL);
	CHECK(strstr(err.msg, "x: line 1, column 3: invalid character") !=
	      NULL);
	for (size_t i = 0; i < AC_LEN(t); i++) {
		CHECK(parse(t[i].text) == NULL);
		CHECK(err.code == AC_E_INVALID);
		if (strstr(err.msg, t[i].says) == NULL)
			fprintf(stderr, "# %zu: %s\n", i, err.msg);
		CHECK(strstr(err.msg, t[i].says) != NULL);
		CHECK(strchr(err.msg, '\x1b') == NULL);
	}
}

TEST(limits)
{
	size_t big = AC_JSON_MAX_BYTES + 1;
	AC_FREE char *text = ac_xmalloc(big);
	AC_JSON struct ac_json *deep = NULL;

	memset(text, ' ', big);
	text[0] = '1';
	CHECK(ac_json_parse(text, big, "x", &err) == NULL);
	CHECK(err.code == AC_E_LIMIT);

	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	CHECK(ac_json_parse(text, 130, "x", &err) == NULL);
	CHECK(err.code == AC_E_LIMIT);
	CHECK(strcmp(err.msg, "x: line 1, column 65: more than 64 levels") ==
	      0);
	deep = ac_json_parse(text + 1, 128, "x", &err);
	CHECK(deep != NULL);

	/* Brackets in strings are text. */
	CHECK(writes("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"",
		     0, false,
		     "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\""));

	for (size_t i = 0; i + 3 < big - 1; i += 3)
		memcpy(text + i, i == 0 ? "[{}" : ",{}", 3);
	CHECK(ac_json_parse(text, big - 1, "x", &err) == NULL);
	CHECK(err.code == AC_E_LIMIT && strstr(err.msg, "objects") != NULL);
	for (size_t i = 0; i + 2 < big - 1; i += 2)
		memcpy(text + i, i == 0 ? "[1" : ",1", 2);
	CHECK(ac_json_parse(text, big - 1, "x", &err) == NULL);
	CHECK(err.code == AC_E_LIMIT && strstr(err.msg, "values") != NULL);
}

TEST(order_and_unknown_fields_are_kept)
{
	static const char doc[] =
		"{\"z\":1,\"a\":[true,false,null],\"M\":{\"y\":{},\"x\":[]},"
		"\"\":\"\"}";

	CHECK(writes(doc, 0, false, doc));
	CHECK(writes("{\"b\":[1,{\"c\":2}],\"a\":{}}", 2, false,
		     "{\n  \"b\": [\n    1,\n    {\n      \"c\": 2\n    }\n  ]"
		     ",\n  \"a\": {}\n}"));
	CHECK(writes("[[1]]", -1, false, "[\n\t[\n\t\t1\n\t]\n]"));
}

TEST(numbers)
{
	static const struct {
		const char *in;
		const char *out;
		enum ac_json_type type;
	} t[] = {
		{"0", "0", AC_JSON_INT},
		{"-9223372036854775808", "-9223372036854775808", AC_JSON_INT},
		{"9223372036854775807", "9223372036854775807", AC_JSON_INT},
		{"18446744073709551615", "1.8446744073709552e19", AC_JSON_REAL},
		{"0.1", "0.1", AC_JSON_REAL},
		{"1.0", "1.0", AC_JSON_REAL},
		{"0.30000000000000004", "0.30000000000000004", AC_JSON_REAL},
		{"1e3", "1000.0", AC_JSON_REAL},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_JSON struct ac_json *j = parse(t[i].in);

		CHECK(j != NULL && ac_json_type(j) == t[i].type);
		CHECK(writes(t[i].in, 0, false, t[i].out));
	}
	CHECK(writes("{\"a\":18446744073709551616,\"b\":[7,99999999999999999999"
		     "]}",
		     0, false, "{\"a\":1.8446744073709552e19,\"b\":[7,1e20]}"));
}

TEST(escapes)
{
	static const char in[] =
		"\"<a href='x'>&\\u2028\\u2029\\u0001\\b\\f\\n\\r\\t\\\\"
		"\\\"\\/\xc3\xa9\\u0000\x7f\"";

	CHECK(writes(in, 0, true,
		     "\"\\u003ca href='x'\\u003e\\u0026\\u2028\\u2029\\u0001"
		     "\\u0008\\u000c\\n\\r\\t\\\\\\\"/\xc3\xa9\\u0000\x7f\""));
	CHECK(writes(in, 0, false,
		     "\"<a href='x'>&\xe2\x80\xa8\xe2\x80\xa9\\u0001"
		     "\\u0008\\u000c\\n\\r\\t\\\\\\\"/\xc3\xa9\\u0000\x7f\""));
}

TEST(getters)
{
	AC_JSON struct ac_json *j =
		parse("{\"s\":\"text\",\"i\":7,\"b\":true,\"a\":[1],\"o\":{},"
		      "\"n\":null,\"nul\":\"a\\u0000b\",\"r\":1.5}");
	const char *s = "before";
	int64_t i = -1;
	bool b = false;
	struct ac_json *v = NULL;
	size_t len;

	CHECK(ac_json_get_str(j, "app", "s", &s, &err) == 1);
	CHECK(strcmp(s, "text") == 0);
	CHECK(ac_json_get_int(j, "app", "i", &i, &err) == 1 && i == 7);
	CHECK(ac_json_get_bool(j, "app", "b", &b, &err) == 1 && b);
	CHECK(ac_json_get_array(j, "app", "a", &v, &err) == 1);
	CHECK(ac_json_len(v) == 1 && ac_json_number(ac_json_at(v, 0)) == 1);
	CHECK(ac_json_at(v, 1) == NULL);
	CHECK(ac_json_get_object(j, "app", "o", &v, &err) == 1);
	CHECK(ac_json_get_str(j, "app", "n", &s, &err) == 0);
	CHECK(ac_json_get_str(j, "app", "none", &s, &err) == 0);
	CHECK(strcmp(s, "text") == 0);

	CHECK(ac_json_get_str(j, "app", "i", &s, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	CHECK(strcmp(err.msg, "app.i: expected a string, found a number") == 0);
	CHECK(ac_json_get_int(j, "", "r", &i, &err) < 0);
	CHECK(strcmp(err.msg, "r: expected a whole number, found a fractional "
			      "number") == 0);
	CHECK(ac_json_get_bool(j, "x", "o", &b, &err) < 0);
	CHECK(strcmp(err.msg, "x.o: expected true or false, found an object") ==
	      0);
	CHECK(ac_json_get_array(j, "x", "b", &v, &err) < 0);
	CHECK(ac_json_get_object(j, "x", "s", &v, &err) < 0);
	CHECK(ac_json_get_str(j, "app", "nul", &s, &err) < 0);
	CHECK(strstr(err.msg, "NUL") != NULL);
	CHECK(ac_json_text(ac_json_get(j, "nul"), NULL) == NULL);
	CHECK(ac_json_text(ac_json_get(j, "nul"), &len) != NULL && len == 3);
	CHECK(ac_json_text(ac_json_get(j, "i"), NULL) == NULL);
	CHECK(ac_json_number(ac_json_get(j, "s")) == 0);
	CHECK(!ac_json_bool(NULL) && ac_json_type(NULL) == AC_JSON_NULL);
	CHECK(ac_json_len(NULL) == 0);
}

TEST(nocase)
{
	AC_JSON struct ac_json *j =
		parse("{\"supplementaryGids\":1,\"user\":2,\"USER\":3}");

	CHECK(ac_json_number(ac_json_get_nocase(j, "supplementaryGIDs")) == 1);
	CHECK(ac_json_number(ac_json_get_nocase(j, "USER")) == 3);
	CHECK(ac_json_number(ac_json_get_nocase(j, "User")) == 2);
	CHECK(ac_json_get_nocase(j, "group") == NULL);
	CHECK(ac_json_same_key("mas\xc5\xbf", "MASS"));
	CHECK(ac_json_same_key("\xe2\x84\xaaind", "kind"));
	CHECK(!ac_json_same_key("kind", "kin"));
	CHECK(!ac_json_same_key("\xc5", "s"));
	CHECK(!ac_json_same_key("\xc3\x84", "\xc3\xa4"));
	CHECK(ac_json_get(j, "User") == NULL);
}

TEST(build)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	AC_JSON struct ac_json *j = ac_json_object();
	AC_JSON struct ac_json *copy = NULL;
	struct ac_json *a = ac_json_array();
	const char *key;
	struct ac_json *v;
	void *it = NULL;
	size_t n = 0;

	ac_json_set_str(j, "k\xff", "v\xc3(\xc3\xa9");
	ac_json_set_int(j, "i", -5);
	ac_json_set(j, "t", ac_json_new_bool(true));
	ac_json_set(j, "n", ac_json_null());
	ac_json_push_str(a, "one");
	ac_json_push(a, ac_json_int(2));
	ac_json_push_str(a, "three");
	ac_json_remove(a, 0);
	ac_json_replace(a, 1, ac_json_str("drei"));
	ac_json_set(j, "a", a);
	ac_json_set_str(j, "gone", "x");
	ac_json_del(j, "gone");
	ac_json_set_int(j, "i", -6); /* keeps its place */
	ac_json_write(j, 0, false, &b);
	CHECK(strcmp(ac_buf_str(&b),
		     "{\"k\xef\xbf\xbd\":\"v\xef\xbf\xbd(\xc3\xa9\",\"i\":-6,"
		     "\"t\":true,\"n\":null,\"a\":[2,\"drei\"]}") == 0);

	copy = ac_json_copy(j);
	CHECK(ac_json_equal(j, copy));
	ac_json_push_str(ac_json_get(copy, "a"), "more");
	CHECK(!ac_json_equal(j, copy));
	CHECK(ac_json_len(ac_json_get(j, "a")) == 2);

	while (ac_json_each(j, &it, &key, &v))
		n++;
	CHECK(n == 5 && n == ac_json_len(j));
}
