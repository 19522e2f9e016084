/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pkey_priv.h"

enum { MIN_RSA = 2048, MAX_RSA = 8192 };

int ac_pkey_ssl_err(struct ac_err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return ac_err_set(err, AC_E_INVALID, "%s%s%s", what,
			  reason != NULL ? ": " : "",
			  reason != NULL ? reason : "");
}

static int check_point(EVP_PKEY *evp, struct ac_err *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(evp, NULL);
	bool good = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good ? 0
		    : ac_pkey_ssl_err(err, "the key is no point of its "
					   "curve");
}

static int adopt_ec(struct ac_pkey *k, struct ac_err *err)
{
	static const struct {
		const char *group;
		const char *name;
		enum ac_alg alg;
	} curves[] = {
		{"prime256v1", "ECDSA P-256", AC_SHA256},
		{"secp384r1", "ECDSA P-384", AC_SHA384},
		{"secp521r1", "ECDSA P-521", AC_SHA512},
	};
	char group[64] = "";
	int explicit_curve = 0;

	(void)EVP_PKEY_get_int_param(
		k->evp, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
		&explicit_curve);
	/* A curve that a key brings itself may be anything, such as one with a
	 * base point for which its maker knows more than he should. */
	if (explicit_curve != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the key brings its own curve parameters; a "
				  "named curve is needed");
	(void)EVP_PKEY_get_group_name(k->evp, group, sizeof(group), NULL);
	for (size_t i = 0; i < AC_LEN(curves); i++) {
		if (strcmp(group, curves[i].group) != 0)
			continue;
		k->alg = curves[i].alg;
		(void)snprintf(k->name, sizeof(k->name), "%s", curves[i].name);
		/* Else one key would have two identities. */
		if (EVP_PKEY_set_utf8_string_param(
			    k->evp, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
			    "uncompressed") != 1)
			return ac_pkey_ssl_err(err, "the key");
		return check_point(k->evp, err);
	}
	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "the key is on the curve '%.40s'; P-256, P-384 and "
			  "P-521 are supported",
			  group);
}

static int adopt_rsa(struct ac_pkey *k, struct ac_err *err)
{
	int bits = EVP_PKEY_get_bits(k->evp);
	BIGNUM *e = NULL;
	bool weak;

	if (bits < MIN_RSA || bits > MAX_RSA)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the RSA key has %d bits; %d to %d are "
				  "accepted",
				  bits, MIN_RSA, MAX_RSA);
	if (EVP_PKEY_get_bn_param(k->evp, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return ac_pkey_ssl_err(err, "the RSA key");
	weak = BN_is_odd(e) == 0 || BN_get_word(e) < 65537;
	BN_free(e);
	if (weak)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the RSA key's exponent is too small; 65537 "
				  "is the usual one");
	k->alg = AC_SHA256;
	(void)snprintf(k->name, sizeof(k->name), "RSA %d", bits);
	return 0;
}

static int adopt(struct ac_pkey *k, struct ac_err *err)
{
	unsigned char *der = NULL;
	int n;

	switch (EVP_PKEY_get_base_id(k->evp)) {
	case EVP_PKEY_EC:
		if (adopt_ec(k, err) < 0)
			return -1;
		break;
	case EVP_PKEY_RSA:
		if (adopt_rsa(k, err) < 0)
			return -1;
		break;
	case EVP_PKEY_ED25519:
		k->alg = AC_SHA256;
		(void)snprintf(k->name, sizeof(k->name), "Ed25519");
		break;
	default: {
		const char *name = EVP_PKEY_get0_type_name(k->evp);

		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "keys of the kind '%.40s' are not supported; "
				  "ECDSA, Ed25519 and RSA are",
				  name != NULL ? name : "?");
	}
	}
	n = i2d_PUBKEY(k->evp, &der);
	if (n <= 0)
		return ac_pkey_ssl_err(err, "the key");
	ac_digest_of(AC_SHA256, der, (size_t)n, &k->id);
	OPENSSL_free(der);
	return 0;
}

struct ac_pkey *ac_pkey_adopt(EVP_PKEY *evp, struct ac_err *err)
{
	AC_PKEY struct ac_pkey *k = ac_xcalloc(1, sizeof(*k));

	k->evp = evp;
	if (adopt(k, err) < 0)
		return NULL;
	return ac_steal_ptr(&k);
}

struct ac_pkey *ac_pkey_generate(struct ac_err *err)
{
	EVP_PKEY *evp = EVP_EC_gen("P-256");

	if (evp == NULL) {
		(void)ac_pkey_ssl_err(err, "make a key");
		return NULL;
	}
	return ac_pkey_adopt(evp, err);
}

void ac_pkey_free(struct ac_pkey *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->evp);
	free(k);
}

const char *ac_pkey_name(const struct ac_pkey *k)
{
	return k->name;
}

const struct ac_digest *ac_pkey_id(const struct ac_pkey *k)
{
	return &k->id;
}

enum ac_alg ac_pkey_digest(const struct ac_pkey *k)
{
	return k->alg;
}

bool ac_pkey_is_ed25519(const struct ac_pkey *k)
{
	return EVP_PKEY_get_base_id(k->evp) == EVP_PKEY_ED25519;
}

int ac_pkey_write_public(const struct ac_pkey *k, struct ac_buf *out,
			 struct ac_err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n = 0;

	if (bio != NULL && PEM_write_bio_PUBKEY(bio, k->evp) == 1)
		n = BIO_get_mem_data(bio, &text);
	if (n > 0)
		ac_buf_add(out, text, (size_t)n);
	BIO_free(bio);
	return n > 0 ? 0 : ac_pkey_ssl_err(err, "write the public key");
}

int ac_pkey_write_der(const struct ac_pkey *k, struct ac_buf *out,
		      struct ac_err *err)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->evp);
	unsigned char *der = NULL;
	int n = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

	PKCS8_PRIV_KEY_INFO_free(info);
	if (n <= 0)
		return ac_pkey_ssl_err(err, "write the private key");
	ac_buf_add(out, der, (size_t)n);
	OPENSSL_clear_free(der, (size_t)n);
	return 0;
}
