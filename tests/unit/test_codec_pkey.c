/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and their signatures.  tests/cli/actool-sigstore.bats has openssl at the
 * other end. */
#include <openssl/pem.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/codec/cosignkey.h"
#include "common/codec/ed25519.h"
#include "common/codec/message.h"
#include "common/codec/pkey.h"
#include "common/codec/sigstore.h"
#include "common/sys/secret.h"
#include "tests/unit/tap.h"

static struct ac_err err;

/* RFC 8032, 7.1, test 3, and 7.3. */
#define ED_PUB                                                           \
	"-----BEGIN PUBLIC KEY-----\n"                                   \
	"MCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=\n" \
	"-----END PUBLIC KEY-----\n"
#define ED_SIG                                                             \
	"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" \
	"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
#define PH_PUB                                                           \
	"-----BEGIN PUBLIC KEY-----\n"                                   \
	"MCowBQYDK2VwAyEA7Bcrk61eVjv0kyxw4SRQNMNUZ+8u/U1k6/gZaDRn4r8=\n" \
	"-----END PUBLIC KEY-----\n"
#define PH_SIG                                                             \
	"98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41" \
	"31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"

static int check(const char *pem, const void *msg, size_t len, const char *hex)
{
	AC_PKEY struct ac_pkey *k = ac_pkey_public(pem, strlen(pem), &err);
	struct ac_message m;
	uint8_t sig[64];

	CHECK(k != NULL && strcmp(ac_pkey_name(k), "Ed25519") == 0);
	CHECK(ac_hex_decode(sig, 64, hex, strlen(hex)) == 0);
	ac_message_bytes(&m, msg, len);
	CHECK(ac_pkey_verify(k, &m, AC_SHA256, sig, 63, &err) == 0);
	return ac_pkey_verify(k, &m, AC_SHA256, sig, 64, &err);
}

TEST(ed25519_of_the_rfc)
{
	CHECK(check(ED_PUB, "\xaf\x82", 2, ED_SIG) == 1);
	CHECK(check(ED_PUB, "\xaf\x83", 2, ED_SIG) == 0);
	CHECK(check(PH_PUB, "abc", 3, PH_SIG) == 1);
	CHECK(check(PH_PUB, "abd", 3, PH_SIG) == 0);
	CHECK(check(ED_PUB, "abc", 3, PH_SIG) == 0);
}

/* The key in PEM, as ac_pkey takes it. */
static struct ac_pkey *load(EVP_PKEY *evp)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct ac_pkey_ask none = {.ask = NULL};
	struct ac_pkey *k;
	char *text;
	long n;

	CHECK(evp != NULL && bio != NULL);
	CHECK(PEM_write_bio_PrivateKey(bio, evp, NULL, NULL, 0, NULL, NULL) ==
	      1);
	n = BIO_get_mem_data(bio, &text);
	k = ac_pkey_private(text, (size_t)n, &none, "k", &err);
	BIO_free(bio);
	EVP_PKEY_free(evp);
	return k;
}

/* The signature is determined by key and message: ours is OpenSSL's. */
TEST(ed25519_as_openssl)
{
	static const size_t lens[] = {0, 1, 31, 64, 111, 128, 1000, 100000};
	static uint8_t text[100000];

	for (size_t i = 0; i < AC_LEN(lens); i++) {
		EVP_PKEY *evp = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		uint8_t seed[32];
		uint8_t pub[32];
		uint8_t ours[64];
		uint8_t theirs[64];
		size_t n = sizeof(seed);
		size_t len = sizeof(theirs);
		struct ac_message m;

		memset(text, (int)i, sizeof(text));
		CHECK(EVP_PKEY_get_raw_private_key(evp, seed, &n) == 1);
		CHECK(EVP_PKEY_get_raw_public_key(evp, pub, &n) == 1);
		CHECK(EVP_DigestSignInit(ctx, NULL, NULL, NULL, evp) == 1);
		CHECK(EVP_DigestSign(ctx, theirs, &len, text, lens[i]) == 1);
		ac_message_bytes(&m, text, lens[i]);
		CHECK(ac_ed25519_sign(seed, pub, &m, ours, &err) == 0);
		CHECK(memcmp(ours, theirs, sizeof(ours)) == 0);
		CHECK(ac_ed25519_verify(pub, &m, ours, &err) == 1);
		for (size_t bit = 0; bit < 512; bit += 7) {
			ours[bit / 8] ^= (uint8_t)(1U << bit % 8);
			CHECK(ac_ed25519_verify(pub, &m, ours, &err) == 0);
			ours[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		/* Another key's public half. */
		pub[0] ^= 1;
		CHECK(ac_ed25519_sign(seed, pub, &m, ours, &err) < 0);
		EVP_MD_CTX_free(ctx);
		EVP_PKEY_free(evp);
	}
}

TEST(ed25519_spelt_once)
{
	/* The group's order, little-endian. */
	static const uint8_t order[32] = {0xed, 0xd3,       0xf5, 0x5c, 0x1a,
					  0x63, 0x12,       0x58, 0xd6, 0x9c,
					  0xf7, 0xa2,       0xde, 0xf9, 0xde,
					  0x14, [31] = 0x10};
	static const uint8_t zero[32];
	uint8_t sig[64];
	uint8_t pub[32];
	unsigned int carry = 0;
	struct ac_message m;

	ac_message_bytes(&m, "\xaf\x82", 2);
	CHECK(ac_hex_decode(sig, 64, ED_SIG, 128) == 0);
	CHECK(ac_hex_decode(pub, 32,
			    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5d"
			    "eb911548908025",
			    64) == 0);
	CHECK(ac_ed25519_verify(pub, &m, sig, &err) == 1);
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned int)sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	CHECK(ac_ed25519_verify(pub, &m, sig, &err) == 0);
	/* Points of small order sign everything. */
	memset(sig, 0, sizeof(sig));
	CHECK(ac_ed25519_verify(zero, &m, sig, &err) == 0);
	memset(pub, 0, sizeof(pub));
	pub[0] = 1;
	sig[0] = 1;
	CHECK(ac_ed25519_verify(pub, &m, sig, &err) == 0);
}

/* Two signatures with one nonce would give the key away. */
TEST(ed25519_of_a_file_that_changes)
{
	AC_CLOSE int fd = memfd_create("message", MFD_CLOEXEC);
	AC_PKEY struct ac_pkey *k =
		load(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	AC_CLEANUP(ac_buf_release) struct ac_buf sig = AC_BUF_INIT(64);
	struct ac_message m;
	struct ac_digest d;

	CHECK(write(fd, "message", 7) == 7);
	CHECK(ac_message_file(&m, fd, "x", &err) == 0);
	CHECK(ac_message_digest(&m, AC_SHA256, &d, &err) == 0);
	CHECK(pwrite(fd, "a", 1, 1) == 1);
	CHECK(ac_pkey_sign(k, &m, AC_SHA256, &sig, &err) < 0);
	CHECK(err.code == AC_E_INVALID && sig.len == 0);
	CHECK(strstr(err.msg, "changed while") != NULL);
}

static void round_trip(struct ac_pkey *k, const char *name, enum ac_alg alg)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf pem = AC_BUF_INIT(4096);
	AC_CLEANUP(ac_buf_release) struct ac_buf sig = AC_BUF_INIT(1024);
	AC_PKEY struct ac_pkey *pub = NULL;
	struct ac_message m;
	struct ac_message other;

	CHECK(k != NULL && strcmp(ac_pkey_name(k), name) == 0);
	CHECK(ac_pkey_digest(k) == alg);
	CHECK(ac_pkey_write_public(k, &pem, &err) == 0);
	pub = ac_pkey_public(pem.p, pem.len, &err);
	CHECK(pub != NULL);
	CHECK(ac_digest_equal(ac_pkey_id(k), ac_pkey_id(pub)));
	ac_message_bytes(&m, "message", 7);
	ac_message_bytes(&other, "massage", 7);
	CHECK(ac_pkey_sign(k, &m, alg, &sig, &err) == 0);
	for (int hint = 0; hint <= AC_SHA384; hint++) {
		CHECK(ac_pkey_verify(pub, &m, (enum ac_alg)hint,
				     (uint8_t *)sig.p, sig.len, &err) == 1);
		CHECK(ac_pkey_verify(pub, &other, (enum ac_alg)hint,
				     (uint8_t *)sig.p, sig.len, &err) == 0);
	}
	sig.p[sig.len / 2] ^= 1;
	CHECK(ac_pkey_verify(pub, &m, alg, (uint8_t *)sig.p, sig.len, &err) ==
	      0);
	ac_pkey_free(k);
}

TEST(kinds)
{
	round_trip(load(EVP_EC_gen("P-256")), "ECDSA P-256", AC_SHA256);
	round_trip(load(EVP_EC_gen("P-384")), "ECDSA P-384", AC_SHA384);
	round_trip(load(EVP_EC_gen("P-521")), "ECDSA P-521", AC_SHA512);
	round_trip(load(EVP_RSA_gen(2048)), "RSA 2048", AC_SHA256);
	round_trip(load(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), "Ed25519",
		   AC_SHA256);
	round_trip(ac_pkey_generate(&err), "ECDSA P-256", AC_SHA256);
}

TEST(refused)
{
	CHECK(load(EVP_RSA_gen(1024)) == NULL);
	CHECK(err.code == AC_E_UNSUPPORTED);
	CHECK(load(EVP_EC_gen("secp256k1")) == NULL);
	CHECK(err.code == AC_E_UNSUPPORTED);
	CHECK(load(EVP_EC_gen("P-224")) == NULL);
	CHECK(load(EVP_PKEY_Q_keygen(NULL, NULL, "X25519")) == NULL);
	CHECK(ac_pkey_public("", 0, &err) == NULL);
	CHECK(ac_pkey_public(ED_PUB ED_PUB, strlen(ED_PUB ED_PUB), &err) ==
	      NULL);
	CHECK(strstr(err.msg, "more than one") != NULL);
}

TEST(is_pem)
{
	CHECK(ac_pkey_is_pem(ED_PUB, strlen(ED_PUB)));
	CHECK(ac_pkey_is_pem("a comment\n-----BEGIN X", 22));
	CHECK(!ac_pkey_is_pem("-----BEGIN PGP PUBLIC KEY BLOCK-----", 36));
	CHECK(!ac_pkey_is_pem("", 0));
}

static int answer(void *ctx, const char *what, struct ac_secret *out,
		  struct ac_err *e)
{
	(void)e;
	CHECK(strcmp(what, "the file") == 0);
	*out = AC_SECRET_INIT;
	out->len = strlen(ctx);
	memcpy(out->text, ctx, out->len + 1);
	out->known = true;
	return 0;
}

TEST(cosign_key)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf file = AC_BUF_INIT(65536);
	AC_PKEY struct ac_pkey *k = ac_pkey_generate(&err);
	AC_PKEY struct ac_pkey *back = NULL;
	struct ac_secret pass = AC_SECRET_INIT;
	struct ac_pkey_ask right = {.ask = answer, .ctx = (char[]){"right"}};
	struct ac_pkey_ask wrong = {.ask = answer, .ctx = (char[]){"wrong"}};

	CHECK(answer(right.ctx, "the file", &pass, &err) == 0);
	CHECK(ac_cosignkey_write(k, &pass, &file, &err) == 0);
	back = ac_pkey_private(file.p, file.len, &right, "the file", &err);
	CHECK(back != NULL);
	CHECK(ac_digest_equal(ac_pkey_id(k), ac_pkey_id(back)));
	CHECK(ac_pkey_private(file.p, file.len, &wrong, "the file", &err) ==
	      NULL);
	CHECK(err.code == AC_E_DENIED);
}

TEST(bundle)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(65536);
	AC_CLEANUP(ac_sigstore_release) struct ac_sigstore b = {.hint = NULL};
	AC_PKEY struct ac_pkey *k = ac_pkey_generate(&err);
	AC_PKEY struct ac_pkey *other = ac_pkey_generate(&err);
	AC_FREE char *hint = ac_sigstore_hint(k);
	struct ac_message m;
	struct ac_message n;

	ac_message_bytes(&m, "message", 7);
	ac_message_bytes(&n, "massage", 7);
	CHECK(ac_sigstore_sign(k, &m, AC_SHA256, &text, &err) == 0);
	CHECK(ac_sigstore_parse(&b, text.p, text.len, &err) == 0);
	CHECK(strcmp(b.hint, hint) == 0 && b.has_digest && !b.enveloped);
	CHECK(ac_sigstore_verify(&b, k, &m, &err) == 1);
	CHECK(ac_sigstore_verify(&b, other, &m, &err) == 0);
	CHECK(ac_sigstore_verify(&b, k, &n, &err) == 0);
	/* The digest of the bundle is of another file, its signature is not. */
	b.digest.bytes[0] ^= 1;
	CHECK(ac_sigstore_verify(&b, k, &m, &err) == -1);
	CHECK(err.code == AC_E_VERIFY);
}
