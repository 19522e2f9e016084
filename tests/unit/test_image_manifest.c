#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/name.h"
#include "tests/unit/tap.h"

/* Keys in no order, spelt in other cases, with some nobody knows. */
static const char shuffled[] =
	"{\"x-new\":{\"b\":1,\"a\":[1.5]},\"pathWhitelist\":[\"/a\",\"/b\"],"
	"\"annotations\":[{\"value\":\"<x>&y\",\"name\":\"a\"}],"
	"\"Labels\":[{\"value\":\"linux\",\"name\":\"os\",\"extra\":true},"
	"{\"name\":\"arch\",\"value\":\"amd64\"}],"
	"\"dependencies\":[{\"size\":0,\"labels\":[],\"imageName\":\"x\"},"
	"{\"size\":5,\"labels\":[{\"value\":\"1\",\"name\":\"version\"}],"
	"\"imageID\":\"sha512-ab\",\"imageName\":\"y\"}],"
	"\"app\":{\"userLabels\":{\"b\":\"2\",\"a\":\"1\"},"
	"\"userAnnotations\":{},\"isolators\":[{\"value\":{\"limit\":\"1G\","
	"\"x\":1},\"name\":\"resource/memory\"}],"
	"\"ports\":[{\"port\":80,\"protocol\":\"tcp\",\"name\":\"p\"},"
	"{\"socketActivated\":true,\"count\":3,\"port\":90,\"protocol\":"
	"\"tcp\",\"name\":\"q\"}],"
	"\"mountPoints\":[{\"readOnly\":false,\"path\":\"/x\",\"name\":\"m\"},"
	"{\"readOnly\":true,\"path\":\"/y\",\"name\":\"n\"}],"
	"\"environment\":[{\"value\":\"v\",\"name\":\"E\"}],"
	"\"workingDirectory\":\"\",\"supplementaryGIDs\":[],"
	"\"eventHandlers\":[{\"exec\":[\"/x\"],\"name\":\"pre-start\"},"
	"{\"name\":\"post-stop\"}],\"group\":\"0\",\"user\":\"0\"},"
	"\"name\":\"example.com/a\",\"acVersion\":\"0.8.11\","
	"\"acKind\":\"ImageManifest\"}";

/* Recorded from the original's `actool build` and `cat-manifest`; what it
 * dropped (unknown keys) stands behind. */
static const char written[] =
	"{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\","
	"\"name\":\"example.com/a\",\"labels\":[{\"name\":\"os\",\"value\":"
	"\"linux\",\"extra\":true},{\"name\":\"arch\",\"value\":\"amd64\"}],"
	"\"app\":{\"exec\":null,\"eventHandlers\":[{\"name\":\"pre-start\","
	"\"exec\":[\"/x\"]},{\"name\":\"post-stop\",\"exec\":null}],"
	"\"user\":\"0\",\"group\":\"0\",\"environment\":[{\"name\":\"E\","
	"\"value\":\"v\"}],\"mountPoints\":[{\"name\":\"m\",\"path\":\"/x\"},"
	"{\"name\":\"n\",\"path\":\"/y\",\"readOnly\":true}],\"ports\":["
	"{\"name\":\"p\",\"protocol\":\"tcp\",\"port\":80,\"count\":1,"
	"\"socketActivated\":false},{\"name\":\"q\",\"protocol\":\"tcp\","
	"\"port\":90,\"count\":3,\"socketActivated\":true}],\"isolators\":["
	"{\"name\":\"resource/memory\",\"value\":{\"limit\":\"1G\",\"x\":1}}],"
	"\"userLabels\":{\"a\":\"1\",\"b\":\"2\"}},\"annotations\":[{\"name\":"
	"\"a\",\"value\":\"\\u003cx\\u003e\\u0026y\"}],\"dependencies\":["
	"{\"imageName\":\"x\"},{\"imageName\":\"y\",\"imageID\":\"sha512-ab\","
	"\"labels\":[{\"name\":\"version\",\"value\":\"1\"}],\"size\":5}],"
	"\"pathWhitelist\":[\"/a\",\"/b\"],\"x-new\":{\"b\":1,\"a\":[1.5]}}";

TEST(writes_as_the_original_did)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	AC_CLEANUP(ac_buf_release) struct ac_buf again = AC_BUF_INIT(1 << 16);
	struct ac_image m = AC_IMAGE_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_image_parse(&m, shuffled, strlen(shuffled), NULL, &err) == 0);
	ac_image_write(m.doc, &b);
	ac_image_release(&m);
	CHECK(strcmp(ac_buf_str(&b), written) == 0);
	CHECK(ac_image_parse(&m, b.p, b.len, NULL, &err) == 0);
	ac_image_write(m.doc, &again);
	ac_image_release(&m);
	CHECK(strcmp(b.p, again.p) == 0);
}

TEST(view)
{
	struct ac_findings f = {.v = NULL};
	struct ac_image m = AC_IMAGE_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_image_parse(&m, shuffled, strlen(shuffled), &f, &err) == 0);
	CHECK(strcmp(m.name, "example.com/a") == 0);
	CHECK(m.labels.n == 2);
	CHECK(strcmp(ac_pairs_get(&m.labels, "arch"), "amd64") == 0);
	CHECK(m.has_app && m.app.exec.n == 0);
	CHECK(m.app.pre_start.n == 1 && m.app.post_stop.n == 0);
	CHECK(m.app.working_directory == NULL);
	CHECK(m.app.n_ports == 2 && m.app.ports[1].count == 3);
	CHECK(m.app.ports[0].count == 1 && m.app.ports[1].socket_activated);
	CHECK(m.app.n_mounts == 2 && m.app.mounts[1].read_only);
	CHECK(m.app.n_isolators == 1 && m.app.isolators[0].value != NULL);
	CHECK(m.app.user_labels.n == 2);
	CHECK(m.n_deps == 2 && m.deps[1].size == 5 && m.deps[1].labels.n == 1);
	CHECK(m.deps[0].image_id == NULL);
	CHECK(m.whitelist.n == 2 && m.annotations.n == 1);
	/* The short image id, and the handler without a command. */
	CHECK(f.n == 2);
	CHECK(strcmp(f.v[0].rule, "I5.4") == 0);
	CHECK(strcmp(f.v[1].path, "dependencies[1].imageID") == 0);
	ac_findings_release(&f);
	ac_image_release(&m);
}

TEST(refusals_say_where)
{
	static const struct {
		const char *text, *message;
	} t[] = {
		{"{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\"}",
		 "missing or bad ACKind (must be \"ImageManifest\")"},
		{"{\"acKind\":\"X\"}", "bad ACKind: X"},
		{"{\"acKind\":\"ImageManifest\"}", "acVersion must be set"},
		{"{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\"}",
		 "name must be set"},
#define HEAD \
	"{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"a\","
		{HEAD "\"Name\":\"b\"}", "name: duplicate key"},
		{HEAD "\"labels\":[{\"name\":\"b\"},{\"name\":\"b\"}]}",
		 "labels: duplicate labels of name \"b\""},
		{HEAD "\"labels\":[{\"name\":\"name\"}]}",
		 "invalid label name: \"name\""},
		{HEAD "\"labels\":[{\"name\":\"x\",\"value\":\"a\\u0000b\"}]}",
		 "labels[0].value: a string with a NUL"},
		{HEAD "\"annotations\":[{\"name\":\"b\"},{\"name\":\"b\"}]}",
		 "duplicate annotations of name \"b\""},
		{HEAD "\"app\":{\"user\":\"0\",\"group\":\"0\","
		      "\"workingDirectory\":\"x\"}}",
		 "workingDirectory must be an absolute path"},
		{HEAD "\"app\":{\"user\":\"0\",\"group\":\"0\","
		      "\"ports\":[{\"port\":\"x\"}]}}",
		 "app.ports[0].port: expected a whole number"},
		{HEAD
		 "\"app\":{\"user\":\"0\",\"group\":\"0\","
		 "\"isolators\":[{\"name\":\"os/linux/seccomp-retain-set\","
		 "\"value\":{\"set\":[\"a\"]}},{\"name\":"
		 "\"os/linux/seccomp-remove-set\",\"value\":{\"set\":["
		 "\"a\"]}}]}}",
		 "app.isolators[1]: isolators set contains incompatible"},
		{HEAD "\"app\":{\"user\":\"0\",\"group\":\"0\","
		      "\"isolators\":[{\"name\":\"os/linux/selinux-context\","
		      "\"value\":{\"user\":\"a:b\"}}]}}",
		 "invalid user value \"a:b\""},
		{HEAD "\"dependencies\":[{\"imageName\":\"b\",\"imageID\":"
		      "\"sha512-a-b\"}]}",
		 "dependencies[0].imageID: badly formatted hash string"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_image m = AC_IMAGE_INIT;
		struct ac_err err = AC_ERR_INIT;

		CHECK(ac_image_parse(&m, t[i].text, strlen(t[i].text), NULL,
				     &err) < 0);
		if (strstr(err.msg, t[i].message) == NULL)
			fprintf(stderr, "# %s\n# %s\n", t[i].text, err.msg);
		CHECK(strstr(err.msg, t[i].message) != NULL);
		CHECK(m.doc == NULL);
	}
}

TEST(new_image)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	AC_FREE char *want = NULL;
	struct ac_findings f = {.v = NULL};
	struct ac_image m = AC_IMAGE_INIT;
	struct ac_err err = AC_ERR_INIT;
	struct ac_pair one = {"arch", NULL};
	struct ac_pairs labels = {&one, 1};

	CHECK(ac_image_load(&m, ac_image_new("a/b"), &f, &err) == 0);
	ac_image_write(m.doc, &b);
	CHECK(asprintf(&want,
		       "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\","
		       "\"name\":\"a/b\",\"labels\":[{\"name\":\"arch\","
		       "\"value\":\"%s\"},{\"name\":\"os\",\"value\":\"linux\"}"
		       "]}",
		       ac_host_arch()) > 0);
	CHECK(strcmp(ac_buf_str(&b), want) == 0);
	CHECK(ac_image_matches(&m, "a/b", NULL));
	CHECK(!ac_image_matches(&m, "a", NULL));
	one.value = ac_host_arch();
	CHECK(ac_image_matches(&m, "a/b", &labels));
	one.value = "x";
	CHECK(!ac_image_matches(&m, "a/b", &labels));
	one.name = "version";
	CHECK(!ac_image_matches(&m, NULL, &labels));
	ac_findings_release(&f);
	ac_image_release(&m);
}

TEST(quantities)
{
	static const struct {
		const char *json;
		int64_t milli;
	} t[] = {
		{"\"500m\"", 500},
		{"\"1\"", 1000},
		{"1", 1000},
		{"0.5", 500},
		{"0.1", 100},
		{"\"1k\"", 1000000},
		{"\"1K\"", 1000000},
		{"\"1Ki\"", 1024000},
		{"\"1Gi\"", 1073741824000},
		{"\"50M\"", 50000000000},
		{"\"1n\"", 1},
		{"\"0\"", 0},
		{"\"1.0005\"", 1001},
		{"\"1e3\"", 1000000},
		{"\"1E-3\"", 1},
		{"\"1E\"", INT64_MAX},
		{"\"-1.5\"", -1500},
		{"\"+2\"", 2000},
		{"\".5\"", 500},
		{"\"5.\"", 5000},
		{"\".\"", 0},
		{"\" 1k \"", 1000000},
		{"\"G\"", 0},
		{"\"-e+1\"", 0},
		{"\"1e+3\"", 1000000},
		{"\"1e-999999999999\"", 1},
		{"\"1e999999999999\"", INT64_MAX},
		{"\"9223372036854775807\"", INT64_MAX},
		{"\"9223372036854775.807\"", INT64_MAX},
		{"\"9223372036854775.806\"", INT64_MAX - 1},
		{"\"0.00000000000000000000000000000000000000001\"", 1},
	};
	static const char *const bad[] = {
		"\"\"",      "\"abc\"",
		"\"1.2.3\"", "\"..\"",
		"\"1mi\"",   "\"1e\"",
		"\"1Z\"",    "\"1 G\"",
		"\"--1\"",   "true",
		"null",      "{}",
		"\"1KiB\"",  "\"1e5x\"",
		"\"1M5\"",   "\"1e9223372036854775808\"",
		"\"1e+-1\"", "\"1e--1\"",
	};
	struct ac_err err = AC_ERR_INIT;
	int64_t v;

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_JSON struct ac_json *j =
			ac_json_parse(t[i].json, strlen(t[i].json), "test",
				      &err);

		CHECK(ac_quantity_parse(j, &v, &err) == 0);
		if (v != t[i].milli)
			fprintf(stderr, "# %s: %lld\n", t[i].json,
				(long long)v);
		CHECK(v == t[i].milli);
	}
	for (size_t i = 0; i < AC_LEN(bad); i++) {
		AC_JSON struct ac_json *j =
			ac_json_parse(bad[i], strlen(bad[i]), "test", &err);

		CHECK(ac_quantity_parse(j, &v, &err) < 0);
		CHECK(err.code == AC_E_INVALID);
	}
}

TEST(findings_are_bounded)
{
	struct ac_findings f = {.v = NULL};

	for (int i = 0; i < 5000; i++)
		ac_findings_add(&f, "T1", "x", "\x1b[2J %d", i);
	CHECK(f.n == 1000);
	CHECK(strcmp(f.v[1].text, "\\x1b[2J 1") == 0);
	ac_findings_release(&f);
	ac_findings_add(NULL, "T1", "x", "nobody listens");
}
