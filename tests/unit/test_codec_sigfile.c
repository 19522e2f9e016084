/* SPDX-License-Identifier: Apache-2.0 */
/* Files with OpenPGP signatures: the armour, and the packets. */
#include <string.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/codec/pgp.h"
#include "common/codec/pgp_sigfile.h"
#include "tests/unit/tap.h"

#define BUF AC_CLEANUP(ac_buf_release) struct ac_buf

static struct ac_err err;

/* Version 3: text or not, its time, id and digest; then junk for a number. */
#define V3(type, hash)                                                 \
	"\x88\x15\x03\x05" type "\x5e\x00\x00\x00\x01\x02\x03\x04\x05" \
	"\x06\x07\x08\x01" hash "\xab\xcd\x00\x00"
/* Version 4: created (hashed), issuer's id (not hashed). */
#define V4                                                         \
	"\xc2\x1c\x04\x00\x16\x0a\x00\x06\x05\x02\x5e\x00\x00\x00" \
	"\x00\x0a\x09\x10\xaa\xbb\xcc\xdd\xee\xff\x00\x11\xab\xcd\x00\x00"

static bool reads(const char *p, size_t n, struct ac_pgp_sigfile *f)
{
	return ac_pgp_sigfile_read(p, n, f, &err) == 0;
}

TEST(packets)
{
	struct ac_pgp_sigfile f;
	static const char three[] = V3("\x01", "\x02");
	static const char four[] = V4;
	static const char both[] = V4 "\xca\x03PGP" V3("\x00", "\x08") V4;

	CHECK(reads(three, sizeof(three) - 1, &f));
	CHECK(f.n == 1 && f.v[0].version == 3 && f.v[0].type == 1);
	CHECK(f.v[0].hash == 2 && f.v[0].created == 0x5e000000);
	CHECK(strcmp(f.v[0].issuer, "0102030405060708") == 0);
	CHECK(reads(four, sizeof(four) - 1, &f));
	CHECK(f.n == 1 && f.v[0].version == 4 && f.v[0].type == 0);
	CHECK(f.v[0].hash == 10 && f.v[0].created == 0x5e000000);
	CHECK(strcmp(f.v[0].issuer, "aabbccddeeff0011") == 0);
	/* A marker is nothing, and what is there twice is there once. */
	CHECK(reads(both, sizeof(both) - 1, &f));
	CHECK(f.n == 2 && f.v[1].version == 3);
	CHECK(f.v[1].p[0] == 0x88 && f.v[1].len == sizeof(three) - 1);
	/* Cut anywhere, it is damaged. */
	for (size_t n = 0; n < sizeof(four) - 1; n++)
		CHECK(!reads(four, n, &f) && err.code == AC_E_INVALID);
}

TEST(other_packets)
{
	static const struct {
		const char *p;
		size_t n;
		const char *want;
	} bad[] = {
		{"", 0, "not an OpenPGP signature"},
		{"hello", 5, "not an OpenPGP signature"},
		{"\xca\x03PGP", 5, "not an OpenPGP signature"},
		{"\xcb\x01x", 3, "a message with its content"},
		{"\xc4\x01x", 3, "a message with its content"},
		{"\xd2\x01x", 3, "an encrypted message"},
		{"\xc6\x01x", 3, "a key"},
		{"\xc2\x00", 2, "damaged"},
		{"\xc2\xe1\x04\x00", 4,
		 "not an OpenPGP signature"}, /* partial */
		{"\x8b\x04\x00\x00", 4,
		 "not an OpenPGP signature"}, /* no end */
		{"\xc2\xff\xff\xff\xff\xff\x04", 7, "not an OpenPGP signature"},
		{V4 "\xc2\x09x", sizeof(V4) + 2, "damaged behind its first"},
	};
	struct ac_pgp_sigfile f;

	for (size_t i = 0; i < AC_LEN(bad); i++) {
		CHECK(!reads(bad[i].p, bad[i].n, &f));
		if (strstr(err.msg, bad[i].want) == NULL)
			fprintf(stderr, "# %zu: %s\n", i, err.msg);
		CHECK(strstr(err.msg, bad[i].want) != NULL);
	}
}

TEST(at_most_32)
{
	BUF b = AC_BUF_INIT(1 << 16);
	struct ac_pgp_sigfile f;

	for (int i = 0; i < 33; i++) {
		char one[] = V4;

		one[sizeof(one) - 2] = (char)i;
		ac_buf_add(&b, one, sizeof(one) - 1);
		CHECK(reads(b.p, b.len, &f) == (i < 32));
	}
	CHECK(err.code == AC_E_LIMIT);
}

/* Lengths around the ends of lines and groups. */
TEST(armour_goes_both_ways)
{
	for (size_t n = 1; n < 200; n++) {
		BUF text = AC_BUF_INIT(1 << 16);
		BUF back = AC_BUF_INIT(1 << 16);
		char bytes[200];

		for (size_t i = 0; i < n; i++)
			bytes[i] = (char)(i * 37 + n);
		ac_pgp_armour(bytes, n, &text);
		CHECK(ac_pgp_dearmour(text.p, text.len, &back, &err) == 0);
		CHECK(back.len == n && memcmp(back.p, bytes, n) == 0);
	}
}

#define BEGIN "-----BEGIN PGP SIGNATURE-----\n"
#define END   "-----END PGP SIGNATURE-----\n"

static bool opens(const char *text, const char *want)
{
	BUF out = AC_BUF_INIT(1 << 16);

	if (ac_pgp_dearmour(text, strlen(text), &out, &err) < 0)
		return want == NULL;
	if (want == NULL || strcmp(ac_buf_str(&out), want) != 0)
		fprintf(stderr, "# '%s' gives '%s'\n", text, ac_buf_str(&out));
	return want != NULL && strcmp(ac_buf_str(&out), want) == 0;
}

TEST(armour)
{
	/* The checksum of "abc" by gpg --enarmor. */
	CHECK(opens(BEGIN "\nYWJj\n=uhx7\n" END, "abc"));
	CHECK(opens(BEGIN "Version: x\nComment: y\n\nYWJj\n" END, "abc"));
	CHECK(opens("words\n" BEGIN "\r\n \nYW\r\nJj\r\n" END "more", "abc"));
	CHECK(opens(BEGIN "\nYWJj\n" END BEGIN "\nYQ==\n" END, "abca"));
	CHECK(opens("no armour", "no armour"));
	CHECK(opens(BEGIN "\nYWJj\n=uhx8\n" END, NULL));
	CHECK(strstr(err.msg, "checksum") != NULL);
	CHECK(opens(BEGIN "\nYWJj\n", NULL));
	CHECK(opens(BEGIN "\nYW!j\n" END, NULL));
	CHECK(opens(BEGIN "\nYW=Jj\n" END, NULL));
	CHECK(opens(BEGIN END, NULL));
	CHECK(opens(BEGIN "\nYWJj\n=uhx7\nYWJj\n" END, NULL));
	CHECK(opens(" -----BEGIN PGP MESSAGE-----\n\nYWJj\n", NULL));
	CHECK(opens("x -----BEGIN PGP SIGNATURE-----\n\nYWJj\n", NULL));
	CHECK(opens("-----BEGIN PGP SIGNED MESSAGE-----\nHash: x\n", NULL));
	CHECK(strstr(err.msg, "clear-signed") != NULL);
}

TEST(issuers)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	static const char four[] = V4;
	static const char none[] = "\xc2\x0a\x04\x00\x16\x0a\x00\x00\x00\x00"
				   "\xab\xcd";

	CHECK(ac_pgp_issuers(four, sizeof(four) - 1, &ids, &err) == 0);
	CHECK(ids.n == 1 && strcmp(ids.v[0], "aabbccddeeff0011") == 0);
	CHECK(ac_pgp_issuers(none, sizeof(none) - 1, &ids, &err) == 0);
	ac_strv_release(&ids);
	CHECK(ac_pgp_issuers(none, sizeof(none) - 1, &ids, &err) < 0);
	CHECK(strstr(err.msg, "names no key") != NULL);
}
