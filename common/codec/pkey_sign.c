/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/ed25519.h"
#include "common/codec/message.h"
#include "common/codec/pkey.h"
#include "common/codec/pkey_priv.h"

static void ctx_freep(EVP_PKEY_CTX **c)
{
	EVP_PKEY_CTX_free(*c);
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

static int sign_ed25519(const struct ac_pkey *k, struct ac_message *m,
			struct ac_buf *out, struct ac_err *err)
{
	uint8_t seed[AC_ED25519_KEY];
	uint8_t pub[AC_ED25519_KEY];
	uint8_t sig[AC_ED25519_SIG];
	size_t ns = sizeof(seed);
	size_t np = sizeof(pub);
	int r = -1;

	if (EVP_PKEY_get_raw_private_key(k->evp, seed, &ns) == 1 &&
	    EVP_PKEY_get_raw_public_key(k->evp, pub, &np) == 1)
		r = ac_ed25519_sign(seed, pub, m, sig, err);
	else
		(void)ac_pkey_ssl_err(err, "the private key cannot be used");
	OPENSSL_cleanse(seed, sizeof(seed));
	if (r == 0)
		ac_buf_add(out, sig, sizeof(sig));
	return r;
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

/* Also pre-hashed, which cosign makes when it uploads to a transparency log. */
static int verify_ed25519(const struct ac_pkey *k, struct ac_message *m,
			  const uint8_t *sig, size_t len, struct ac_err *err)
{
	uint8_t pub[AC_ED25519_KEY];
	size_t n = sizeof(pub);
	int r;

	if (len != AC_ED25519_SIG ||
	    EVP_PKEY_get_raw_public_key(k->evp, pub, &n) != 1)
		return 0;
	r = ac_ed25519_verify(pub, m, sig, err);
	return r != 0 ? r : ac_ed25519ph_verify(pub, m, sig, err);
}

int ac_pkey_verify(const struct ac_pkey *k, struct ac_message *m,
		   enum ac_alg hint, const uint8_t *sig, size_t len,
		   struct ac_err *err)
{
	static const enum ac_alg others[] = {AC_SHA256, AC_SHA384, AC_SHA512};
	int r;

	if (ac_pkey_is_ed25519(k))
		return verify_ed25519(k, m, sig, len, err);
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

	if (ac_pkey_is_ed25519(k))
		return sign_ed25519(k, m, out, err);
	if (sign_digest(k, m, alg, sig, &len, err) < 0)
		return -1;
	r = verify_digest(k, m, alg, sig, len, err);
	if (r == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the private key does not fit its public "
				  "half: its signature is not good");
	if (r > 0)
		ac_buf_add(out, sig, len);
	return r > 0 ? 0 : -1;
}
