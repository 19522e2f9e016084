/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption with a passphrase: a message that gpg made, and our own in any
 * steps.  What gpg makes of ours is in tests/cli/actool-encrypt.bats. */
#include <fcntl.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgpcrypt.h"
#include "common/sys/secret.h"
#include "tests/unit/tap.h"

#define BUF AC_CLEANUP(ac_buf_release) struct ac_buf

enum { MAX = 8 << 20 };

/* gpg 2.2.40 --symmetric --cipher-algo AES256 --compress-algo none. */
static const unsigned char message[] = {
	0x8c, 0x0d, 0x04, 0x09, 0x03, 0x02, 0x72, 0x03, 0x2f, 0x74, 0xae, 0xf5,
	0x30, 0x99, 0x10, 0xd2, 0x56, 0x01, 0x9c, 0x63, 0x8f, 0x4b, 0x76, 0x40,
	0x83, 0x70, 0x26, 0x8e, 0x67, 0x12, 0xa2, 0x3a, 0x09, 0xf6, 0x87, 0x3a,
	0xed, 0x64, 0xfb, 0x20, 0x01, 0xc6, 0x15, 0x87, 0x9d, 0x37, 0xdd, 0x29,
	0x3e, 0x19, 0x4b, 0xa1, 0x8c, 0xfc, 0x9d, 0x9b, 0xa6, 0x38, 0x3d, 0xf2,
	0xcd, 0x15, 0x72, 0x9f, 0x69, 0x2b, 0x16, 0x3a, 0xa0, 0x34, 0xcc, 0x36,
	0x9d, 0xf7, 0x15, 0x4e, 0x11, 0x21, 0x2c, 0x2a, 0xe4, 0x9e, 0xd0, 0x00,
	0xd6, 0xe9, 0xd9, 0xfa, 0x7a, 0xf5, 0x7f, 0x62, 0x9e, 0xa3, 0x47, 0x78,
	0x62, 0xdc, 0x1b, 0x1a, 0x23, 0x1d, 0xf1};
static const char text[] = "hello hello hello hello hello hello\n";

static int collect(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	(void)err;
	ac_buf_add(ctx, p, n);
	return 0;
}

static int decrypt(const void *p, size_t n, size_t step, const char *pass,
		   struct ac_buf *out, struct ac_err *err)
{
	struct ac_secret s = {.known = true, .len = strlen(pass)};
	struct ac_pgp_decrypt *d;
	int ret = 0;

	memcpy(s.text, pass, s.len + 1);
	d = ac_pgp_decrypt_new(&s, "test", collect, out);
	for (size_t i = 0; i < n && ret == 0; i += step)
		ret = ac_pgp_decrypt_feed(d, (const char *)p + i,
					  n - i < step ? n - i : step, err);
	if (ret == 0)
		ret = ac_pgp_decrypt_finish(d, err);
	ac_pgp_decrypt_free(d);
	return ret;
}

static void encrypt(const void *p, size_t n, size_t step, struct ac_buf *out)
{
	struct ac_secret s = {.known = true, .len = 2, .text = "pw"};
	struct ac_err err = AC_ERR_INIT;
	struct ac_pgp_encrypt *e =
		ac_pgp_encrypt_new(&s, "test", collect, out, &err);

	CHECK(e != NULL);
	for (size_t i = 0; i < n; i += step)
		CHECK(ac_pgp_encrypt_feed(e, (const char *)p + i,
					  n - i < step ? n - i : step,
					  &err) == 0);
	CHECK(ac_pgp_encrypt_finish(e, &err) == 0);
	ac_pgp_encrypt_free(e);
	CHECK(!out->overflow);
}

TEST(a_message_of_gpg)
{
	struct ac_err err = AC_ERR_INIT;

	for (size_t step = 1; step <= sizeof(message); step++) {
		BUF b = AC_BUF_INIT(MAX);

		CHECK(decrypt(message, sizeof(message), step, "fuzz", &b,
			      &err) == 0);
		CHECK(b.len == strlen(text) && memcmp(b.p, text, b.len) == 0);
	}
}

TEST(wrong_or_no_passphrase)
{
	struct ac_err err = AC_ERR_INIT;
	BUF b = AC_BUF_INIT(MAX);
	struct ac_pgp_decrypt *d = ac_pgp_decrypt_new(NULL, "x", collect, &b);

	CHECK(decrypt(message, sizeof(message), 100, "fuz", &b, &err) < 0);
	CHECK(err.code == AC_E_DENIED && b.len == 0);
	CHECK(ac_pgp_decrypt_feed(d, message, sizeof(message), &err) < 0);
	CHECK(err.code == AC_E_DENIED && b.len == 0);
	ac_pgp_decrypt_free(d);
}

TEST(a_changed_or_missing_byte)
{
	for (size_t i = 0; i < sizeof(message); i++) {
		unsigned char m[sizeof(message)];
		struct ac_err err = AC_ERR_INIT;
		BUF b = AC_BUF_INIT(MAX);

		CHECK(decrypt(message, i, 1000, "fuzz", &b, &err) < 0);
		memcpy(m, message, sizeof(m));
		m[i] ^= 0x80;
		CHECK(decrypt(m, sizeof(m), 1000, "fuzz", &b, &err) < 0);
		CHECK(err.code != AC_OK && err.msg[0] != '\0');
	}
}

TEST(there_and_back)
{
	static const size_t sizes[] = {0,       1,      15,      16,
				       17,      65536,  1048569, 1048570,
				       1048571, 3000001};
	AC_FREE char *plain = ac_xmalloc(3000001);

	for (size_t i = 0; i < 3000001; i++)
		plain[i] = (char)(i * 2654435761U >> 13);
	for (size_t i = 0; i < AC_LEN(sizes); i++) {
		struct ac_err err = AC_ERR_INIT;
		BUF sealed = AC_BUF_INIT(MAX);
		BUF back = AC_BUF_INIT(MAX);

		encrypt(plain, sizes[i], 70001, &sealed);
		CHECK(ac_pgp_is_encrypted(sealed.p, sealed.len));
		CHECK(decrypt(sealed.p, sealed.len, 99991, "pw", &back, &err) ==
		      0);
		CHECK(back.len == sizes[i]);
		CHECK(back.len == 0 || memcmp(back.p, plain, back.len) == 0);
	}
}

TEST(what_is_encrypted)
{
	static const char *const others[] = {"\x1f\x8b\x08\0\0\0\0\0\0\3",
					     "BZh91AY&SY",
					     "\xfd"
					     "7zXZ\0\0\4",
					     "manifest\0\0\0",
					     "{\"acKind\": \"ImageManifest\"}",
					     "\xc3\xa9t\xc3\xa9 rootfs",
					     "\x28\xb5\x2f\xfd\4\0\0\0"};

	for (size_t i = 0; i < AC_LEN(others); i++)
		CHECK(!ac_pgp_is_encrypted(others[i], 10));
	for (size_t n = 0; n < 8; n++)
		CHECK(!ac_pgp_is_encrypted(message, n));
	CHECK(ac_pgp_is_encrypted(message, 8));
	CHECK(ac_pgp_is_encrypted("-----BEGIN PGP MESSAGE-----\n", 28));
	CHECK(!ac_pgp_is_encrypted("-----BEGIN PGP SIGNATURE-----", 28));
}

TEST(the_descriptor_of_a_secret)
{
	AC_CLEANUP(ac_secret_release) struct ac_secret s = AC_SECRET_INIT;
	AC_CLEANUP(ac_secret_release) struct ac_secret t = AC_SECRET_INIT;
	struct ac_err err = AC_ERR_INIT;
	char n[16];
	int fd;

	CHECK(ac_secret_option(&s, NULL, &err) == 0 && !s.known);
	s = (struct ac_secret){.known = true, .len = 3, .text = "a b"};
	fd = ac_secret_pipe(&s, &err);
	CHECK(fd > STDERR_FILENO);
	(void)snprintf(n, sizeof(n), "%d", fd);
	CHECK(ac_secret_option(&t, n, &err) == 0);
	CHECK(t.known && t.len == 3 && strcmp(t.text, "a b") == 0);
	/* It is closed. */
	CHECK(fcntl(fd, F_GETFD) < 0);
	CHECK(ac_secret_option(&t, n, &err) < 0 && err.code == AC_E_USAGE);
	ac_secret_release(&t);
	CHECK(!t.known && t.len == 0 && t.text[0] == '\0');
}
