#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/edit.h"
#include "tests/unit/tap.h"

static struct ac_json *doc_of(const char *text)
{
	struct ac_err err = AC_ERR_INIT;
	struct ac_json *doc = ac_json_parse(text, strlen(text), "test", &err);

	CHECK(doc != NULL);
	return doc;
}

static bool is(const struct ac_json *doc, const char *want)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);

	ac_json_write(doc, 0, false, &b);
	return strcmp(ac_buf_str(&b), want) == 0;
}

TEST(members)
{
	AC_JSON struct ac_json *doc =
		doc_of("{\"Name\":\"a\",\"x\":null,\"y\":1}");

	CHECK(ac_edit_member(doc, "name") == ac_json_get(doc, "Name"));
	CHECK(ac_edit_member(doc, "x") == NULL);
	ac_edit_set_str(doc, "NAME", "b");
	ac_edit_set(doc, "x", ac_json_int(2));
	ac_edit_set(doc, "z", ac_json_int(3));
	ac_edit_del(doc, "Y");
	ac_edit_del(doc, "none");
	CHECK(is(doc, "{\"Name\":\"b\",\"x\":2,\"z\":3}"));
}

TEST(lists)
{
	AC_JSON struct ac_json *doc =
		doc_of("{\"l\":[{\"name\":\"a\"},{\"Name\":\"b\",\"v\":1},"
		       "{\"name\":\"a\"},{\"name\":8}],\"s\":\"\"}");
	struct ac_err err = AC_ERR_INIT;
	struct ac_json *list = ac_edit_list(doc, "L", false, &err);

	CHECK(list != NULL);
	CHECK(ac_edit_is(ac_json_at(list, 1), "name", "b"));
	CHECK(ac_edit_is(ac_json_at(list, 3), "name", "8"));
	CHECK(!ac_edit_is(ac_json_at(list, 3), "name", "9"));
	CHECK(!ac_edit_is(ac_json_at(list, 3), NULL, "8"));
	ac_edit_put(list, "name", "a", ac_edit_pair("a", "new"));
	ac_edit_put(list, "name", "c", ac_edit_pair("c", ""));
	CHECK(ac_edit_drop(list, "name", "8") == 1);
	CHECK(ac_edit_drop(list, "name", "8") == 0);
	CHECK(is(list, "[{\"name\":\"a\",\"value\":\"new\"},"
		       "{\"Name\":\"b\",\"v\":1},"
		       "{\"name\":\"c\",\"value\":\"\"}]"));
	CHECK(ac_edit_list(doc, "none", false, &err) == NULL);
	CHECK(ac_edit_list(NULL, "none", false, &err) == NULL);
	CHECK(err.code == AC_OK);
	CHECK(ac_edit_list(doc, "none", true, &err) != NULL);
	CHECK(ac_edit_list(doc, "s", true, &err) == NULL);
	CHECK(err.code == AC_E_INVALID);
}

TEST(dependencies)
{
	struct ac_err err = AC_ERR_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv labels = AC_STRV_INIT;
	AC_JSON struct ac_json *dep = NULL;

	ac_strv_push(&labels, "arch=amd64");
	dep = ac_edit_dependency("example.com/a:1,os=linux", &labels,
				 "sha512-00", 7, &err);
	CHECK(dep != NULL);
	CHECK(is(dep, "{\"imageName\":\"example.com/a\","
		      "\"imageID\":\"sha512-00\",\"labels\":["
		      "{\"name\":\"version\",\"value\":\"1\"},"
		      "{\"name\":\"os\",\"value\":\"linux\"},"
		      "{\"name\":\"arch\",\"value\":\"amd64\"}],\"size\":7}"));
	ac_strv_push(&labels, "arch=i386");
	CHECK(ac_edit_dependency("a", &labels, NULL, 0, &err) == NULL);
	CHECK(strstr(err.msg, "multiple arch labels") != NULL);
	CHECK(ac_edit_dependency("docker://a", NULL, NULL, 0, &err) == NULL);
	CHECK(ac_edit_dependency("a..b", NULL, NULL, 0, &err) == NULL);
}

TEST(utf8)
{
	CHECK(ac_str_utf8("") && ac_str_utf8("a\xc3\xa4z"));
	CHECK(!ac_str_utf8("a\xc3") && !ac_str_utf8("\xff"));
}
