#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/pod.h"
#include "tests/unit/tap.h"

static const char text[] =
	"{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\",\"apps\":[{"
	"\"name\":\"web\",\"image\":{\"id\":\"sha512-ab\",\"name\":\"x.y/z\","
	"\"labels\":[{\"name\":\"version\",\"value\":\"1\"}]},"
	"\"app\":{\"exec\":[\"/a\"],\"user\":\"0\",\"group\":\"0\"},"
	"\"readOnlyRootFS\":true,\"mounts\":[{\"volume\":\"v\",\"path\":\"/v\"},"
	"{\"volume\":\"w\",\"path\":\"/w\",\"appVolume\":{\"name\":\"w\","
	"\"kind\":\"empty\",\"mode\":\"0700\",\"uid\":7}}],"
	"\"annotations\":[{\"name\":\"a\",\"value\":\"b\"}]}],"
	"\"volumes\":[{\"name\":\"v\",\"kind\":\"host\",\"source\":\"/s\","
	"\"readOnly\":true}],"
	"\"isolators\":[{\"name\":\"resource/cpu\",\"value\":{\"limit\":\"1\"}}],"
	"\"annotations\":[{\"name\":\"c\",\"value\":\"d\"}],"
	"\"ports\":[{\"name\":\"p\",\"hostPort\":8080,\"hostIP\":\"127.0.0.1\","
	"\"podPort\":{\"name\":\"q\",\"protocol\":\"tcp\",\"port\":80}}]}";

TEST(view)
{
	struct ac_findings f = {.v = NULL};
	struct ac_pod p = AC_POD_INIT;
	struct ac_err err = AC_ERR_INIT;
	const struct ac_pod_app *a;

	CHECK(ac_pod_parse(&p, text, strlen(text), &f, &err) == 0);
	CHECK(p.n_apps == 1);
	a = &p.apps[0];
	CHECK(strcmp(a->name, "web") == 0 && a->has_app && a->read_only_rootfs);
	CHECK(strcmp(a->image_name, "x.y/z") == 0 && a->image_labels.n == 1);
	CHECK(a->n_mounts == 2 && !a->mounts[0].has_app_volume);
	CHECK(a->mounts[1].has_app_volume && !a->mounts[1].app_volume.host);
	CHECK(strcmp(a->mounts[1].app_volume.mode, "0700") == 0);
	CHECK(a->mounts[1].app_volume.uid == 7);
	CHECK(a->annotations.n == 1);
	CHECK(p.n_volumes == 1 && p.volumes[0].host);
	CHECK(p.volumes[0].read_only == 1 && p.volumes[0].recursive == -1);
	CHECK(p.n_isolators == 1 && p.annotations.n == 1 && p.n_ports == 1);
	CHECK(p.ports[0].host_port == 8080 && p.ports[0].has_pod_port);
	CHECK(p.ports[0].pod_port.port == 80);
	CHECK(f.n == 1 && strcmp(f.v[0].rule, "T5") == 0);
	ac_findings_release(&f);
	ac_pod_release(&p);
}

TEST(duplicate_apps)
{
	static const char t[] =
		"{\"acKind\":\"PodManifest\",\"apps\":[{\"name\":\"a\"},"
		"{\"name\":\"a\"}]}";
	struct ac_pod p = AC_POD_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_pod_parse(&p, t, strlen(t), NULL, &err) < 0);
	CHECK(strcmp(err.msg, "apps: duplicate apps of name \"a\"") == 0);
}

TEST(isolator_without_a_name)
{
	const char *t = "{\"acVersion\":\"0.8.11\",\"acKind\":"
			"\"PodManifest\",\"apps\":[],"
			"\"isolators\":[{\"value\":1}]}";
	struct ac_findings f = {.v = NULL};
	struct ac_err err = AC_ERR_INIT;
	struct ac_pod p;

	CHECK(ac_pod_parse(&p, t, strlen(t), &f, &err) == 0);
	CHECK(f.n == 1 && strcmp(f.v[0].rule, "T8") == 0);
	CHECK(p.n_isolators == 1 && p.isolators[0].name[0] == '\0');
	ac_findings_release(&f);
	ac_pod_release(&p);
}

TEST(volume_strings)
{
	static const struct {
		const char *in, *json, *message;
	} t[] = {
		{"v,kind=host,source=/x,readOnly=true",
		 "{\"name\":\"v\",\"kind\":\"host\",\"source\":\"/x\","
		 "\"readOnly\":true}",
		 NULL},
		{"v,kind=empty,mode=0700,uid=1,gid=2,recursive=false",
		 "{\"name\":\"v\",\"kind\":\"empty\",\"mode\":\"0700\","
		 "\"uid\":1,\"gid\":2,\"recursive\":false}",
		 NULL},
		{"v,source=/a=b,kind=host",
		 "{\"name\":\"v\",\"source\":\"/a=b\",\"kind\":\"host\"}",
		 NULL},
		{"v", NULL, "unrecognized volume kind"},
		{"V,kind=empty", NULL, "ACName must contain"},
		{",kind=empty", NULL, "ACName cannot be empty"},
		{"v,kind=host", NULL, "source for host volume cannot be empty"},
		{"v,kind=host,source=x", NULL, "must be absolute path"},
		{"v,kind=host,source=/x,uid=0", NULL,
		 "uid for host volume cannot be set"},
		{"v,kind=empty,source=/x", NULL,
		 "source for empty volume must be empty"},
		{"v,kind=empty,kind=host", NULL, "label kind with multiple"},
		{"v,kind=empty,x=1", NULL, "unknown volume parameter \"x\""},
		{"v,kind=empty,uid=x", NULL, "expected a number"},
		{"v,kind=empty,readOnly=x", NULL, "expected true or false"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf b = AC_BUF_INIT(1 << 12);
		struct ac_err err = AC_ERR_INIT;
		AC_JSON struct ac_json *j =
			ac_volume_from_string(t[i].in, &err);

		CHECK((j != NULL) == (t[i].json != NULL));
		if (j == NULL) {
			CHECK(strstr(err.msg, t[i].message) != NULL);
			continue;
		}
		ac_json_write(j, 0, false, &b);
		CHECK(strcmp(ac_buf_str(&b), t[i].json) == 0);
	}
}
