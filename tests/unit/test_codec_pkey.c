/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and their signatures.  tests/cli/actool-sigstore.bats has openssl at the
 * other end. */
#include <openssl/pem.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/codec/cosignkey.h"
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
