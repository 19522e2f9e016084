#include <fcntl.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/image/ref.h"
#include "tests/unit/tap.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Text in, kind and canonical form out; NULL: refused, with this in the
 * message. */
static const struct {
	const char *text;
	enum ac_ref_kind kind;
	const char *canonical;
	const char *refused;
} cases[] = {
	{"sha512-ab", AC_REF_ID, "sha512-ab", NULL},
	{"sha512-a", 0, NULL, "2 to 128"},
	{"sha512-AB", 0, NULL, "2 to 128"},
	{"sha512-a-b", AC_REF_NAME, "sha512-a-b", NULL},
	{"/x", AC_REF_FILE, "/x", NULL},
	{"./x:y", AC_REF_FILE, "./x:y", NULL},
	{"../x", AC_REF_FILE, "../x", NULL},
	{"a/./x", AC_REF_FILE, "a/./x", NULL},
	{"x.aci", AC_REF_FILE, "x.aci", NULL},
	{".aci", 0, NULL, "start and end"},
	{"file:///a%20b.aci", AC_REF_FILE, "/a b.aci", NULL},
	{"file://localhost/a", AC_REF_FILE, "/a", NULL},
	{"file://other/a", 0, NULL, "another host"},
	{"file:///a%00b", 0, NULL, "broken"},
	{"https://h/x.aci", AC_REF_URL, "https://h/x.aci", NULL},
	{"HTTP://h/x.aci?a=b", AC_REF_URL, "HTTP://h/x.aci?a=b", NULL},
	{"https://h/x", 0, NULL, "invalid image string"},
	{"ftp://h/x.aci", 0, NULL, "unknown scheme"},
	{"example.com/app", AC_REF_NAME, "example.com/app", NULL},
	{"example.com/app:1.0", AC_REF_NAME, "example.com/app:1.0", NULL},
	{"a:1,os=linux,arch=amd64", AC_REF_NAME, "a:1,arch=amd64,os=linux",
	 NULL},
	{"a,version=1", AC_REF_NAME, "a:1", NULL},
	{"a,x=", AC_REF_NAME, "a,x=", NULL},
	{"a:", AC_REF_NAME, "a", NULL},
	{"a:1,version=2", 0, NULL,
	 "label version with multiple values [\"1\" \"2\"]"},
	{"a:1:2", 0, NULL, "colon may appear at most once"},
	{"a,b=c:d", 0, NULL, "colon may appear only right after"},
	{"a,b", 0, NULL, "NAME=VALUE"},
	{"a,B=1", 0, NULL, "ACIdentifier must contain only"},
	{"a/../b", AC_REF_FILE, "a/../b", NULL},
	{"a//b", 0, NULL, "cannot be looked for"},
	{"", 0, NULL, "empty"},
	{"Upper", 0, NULL, "ACIdentifier must contain only"},
	{"docker://busybox", AC_REF_DOCKER,
	 "docker://registry-1.docker.io/library/busybox:latest", NULL},
	{"docker:busybox:1", AC_REF_DOCKER,
	 "docker://registry-1.docker.io/library/busybox:1", NULL},
	{"docker://u/i", AC_REF_DOCKER,
	 "docker://registry-1.docker.io/u/i:latest", NULL},
	{"docker://docker.io/busybox", AC_REF_DOCKER,
	 "docker://registry-1.docker.io/library/busybox:latest", NULL},
	{"docker://index.docker.io/u/i:t", AC_REF_DOCKER,
	 "docker://registry-1.docker.io/u/i:t", NULL},
	{"docker://localhost/x", AC_REF_DOCKER, "docker://localhost/x:latest",
	 NULL},
	{"docker://127.0.0.1:5000/a/b/c:d", AC_REF_DOCKER,
	 "docker://127.0.0.1:5000/a/b/c:d", NULL},
	{"docker://[::1]:5000/a", AC_REF_DOCKER, "docker://[::1]:5000/a:latest",
	 NULL},
	{"docker://a@sha256:" HEX64, AC_REF_DOCKER,
	 "docker://registry-1.docker.io/library/a@sha256:" HEX64, NULL},
	{"docker://h.x/a:t@sha256:" HEX64, AC_REF_DOCKER,
	 "docker://h.x/a@sha256:" HEX64, NULL},
	{"docker://a@sha256:00", 0, NULL, "sha256"},
	{"docker://A", 0, NULL, "bad name"},
	{"docker://a/../b", 0, NULL, "bad name"},
	{"docker://../b", 0, NULL, "bad registry"},
	{"docker://a___b", 0, NULL, "bad name"},
	{"docker://a:.b", 0, NULL, "bad tag"},
	{"docker://", 0, NULL, "bad name"},
	{"docker://h:x/a", 0, NULL, "bad registry"},
	{"docker://h:/a", 0, NULL, "bad registry"},
	{"docker://[::1/a", 0, NULL, "bad registry"},
	{"cimd:appc:v=0:example.com/a?version=1.0&os=li%6eux", AC_REF_NAME,
	 "example.com/a:1.0,os=linux", NULL},
	{"cimd:docker:v=0:busybox", AC_REF_DOCKER,
	 "docker://registry-1.docker.io/library/busybox:latest", NULL},
	{"cimd:aci-archive:v=0:file%3A%2F%2F%2Fa.aci", AC_REF_FILE, "/a.aci",
	 NULL},
	{"cimd:aci-archive:v=0:https%3A%2F%2Fh%2Fa.aci", AC_REF_URL,
	 "https://h/a.aci", NULL},
	{"cimd:appc:v=1:a", 0, NULL, "cimd:TYPE:v=0:DATA"},
	{"cimd:x:v=0:a", 0, NULL, "appc, aci-archive or docker"},
};

TEST(table)
{
	for (size_t i = 0; i < AC_LEN(cases); i++) {
		struct ac_ref r = AC_REF_INIT;
		struct ac_err err = AC_ERR_INIT;
		int ret = ac_ref_parse(&r, cases[i].text, &err);

		if (cases[i].canonical == NULL) {
			if (ret == 0 ||
			    strstr(err.msg, cases[i].refused) == NULL)
				fprintf(stderr, "# %s: %s\n", cases[i].text,
					err.msg);
			CHECK(ret < 0);
			CHECK(strstr(err.msg, cases[i].refused) != NULL);
		} else {
			AC_FREE char *c = NULL;

			if (ret < 0)
				fprintf(stderr, "# %s: %s\n", cases[i].text,
					err.msg);
			CHECK(ret == 0 && r.kind == cases[i].kind);
			c = ac_ref_canonical(&r);
			if (strcmp(c, cases[i].canonical) != 0)
				fprintf(stderr, "# %s: %s\n", cases[i].text, c);
			CHECK(strcmp(c, cases[i].canonical) == 0);
			CHECK(strcmp(r.text, cases[i].text) == 0);
		}
		ac_ref_release(&r);
	}
}

TEST(an_existing_file_is_a_file)
{
	char dir[] = "/tmp/ac-unit-XXXXXX";
	struct ac_ref r = AC_REF_INIT;
	struct ac_err err = AC_ERR_INIT;
	AC_CLOSE int old = open(".", O_DIRECTORY | O_CLOEXEC);
	int fd;

	CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0);
	CHECK(ac_ref_parse(&r, "plain:1", &err) == 0);
	CHECK(r.kind == AC_REF_NAME);
	ac_ref_release(&r);
	fd = open("plain:1", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && close(fd) == 0);
	CHECK(ac_ref_parse(&r, "plain:1", &err) == 0);
	CHECK(r.kind == AC_REF_FILE);
	ac_ref_release(&r);
	CHECK(ac_ref_parse_name(&r, "plain:1", &err) == 0);
	CHECK(r.kind == AC_REF_NAME && strcmp(r.name, "plain") == 0);
	ac_ref_release(&r);
	CHECK(ac_ref_parse_name(&r, "docker://plain", &err) < 0);
	CHECK(ac_ref_parse_name(&r, "/plain", &err) < 0);
	CHECK(unlink("plain:1") == 0 && fchdir(old) == 0 && rmdir(dir) == 0);
}

TEST(default_platform)
{
	struct ac_ref r = AC_REF_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_ref_parse(&r, "a:1,arch=mips", &err) == 0);
	ac_ref_default_platform(&r);
	ac_ref_default_platform(&r);
	CHECK(r.labels.n == 3);
	CHECK(strcmp(ac_pairs_get(&r.labels, "arch"), "mips") == 0);
	CHECK(strcmp(ac_pairs_get(&r.labels, "os"), "linux") == 0);
	CHECK(ac_pairs_get(&r.labels, "none") == NULL);
	ac_ref_release(&r);
}

TEST(too_long)
{
	struct ac_ref r = AC_REF_INIT;
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *s = malloc(10001);

	CHECK(s != NULL);
	memset(s, 'a', 10000);
	s[10000] = '\0';
	CHECK(ac_ref_parse(&r, s, &err) < 0 && err.code == AC_E_LIMIT);
}
