#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/codec/digest.h"
#include "tests/unit/tap.h"

#define EMPTY256 \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC256 \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC512                                                             \
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
/* A million times "a" (FIPS 180). */
#define MILLION512                                                         \
	"e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb" \
	"de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"

static struct ac_err err;

TEST(vectors)
{
	static const struct {
		enum ac_alg alg;
		const char *in;
		const char *oci;
	} t[] = {
		{AC_SHA256, "", "sha256:" EMPTY256},
		{AC_SHA256, "abc", "sha256:" ABC256},
		{AC_SHA512, "abc", "sha512:" ABC512},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_digest d;
		struct ac_digest back;
		char text[AC_DIGEST_TEXT];

		ac_digest_of(t[i].alg, t[i].in, strlen(t[i].in), &d);
		ac_digest_print(&d, ':', text);
		CHECK(strcmp(text, t[i].oci) == 0);
		CHECK(ac_digest_parse(&back, text, ':', &err) == 0);
		CHECK(ac_digest_equal(&d, &back));
		ac_digest_hex(&d, text);
		CHECK(strcmp(text, t[i].oci + 7) == 0);
	}
}

TEST(stream)
{
	struct ac_hash *h = ac_hash_new(AC_SHA512);
	struct ac_digest d;
	char text[AC_DIGEST_TEXT];
	char a[1000];

	memset(a, 'a', sizeof(a));
	for (int i = 0; i < 1000; i++)
		ac_hash_add(h, a, sizeof(a));
	ac_hash_final(h, &d);
	ac_digest_print(&d, '-', text);
	CHECK(strcmp(text, "sha512-" MILLION512) == 0);

	ac_hash_add(h, "a", 1);
	ac_hash_add(h, "", 0);
	ac_hash_add(h, "bc", 2);
	ac_hash_final(h, &d);
	ac_digest_hex(&d, text);
	CHECK(strcmp(text, ABC512) == 0);
	ac_hash_free(h);
	ac_hash_free(NULL);
}

TEST(parse)
{
	static const struct {
		const char *text;
		char sep;
		int ret;
	} t[] = {
		{"sha256:" ABC256, ':', 0},
		{"sha512:" ABC512, ':', 0},
		{"sha512-" ABC512, '-', 0},
		{"sha256-" ABC256, '-', -1},
		{"sha256-" ABC256, ':', -1},
		{"sha512:" ABC256, ':', -1},
		{"sha256:" ABC256 "a", ':', -1},
		{"sha256:" ABC256 ":", ':', -1},
		{"sha256:../../../../etc/passwd", ':', -1},
		{"SHA256:" ABC256, ':', -1},
		{"sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49599"
		 "1b7852b855",
		 ':', -1},
		{"md5:d41d8cd98f00b204e9800998ecf8427e", ':', -1},
		{"sha256:", ':', -1},
		{"sha256", ':', -1},
		{":", ':', -1},
		{"", ':', -1},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_digest d = {.alg = AC_SHA512, .bytes = {42}};

		CHECK(ac_digest_parse(&d, t[i].text, t[i].sep, &err) ==
		      t[i].ret);
		if (t[i].ret < 0)
			CHECK(d.bytes[0] == 42 && err.code == AC_E_INVALID);
	}
}

TEST(differ)
{
	struct ac_digest a;
	struct ac_digest b;

	ac_digest_of(AC_SHA256, "a", 1, &a);
	ac_digest_of(AC_SHA256, "b", 1, &b);
	CHECK(!ac_digest_equal(&a, &b) && ac_digest_equal(&a, &a));
	b = a;
	b.alg = AC_SHA512;
	CHECK(!ac_digest_equal(&a, &b));
	CHECK(strcmp(ac_digest_alg_name(AC_SHA512), "sha512") == 0);
	CHECK(ac_digest_size(AC_SHA256) == 32);
}
