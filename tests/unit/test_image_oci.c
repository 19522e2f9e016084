#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/oci.h"
#include "tests/unit/tap.h"

#define A64             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64             "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DESC(hex, size) "{\"digest\":\"sha256:" hex "\",\"size\":" #size "}"

static int kind(const char *text, struct ac_err *err)
{
	AC_JSON struct ac_json *j = ac_json_parse(text, strlen(text), "x", err);

	CHECK(j != NULL);
	return ac_oci_is_index(j, err);
}

TEST(kinds)
{
	static const struct {
		const char *text;
		int want;
		const char *message;
	} t[] = {
		{"{\"schemaVersion\":2,\"manifests\":[]}", 1, NULL},
		{"{\"schemaVersion\":2,\"config\":{},\"layers\":[]}", 0, NULL},
		{"{\"schemaVersion\":2,\"mediaType\":\"" AC_OCI_INDEX
		 "\",\"manifests\":[]}",
		 1, NULL},
		{"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", -1,
		 "CVE-2021-41190"},
		{"{\"schemaVersion\":2,\"manifests\":[],\"Config\":{}}", -1,
		 "CVE-2021-41190"},
		{"{\"schemaVersion\":2,\"mediaType\":\"" AC_OCI_MANIFEST
		 "\",\"manifests\":[]}",
		 -1, "neither"},
		{"{\"schemaVersion\":2,\"mediaType\":\"" AC_OCI_INDEX
		 "\",\"config\":{},\"layers\":[]}",
		 -1, "neither"},
		{"{\"schemaVersion\":2,\"mediaType\":\"text/html\"}", -1,
		 "neither"},
		{"{\"schemaVersion\":2,\"layers\":[]}", -1, "no 'manifests'"},
		{"{\"schemaVersion\":1,\"fsLayers\":[]}", -1, "schema 1"},
		{"{\"manifests\":[]}", -1, "schemaVersion must be 2"},
		{"[]", -1, "expected an object"},
		{"{\"schemaVersion\":2,\"manifests\":[],\"Manifests\":[]}", -1,
		 "duplicate key"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_err err = AC_ERR_INIT;

		CHECK(kind(t[i].text, &err) == t[i].want);
		if (t[i].message != NULL)
			CHECK(strstr(err.msg, t[i].message) != NULL);
	}
}

TEST(manifests)
{
	static const char good[] = "{\"schemaVersion\":2,\"config\":" DESC(
		A64, 7) ",\"layers\":[" DESC(B64, 9) "," DESC(B64, 9) "]}";
	static const struct {
		const char *text, *message;
	} bad[] = {
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:00\","
		 "\"size\":1},\"layers\":[]}",
		 "config.digest"},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"../../x\","
		 "\"size\":1},\"layers\":[]}",
		 "config.digest"},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:" A64
		 "\"},\"layers\":[]}",
		 "size must be set"},
		{"{\"schemaVersion\":2,\"config\":" DESC(A64,
							 -1) ",\"layers\":[]}",
		 "not negative"},
		{"{\"schemaVersion\":2,\"config\":" DESC(A64,
							 1.5) ",\"layers\":[]}",
		 "config.size: expected a whole number"},
		{"{\"schemaVersion\":2,\"config\":{\"size\":1},\"layers\":[]}",
		 "digest must be set"},
		{"{\"schemaVersion\":2,\"config\":" DESC(A64,
							 1) ",\"layers\":[7]}",
		 "layers[0]: expected an object"},
		{"{\"schemaVersion\":2,\"config\":{\"mediaType\":"
		 "\"application/vnd.cncf.helm.config.v1+json\",\"digest\":"
		 "\"sha256:" A64 "\",\"size\":1},\"layers\":[]}",
		 "not a container image"},
		{"{\"schemaVersion\":2,\"config\":" DESC(
			 A64,
			 1) ",\"layers\":[{\"mediaType\":\"application/vnd.oci.image."
			    "layer.v1.tar+gzip+encrypted\",\"digest\":\"sha256:" A64
			    "\",\"size\":1}]}",
		 "not a layer of files"},
		{"{\"schemaVersion\":2,\"manifests\":[]}",
		 "expected an image manifest, found an index"},
		{"{", "line 1"},
	};
	struct ac_oci_manifest m;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_oci_manifest_parse(&m, good, strlen(good), &err) == 0);
	CHECK(m.config.size == 7 && m.n_layers == 2 && m.layers[1].size == 9);
	CHECK(m.layers[0].digest.bytes[0] == 0xbb);
	ac_oci_manifest_release(&m);
	for (size_t i = 0; i < AC_LEN(bad); i++) {
		CHECK(ac_oci_manifest_parse(&m, bad[i].text,
					    strlen(bad[i].text), &err) < 0);
		if (strstr(err.msg, bad[i].message) == NULL)
			fprintf(stderr, "# %s\n", err.msg);
		CHECK(strstr(err.msg, bad[i].message) != NULL);
		CHECK(m.doc == NULL);
	}
}

#define PLATFORM(hex, os, arch, rest)                                          \
	"{\"digest\":\"sha256:" hex "\",\"size\":1,\"platform\":{\"os\":\"" os \
	"\",\"architecture\":\"" arch "\"" rest "}}"

TEST(platform)
{
	static const char text[] = "{\"schemaVersion\":2,\"manifests\":[" PLATFORM(A64, "unknown", "unknown", "") "," PLATFORM(
		A64, "windows", "amd64",
		"") "," PLATFORM(A64, "linux", "arm",
				 ",\"variant\":\"v5\"") "," PLATFORM(B64,
								     "linux",
								     "arm",
								     ",\"variant\":\"v7\"") "," PLATFORM(A64,
													 "linux",
													 "arm64",
													 ",\"variant\":\"v8\"") "," PLATFORM(B64,
																	     "linux",
																	     "amd64",
																	     "") "]}";
	static const char bare[] =
		"{\"schemaVersion\":2,\"manifests\":[" DESC(A64, 3) "]}";
	struct ac_oci_index x;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_oci_index_parse(&x, text, strlen(text), &err) == 0);
	CHECK(x.n == 6);
	CHECK(ac_oci_pick(&x, "linux", "amd64", NULL, &err) == &x.v[5]);
	CHECK(ac_oci_pick(&x, "linux", "arm64", NULL, &err) == &x.v[4]);
	CHECK(ac_oci_pick(&x, "linux", "arm", "v7", &err) == &x.v[3]);
	CHECK(ac_oci_pick(&x, "linux", "arm", "v6", &err) == &x.v[2]);
	CHECK(ac_oci_pick(&x, "linux", "arm", NULL, &err) == &x.v[2]);
	CHECK(ac_oci_pick(&x, "linux", "s390x", NULL, &err) == NULL);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(strcmp(err.msg, "no image for linux/s390x; there are: "
			      "windows/amd64, linux/arm/v5, linux/arm/v7, "
			      "linux/arm64/v8, linux/amd64") == 0);
	CHECK(ac_oci_pick(&x, "unknown", "unknown2", NULL, &err) == NULL);
	ac_oci_index_release(&x);
	CHECK(ac_oci_index_parse(&x, bare, strlen(bare), &err) == 0);
	CHECK(ac_oci_pick(&x, "linux", "s390x", NULL, &err) == &x.v[0]);
	ac_oci_index_release(&x);
}

TEST(chain_ids)
{
	/* From the specification's definition, by sha256sum. */
	static const char want[] =
		"sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e0"
		"1ff116fd146c";
	struct ac_digest d[2];
	struct ac_digest out[2];
	char text[AC_DIGEST_TEXT];
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_digest_parse(&d[0], "sha256:" A64, ':', &err) == 0);
	CHECK(ac_digest_parse(&d[1], "sha256:" B64, ':', &err) == 0);
	ac_oci_chain_ids(d, 2, out);
	CHECK(ac_digest_equal(&out[0], &d[0]));
	ac_digest_print(&out[1], ':', text);
	if (strcmp(text, want) != 0)
		fprintf(stderr, "# %s\n", text);
	CHECK(strcmp(text, want) == 0);
}

static const char config[] =
	"{\"architecture\":\"arm\",\"variant\":\"v7\",\"os\":\"linux\","
	"\"created\":\"2020-01-02T03:04:05Z\",\"author\":\"Me\",\"config\":{"
	"\"User\":\"web:www\",\"Env\":[\"PATH=/bin\",\"A=1\",\"NOVALUE\","
	"\"1BAD=x\",\"A=2=3\"],\"Entrypoint\":[\"/init\"],\"Cmd\":[\"a\",\"b\"],"
	"\"WorkingDir\":\"srv\",\"Labels\":{\"z\":\"1\",\"k\":\"v\"},"
	"\"ExposedPorts\":{\"80/tcp\":{},\"53\":{},\"7000-7002/udp\":{},"
	"\"0/tcp\":{},\"x\":{}},\"Volumes\":{\"/var/lib/My_Data\":{},"
	"\"/var/lib/my-data\":{},\"/b\":{}},\"Healthcheck\":{}},"
	"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" A64 "\"]}}";

static const char appc[] =
	"{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":"
	"\"h/x\",\"labels\":[{\"name\":\"version\",\"value\":\"1\"},{\"name\":"
	"\"os\",\"value\":\"linux\"},{\"name\":\"arch\",\"value\":\"armv7l\"}],"
	"\"app\":{\"exec\":[\"/init\",\"a\",\"b\"],\"user\":\"web\",\"group\":"
	"\"www\",\"workingDirectory\":\"/srv\",\"environment\":[{\"name\":"
	"\"PATH\",\"value\":\"/bin\"},{\"name\":\"A\",\"value\":\"2=3\"}],"
	"\"mountPoints\":[{\"name\":\"volume-b\",\"path\":\"/b\"},{\"name\":"
	"\"volume-var-lib-my-data\",\"path\":\"/var/lib/My_Data\"},{\"name\":"
	"\"volume-var-lib-my-data-1\",\"path\":\"/var/lib/my-data\"}],"
	"\"ports\":[{\"name\":\"53\",\"protocol\":\"tcp\",\"port\":53,"
	"\"count\":1,\"socketActivated\":false},{\"name\":\"7000-7002-udp\","
	"\"protocol\":\"udp\",\"port\":7000,\"count\":3,\"socketActivated\":"
	"false},{\"name\":\"80-tcp\",\"protocol\":\"tcp\",\"port\":80,"
	"\"count\":1,\"socketActivated\":false}],\"userLabels\":{\"k\":\"v\","
	"\"z\":\"1\"}},\"annotations\":[{\"name\":\"authors\",\"value\":\"Me\"},"
	"{\"name\":\"created\",\"value\":\"2020-01-02T03:04:05Z\"},{\"name\":"
	"\"appc.io/docker/originalname\",\"value\":\"x:1\"},{\"name\":"
	"\"appc.io/docker/tag\",\"value\":\"1\"},{\"name\":"
	"\"appc.io/docker/entrypoint\",\"value\":\"[\\\"/init\\\"]\"},"
	"{\"name\":\"appc.io/docker/cmd\",\"value\":\"[\\\"a\\\",\\\"b\\\"]\"}]}";

TEST(to_appc)
{
	static const struct ac_oci_source src = {.name = "h/x",
						 .tag = "1",
						 .original = "x:1"};
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	struct ac_findings f = {.v = NULL};
	struct ac_image m = AC_IMAGE_INIT;
	struct ac_oci_config c;
	struct ac_err err = AC_ERR_INIT;
	struct ac_json *doc;

	CHECK(ac_oci_config_parse(&c, config, strlen(config), 1, &err) == 0);
	doc = ac_oci_to_appc(&c, &src, &err);
	CHECK(doc != NULL);
	ac_image_write(doc, &b);
	if (strcmp(ac_buf_str(&b), appc) != 0)
		fprintf(stderr, "# %s\n", ac_buf_str(&b));
	CHECK(strcmp(ac_buf_str(&b), appc) == 0);
	CHECK(ac_image_load(&m, doc, &f, &err) == 0);
	CHECK(f.n == 0);
	ac_image_release(&m);
	ac_findings_release(&f);
	ac_oci_config_release(&c);
}

TEST(user_forms)
{
	static const struct {
		const char *in, *user, *group;
	} t[] = {
		{"", "0", "0"},          {"u", "u", "u"},
		{"u:g", "u", "g"},       {":g", "0", "g"},
		{"u:", "u", "u"},        {"1000", "1000", "1000"},
		{"1000:0", "1000", "0"},
	};
	static const struct ac_oci_source src = {.name = "x"};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *text = NULL;
		struct ac_oci_config c;
		struct ac_err err = AC_ERR_INIT;
		struct ac_image m = AC_IMAGE_INIT;

		CHECK(asprintf(&text,
			       "{\"os\":\"linux\",\"architecture\":\"riscv64\","
			       "\"config\":{\"User\":\"%s\"},\"rootfs\":{"
			       "\"type\":\"layers\"}}",
			       t[i].in) > 0);
		CHECK(ac_oci_config_parse(&c, text, strlen(text), 0, &err) ==
		      0);
		CHECK(ac_image_load(&m, ac_oci_to_appc(&c, &src, &err), NULL,
				    &err) == 0);
		CHECK(strcmp(m.app.user, t[i].user) == 0);
		CHECK(strcmp(m.app.group, t[i].group) == 0);
		CHECK(m.app.exec.n == 0);
		CHECK(strcmp(ac_pairs_get(&m.labels, "arch"), "riscv64") == 0);
		ac_image_release(&m);
		ac_oci_config_release(&c);
	}
}

TEST(bad_configs)
{
	static const struct {
		const char *text, *message;
	} t[] = {
		{"[]", "expected an object"},
		{"{}", "rootfs must be set"},
		{"{\"rootfs\":{\"type\":\"x\"}}", "must be 'layers'"},
		{"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		 "0 diff_ids for 1 layers"},
		{"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:"
		 "zz\"]}}",
		 "rootfs.diff_ids[0]"},
		{"{\"os\":7}", "os: expected a string"},
	};
	struct ac_oci_config c;
	struct ac_err err = AC_ERR_INIT;

	for (size_t i = 0; i < AC_LEN(t); i++) {
		CHECK(ac_oci_config_parse(&c, t[i].text, strlen(t[i].text), 1,
					  &err) < 0);
		CHECK(strstr(err.msg, t[i].message) != NULL);
	}
}

TEST(from_appc)
{
	static const char want[] =
		"{\"created\":\"2020-01-02T03:04:05Z\",\"author\":\"Me\","
		"\"architecture\":\"arm\",\"variant\":\"v7\",\"os\":\"linux\","
		"\"config\":{\"User\":\"web:www\",\"ExposedPorts\":{\"53/tcp\":"
		"{},\"7000-7002/udp\":{},\"80/tcp\":{}},\"Env\":[\"PATH=/bin\","
		"\"A=2=3\"],\"Entrypoint\":[\"/init\"],\"Cmd\":[\"a\",\"b\"],"
		"\"Volumes\":{\"/b\":{},\"/var/lib/My_Data\":{},"
		"\"/var/lib/my-data\":{}},\"WorkingDir\":\"/srv\",\"Labels\":{"
		"\"k\":\"v\",\"z\":\"1\"}},\"rootfs\":{\"type\":\"layers\","
		"\"diff_ids\":[\"sha256:" A64 "\"]}}";
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	struct ac_err err = AC_ERR_INIT;
	AC_JSON struct ac_json *m =
		ac_json_parse(appc, strlen(appc), "x", &err);
	AC_JSON struct ac_json *out = NULL;
	struct ac_digest d;

	CHECK(ac_digest_parse(&d, "sha256:" A64, ':', &err) == 0);
	out = ac_oci_from_appc(m, &d, 1, &err);
	CHECK(out != NULL);
	ac_json_write(out, 0, false, &b);
	if (strcmp(ac_buf_str(&b), want) != 0)
		fprintf(stderr, "# %s\n", ac_buf_str(&b));
	CHECK(strcmp(ac_buf_str(&b), want) == 0);
}

TEST(from_appc_users)
{
	static const struct {
		const char *user, *group, *want;
	} t[] = {
		{"0", "0", NULL},  {"u", "u", "u"},   {"7", "7", "7:7"},
		{"u", "g", "u:g"}, {"0", "5", "0:5"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *text = NULL;
		struct ac_err err = AC_ERR_INIT;
		AC_JSON struct ac_json *m = NULL;
		AC_JSON struct ac_json *out = NULL;
		const char *user;

		CHECK(asprintf(&text,
			       "{\"acKind\":\"ImageManifest\",\"acVersion\":"
			       "\"0.8.11\",\"name\":\"a\",\"app\":{\"user\":"
			       "\"%s\",\"group\":\"%s\"}}",
			       t[i].user, t[i].group) > 0);
		m = ac_json_parse(text, strlen(text), "x", &err);
		out = ac_oci_from_appc(m, NULL, 0, &err);
		CHECK(out != NULL);
		user = ac_json_text(ac_json_get(ac_json_get(out, "config"),
						"User"),
				    NULL);
		CHECK((user == NULL) == (t[i].want == NULL));
		CHECK(user == NULL || strcmp(user, t[i].want) == 0);
	}
}
