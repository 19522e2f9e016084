/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/message.h"
#include "common/codec/pkey.h"
#include "common/codec/pkey_priv.h"

static void ctx_freep(EVP_PKEY_CTX **c)
{
	EVP_PKEY_CTX_free(*c);
}

static void md_ctx_freep(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static const EVP_MD *md_of(enum ac_alg alg)
{
	if (alg == AC_SHA384)
		return EVP_sha384();
	return alg == AC_SHA512 ? EVP_sha512() : EVP_sha256();
}

/* PKCS #1 v1.5 for RSA; the others have one way only. */
static bool settle(EVP_PKEY_CTX *ctx, const struct ac_pkey *k, enum ac_alg alg)
{
	if (EVP_PKEY_get_base_id(k->evp) == EVP_PKEY_RSA &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		return false;
	return EVP_PKEY_CTX_set_signature_md(ctx, md_of(alg)) == 1;
}

static int sign_digest(const struct ac_pkey *k, struct ac_message *m,
		       enum ac_alg alg, unsigned char *sig, size_t *len,
		       struct ac_err *err)
{
	AC_CLEANUP(ctx_freep)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->evp, NULL);
	struct ac_digest d;

	if (ac_message_digest(m, alg, &d, err) < 0)
		return -1;
	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
	    !settle(ctx, k, alg) ||
	    EVP_PKEY_sign(ctx, sig, len, d.bytes, ac_digest_size(alg)) != 1)
		return ac_pkey_ssl_err(err, "sign");
	return 0;
}

static int sign_whole(const struct ac_pkey *k, struct ac_message *m,
		      unsigned char *sig, size_t *len, struct ac_err *err)
{
	AC_CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const uint8_t *p;
	size_t n;

	if (ac_message_whole(m, &p, &n, err) < 0)
		return -1;
	if (ctx == NULL ||
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->evp) != 1 ||
	    EVP_DigestSign(ctx, sig, len, p, n) != 1)
		return ac_pkey_ssl_err(err, "sign");
	return 0;
}

static int verify_digest(const struct ac_pkey *k, struct ac_message *m,
			 enum ac_alg alg, const uint8_t *sig, size_t len,
			 struct ac_err *err)
{
	AC_CLEANUP(ctx_freep)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->evp, NULL);
	struct ac_digest d;
	bool good;

	if (ac_message_digest(m, alg, &d, err) < 0)
		return -1;
	good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
	       settle(ctx, k, alg) &&
	       EVP_PKEY_verify(ctx, sig, len, d.bytes, ac_digest_size(alg)) ==
		       1;
	ERR_clear_error();
	return good ? 1 : 0;
}

static int verify_whole(const struct ac_pkey *k, struct ac_message *m,
			const uint8_t *sig, size_t len, struct ac_err *err)
{
	AC_CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const uint8_t *p;
	size_t n;
	bool good;

	if (ac_message_whole(m, &p, &n, err) < 0)
		return -1;
	good = ctx != NULL &&
	       EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->evp) == 1 &&
	       EVP_DigestVerify(ctx, sig, len, p, n) == 1;
	ERR_clear_error();
	return good ? 1 : 0;
}

static void add_prehash(void *ctx, const void *p, size_t n)
{
	(void)crypto_sign_ed25519ph_update(ctx, p, n);
}

/* Ed25519ph, which OpenSSL 3.0 has not: cosign makes it when it uploads to a
 * transparency log. */
static int verify_prehash(const struct ac_pkey *k, struct ac_message *m,
			  const uint8_t *sig, size_t len, struct ac_err *err)
{
	crypto_sign_ed25519ph_state state;
	uint8_t raw[crypto_sign_ed25519_PUBLICKEYBYTES];
	size_t n = sizeof(raw);

	if (sodium_init() < 0 || len != crypto_sign_ed25519_BYTES ||
	    EVP_PKEY_get_raw_public_key(k->evp, raw, &n) != 1 ||
	    n != sizeof(raw))
		return 0;
	(void)crypto_sign_ed25519ph_init(&state);
	if (ac_message_each(m, add_prehash, &state, err) < 0)
		return -1;
	return crypto_sign_ed25519ph_final_verify(&state, sig, raw) == 0;
}

int ac_pkey_verify(const struct ac_pkey *k, struct ac_message *m,
		   enum ac_alg hint, const uint8_t *sig, size_t len,
		   struct ac_err *err)
{
	static const enum ac_alg others[] = {AC_SHA256, AC_SHA384, AC_SHA512};
	int r;

	if (ac_pkey_is_ed25519(k)) {
		r = verify_whole(k, m, sig, len, err);
		return r != 0 ? r : verify_prehash(k, m, sig, len, err);
	}
	r = verify_digest(k, m, hint, sig, len, err);
	if (r == 0 && k->alg != hint)
		r = verify_digest(k, m, k->alg, sig, len, err);
	for (size_t i = 0; i < AC_LEN(others) && r == 0; i++)
		if (others[i] != hint && others[i] != k->alg)
			r = verify_digest(k, m, others[i], sig, len, err);
	return r;
}

int ac_pkey_sign(const struct ac_pkey *k, struct ac_message *m, enum ac_alg alg,
		 struct ac_buf *out, struct ac_err *err)
{
	unsigned char sig[AC_PKEY_MAX_SIGNATURE];
	size_t len = sizeof(sig);
	int r;

	if (ac_pkey_is_ed25519(k)) {
		if (sign_whole(k, m, sig, &len, err) < 0)
			return -1;
		r = verify_whole(k, m, sig, len, err);
	} else {
		if (sign_digest(k, m, alg, sig, &len, err) < 0)
			return -1;
		r = verify_digest(k, m, alg, sig, len, err);
	}
	if (r == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the private key does not fit its public "
				  "half: its signature is not good");
	if (r > 0)
		ac_buf_add(out, sig, len);
	return r > 0 ? 0 : -1;
}
