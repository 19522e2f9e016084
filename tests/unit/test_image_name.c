#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "tests/unit/tap.h"

static bool ident(const char *s, enum ac_name_rule rule)
{
	struct ac_err err = AC_ERR_INIT;

	return ac_identifier_check(s, rule, &err) == 0;
}

TEST(identifiers)
{
	static const struct {
		const char *s;
		bool read, strict;
	} t[] = {
		{"a", true, true},     {"example.com/app-1_2~3", true, true},
		{"0", true, true},     {"a--b", true, false},
		{"a..b", true, false}, {"a/../b", true, false},
		{"a//b", true, false}, {"", false, false},
		{"A", false, false},   {"-a", false, false},
		{"a-", false, false},  {"a:b", false, false},
		{"a b", false, false}, {"\xc3\xa9", false, false},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		CHECK(ident(t[i].s, AC_NAME_READ) == t[i].read);
		CHECK(ident(t[i].s, AC_NAME_STRICT) == t[i].strict);
	}
}

TEST(messages_are_the_originals)
{
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_identifier_check("", AC_NAME_READ, &err) < 0);
	CHECK(strcmp(err.msg, "ACIdentifier cannot be empty") == 0);
	CHECK(ac_name_check("a/b", AC_NAME_READ, &err) < 0);
	CHECK(strcmp(err.msg, "ACName must contain only lower case "
			      "alphanumeric characters plus \"-\"") == 0);
	CHECK(ac_name_check("-a", AC_NAME_READ, &err) < 0);
	CHECK(strcmp(err.msg, "ACName must start and end with only lower case "
			      "alphanumeric characters") == 0);
}

TEST(climbing)
{
	CHECK(!ac_identifier_climbs("a/b..c/d"));
	CHECK(ac_identifier_climbs("a/../b"));
	CHECK(ac_identifier_climbs("a//b"));
	CHECK(ac_identifier_climbs("a/./b"));
	CHECK(ac_identifier_climbs(".."));
}

TEST(sanitizing)
{
	static const struct {
		const char *in, *ident, *name;
	} t[] = {
		{"My Image", "my_image", "my-image"},
		{"library/busybox", "library/busybox", "library-busybox"},
		{"host:5000/x", "host_5000/x", "host-5000-x"},
		{"__x__", "x", "x"},
		{"a__b", "a_b", "a-b"},
		{"80/tcp", "80/tcp", "80-tcp"},
		{"../..", NULL, NULL},
		{"", NULL, NULL},
		{"\xc3\xa9", NULL, NULL},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *a = ac_identifier_sanitize(t[i].in);
		AC_FREE char *b = ac_name_sanitize(t[i].in);

		CHECK((a == NULL) == (t[i].ident == NULL));
		CHECK((b == NULL) == (t[i].name == NULL));
		if (a == NULL || b == NULL)
			continue;
		CHECK(strcmp(a, t[i].ident) == 0 && ident(a, AC_NAME_STRICT));
		CHECK(strcmp(b, t[i].name) == 0);
	}
}

TEST(versions)
{
	static const struct {
		const char *s;
		bool read, strict;
	} t[] = {
		{"0.8.11", true, true},
		{"1.2.3-a.b+c.d", true, true},
		{"1.2.3-0a", true, true},
		{"1.2.3+001", true, true},
		{"00.8.11", true, false},
		{"1.2.3-", true, false},
		{"1.2.3+", true, false},
		{"1.2.3-01", true, false},
		{"1.2.3-a..b", false, false},
		{"1.2.3-.", false, false},
		{"1.2.3+.a", false, false},
		{"0.0.0-a", true, true},
		{"0.0.0", false, false},
		{"", false, false},
		{"0", false, false},
		{"v0.8.11", false, false},
		{"0.8.11.1", false, false},
		{"0.8.x", false, false},
		{"0.8.", false, false},
		{"1.2.3-a_b", false, false},
		{"99999999999999999999.0.0", false, false},
	};
	struct ac_err err = AC_ERR_INIT;

	for (size_t i = 0; i < AC_LEN(t); i++) {
		CHECK((ac_version_check(t[i].s, AC_NAME_READ, &err) == 0) ==
		      t[i].read);
		CHECK((ac_version_check(t[i].s, AC_NAME_STRICT, &err) == 0) ==
		      t[i].strict);
	}
	CHECK(ac_version_check("0.0.0", AC_NAME_READ, &err) < 0);
	CHECK(strstr(err.msg, "SemVer cannot be zero") != NULL);
}

TEST(image_ids)
{
	char full[7 + 128 + 1] = "sha512-";

	memset(full + 7, 'a', 128);
	CHECK(ac_image_id_ok(full, true) && ac_image_id_ok(full, false));
	full[134] = '\0';
	CHECK(!ac_image_id_ok(full, true) && ac_image_id_ok(full, false));
	CHECK(!ac_image_id_ok("sha512-a", false));
	CHECK(!ac_image_id_ok("sha512-AB", false));
	CHECK(!ac_image_id_ok("sha256-ab", false));
	CHECK(!ac_image_id_ok("", false));
}

TEST(platforms)
{
	struct ac_err err = AC_ERR_INIT;
	const char *v = "x";

	CHECK(ac_os_arch_known("linux", "armv7b", &err) == 1);
	CHECK(ac_os_arch_known(NULL, "bogus", &err) == 1);
	CHECK(ac_os_arch_known("linux", NULL, &err) == 1);
	CHECK(ac_os_arch_known("linux", "arm64", &err) == 0);
	CHECK(strcmp(err.msg,
		     "bad arch \"arm64\" for linux (must be one of: [amd64 "
		     "i386 aarch64 aarch64_be armv6l armv7l armv7b ppc64 "
		     "ppc64le s390x])") == 0);
	CHECK(ac_os_arch_known("windows", "amd64", &err) == 0);
	CHECK(strcmp(err.msg, "bad os \"windows\" (must be one of: [darwin "
			      "freebsd linux])") == 0);
	CHECK(strcmp(ac_arch_from_go("linux", "arm64", "v8"), "aarch64") == 0);
	CHECK(strcmp(ac_arch_from_go("linux", "arm", "v7"), "armv7l") == 0);
	CHECK(strcmp(ac_arch_from_go("linux", "arm", NULL), "armv6l") == 0);
	CHECK(strcmp(ac_arch_from_go("linux", "amd64", "v3"), "amd64") == 0);
	CHECK(strcmp(ac_arch_from_go("darwin", "amd64", ""), "x86_64") == 0);
	CHECK(ac_arch_from_go("linux", "riscv64", "") == NULL);
	CHECK(strcmp(ac_arch_to_go("armv7l", &v), "arm") == 0);
	CHECK(strcmp(v, "v7") == 0);
	CHECK(strcmp(ac_arch_to_go("i386", &v), "386") == 0 && v == NULL);
	CHECK(strcmp(ac_arch_to_go("aarch64", NULL), "arm64") == 0);
	CHECK(ac_arch_to_go("riscv64", &v) == NULL);
}
