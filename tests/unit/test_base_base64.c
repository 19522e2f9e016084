/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/attr.h"
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "tests/unit/tap.h"

/* RFC 4648, section 10. */
static const struct {
	const char *plain;
	const char *text;
} vectors[] = {
	{"", ""},
	{"f", "Zg=="},
	{"fo", "Zm8="},
	{"foo", "Zm9v"},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
};

TEST(vectors)
{
	for (size_t i = 0; i < AC_LEN(vectors); i++) {
		AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(64);
		uint8_t out[AC_BASE64_ROOM(16)];
		size_t n = 99;

		ac_base64_encode(&b, vectors[i].plain,
				 strlen(vectors[i].plain));
		CHECK(strcmp(ac_buf_str(&b), vectors[i].text) == 0);
		CHECK(ac_base64_decode(vectors[i].text, b.len, out, &n) == 0);
		CHECK(n == strlen(vectors[i].plain));
		CHECK(memcmp(out, vectors[i].plain, n) == 0);
	}
}

TEST(all_bytes)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(512);
	uint8_t in[256];
	uint8_t out[AC_BASE64_ROOM(344)];
	size_t n;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	ac_base64_encode(&b, in, sizeof(in));
	CHECK(strstr(b.p, "+/") != NULL);
	CHECK(ac_base64_decode(b.p, b.len, out, &n) == 0);
	CHECK(n == sizeof(in) && memcmp(in, out, n) == 0);
}

/* One value has one text. */
TEST(strict)
{
	static const char *const bad[] = {
		"Zg",   "Zg=",      "Zg===", "Z",     "Z===",   "====",
		"=",    "Zh==",     "Zm9=",  "Zm 9v", "Zm9v\n", "Z-9v",
		"Z_9v", "Zg==Zg==", "=Zg=",  "Zm9v=",
	};
	uint8_t out[64];
	size_t n;

	for (size_t i = 0; i < AC_LEN(bad); i++)
		CHECK(ac_base64_decode(bad[i], strlen(bad[i]), out, &n) < 0);
}

TEST(bare)
{
	uint8_t out[64];
	size_t n;

	CHECK(ac_base64_decode_bare("Zg", 2, out, &n) == 0 && n == 1);
	CHECK(ac_base64_decode_bare("Zm8", 3, out, &n) == 0 && n == 2);
	CHECK(ac_base64_decode_bare("Zm8=", 4, out, &n) == 0 && n == 2);
	CHECK(ac_base64_decode_bare("Z", 1, out, &n) < 0);
	CHECK(ac_base64_decode_bare("Zh", 2, out, &n) < 0);
}
