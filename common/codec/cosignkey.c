/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/cosignkey.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/codec/pkey.h"
#include "common/codec/pkey_priv.h"
#include "common/sys/secret.h"

enum {
	KEY = crypto_secretbox_KEYBYTES,
	TAG = crypto_secretbox_MACBYTES,
	/* What cosign makes today, 64 MiB and a tenth of a second. */
	N = 65536,
	R = 8,
	P = 1,
	SALT = 32,
	/* What the library that cosign uses accepts at most: N = 2^17, r = 8
	 * is 128 MiB. */
	MAX_BLOCKS = 1 << 20, /* N * r, of 128 bytes */
	MAX_WORK = 1 << 22,   /* N * r * p */
	MAX_BOX = 16 << 10,
};

static int name_is(const struct ac_json *o, const char *path, const char *want,
		   struct ac_err *err)
{
	const char *name = "";

	if (ac_json_get_str(o, path, "name", &name, err) < 0)
		return -1;
	if (strcmp(name, want) != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the key file's %s is not '%s'", path, want);
	return 0;
}

/* Base64 in the member KEY: between MIN and MAX bytes. */
static int bytes(const struct ac_json *o, const char *path, const char *key,
		 uint8_t *out, size_t min, size_t max, size_t *n,
		 struct ac_err *err)
{
	AC_FREE uint8_t *tmp = NULL;
	const char *text = "";
	size_t len;

	if (ac_json_get_str(o, path, key, &text, err) < 0)
		return -1;
	len = strlen(text);
	tmp = ac_xmalloc(AC_BASE64_ROOM(len));
	if (ac_base64_decode(text, len, tmp, n) < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the key file's %s is not base64", key);
	if (*n < min || *n > max)
		return ac_err_set(err, AC_E_INVALID,
				  "the key file's %s has %zu bytes", key, *n);
	memcpy(out, tmp, *n);
	return 0;
}

/* The cost is the file's to say, and ours to bear. */
static int params(const struct ac_json *kdf, struct ac_cosignkey *k,
		  struct ac_err *err)
{
	struct ac_json *o = NULL;
	int64_t n = 0;
	int64_t r = 0;
	int64_t p = 0;

	if (ac_json_get_object(kdf, "kdf", "params", &o, err) < 0 ||
	    ac_json_get_int(o, "kdf.params", "N", &n, err) < 0 ||
	    ac_json_get_int(o, "kdf.params", "r", &r, err) < 0 ||
	    ac_json_get_int(o, "kdf.params", "p", &p, err) < 0)
		return -1;
	if (n < 2 || (n & (n - 1)) != 0 || r < 1 || p < 1)
		return ac_err_set(err, AC_E_INVALID,
				  "the key file's parameters of scrypt are not "
				  "valid");
	if (n > MAX_BLOCKS || r > MAX_BLOCKS / n || p > MAX_WORK / n / r)
		return ac_err_set(err, AC_E_LIMIT,
				  "opening the key would take more than 128 "
				  "MiB (its scrypt has N = %lld, r = %lld, p = "
				  "%lld)",
				  (long long)n, (long long)r, (long long)p);
	k->n = (uint64_t)n;
	k->r = (uint64_t)r;
	k->p = (uint64_t)p;
	return 0;
}

int ac_cosignkey_parse(struct ac_cosignkey *k, const char *json, size_t len,
		       struct ac_err *err)
{
	AC_JSON struct ac_json *doc =
		ac_json_parse(json, len, "the key file", err);
	struct ac_json *kdf = NULL;
	struct ac_json *cipher = NULL;
	size_t n;

	*k = (struct ac_cosignkey){.box = NULL};
	if (doc == NULL || ac_json_get_object(doc, "", "kdf", &kdf, err) < 0 ||
	    ac_json_get_object(doc, "", "cipher", &cipher, err) < 0 ||
	    name_is(kdf, "kdf", "scrypt", err) < 0 ||
	    name_is(cipher, "cipher", "nacl/secretbox", err) < 0 ||
	    params(kdf, k, err) < 0 ||
	    bytes(kdf, "kdf", "salt", k->salt, 8, sizeof(k->salt), &k->salt_len,
		  err) < 0 ||
	    bytes(cipher, "cipher", "nonce", k->nonce, sizeof(k->nonce),
		  sizeof(k->nonce), &n, err) < 0)
		return -1;
	k->box = ac_xmalloc(MAX_BOX);
	return bytes(doc, "", "ciphertext", k->box, TAG + 1, MAX_BOX,
		     &k->box_len, err);
}

void ac_cosignkey_release(struct ac_cosignkey *k)
{
	free(k->box);
	*k = (struct ac_cosignkey){.box = NULL};
}

static int derive(const struct ac_cosignkey *k, const struct ac_secret *pass,
		  uint8_t key[KEY], struct ac_err *err)
{
	uint64_t n = k->n;
	uint64_t r = k->r;
	uint64_t p = k->p;
	uint64_t most = 128 * (n * r + p * r) + (1 << 20);
	OSSL_PARAM args[] = {
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_PASSWORD,
					(void *)(uintptr_t)pass->text,
					pass->len),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT,
					(void *)(uintptr_t)k->salt,
					k->salt_len),
		OSSL_PARAM_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &most),
		OSSL_PARAM_END,
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	bool done = ctx != NULL && EVP_KDF_derive(ctx, key, KEY, args) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	if (sodium_init() < 0)
		done = false;
	return done ? 0 : ac_pkey_ssl_err(err, "derive the key by scrypt");
}

int ac_cosignkey_open(const struct ac_cosignkey *k,
		      const struct ac_secret *passphrase, struct ac_buf *der,
		      struct ac_err *err)
{
	uint8_t key[KEY];
	char *to;
	int r;

	if (derive(k, passphrase, key, err) < 0)
		return -1;
	to = ac_buf_room(der, k->box_len - TAG);
	r = to == NULL ? -1
		       : crypto_secretbox_open_easy((uint8_t *)to, k->box,
						    k->box_len, k->nonce, key);
	sodium_memzero(key, sizeof(key));
	if (r != 0)
		return ac_err_set(err, AC_E_DENIED,
				  "the passphrase is wrong, or the key file "
				  "was changed");
	der->len += k->box_len - TAG;
	return 0;
}

static void set_bytes(struct ac_json *o, const char *key, const uint8_t *p,
		      size_t n)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(64 << 10);

	ac_base64_encode(&b, p, n);
	ac_json_set_str(o, key, ac_buf_str(&b));
}

static struct ac_json *as_json(const struct ac_cosignkey *k)
{
	struct ac_json *doc = ac_json_object();
	struct ac_json *kdf = ac_json_object();
	struct ac_json *cost = ac_json_object();
	struct ac_json *cipher = ac_json_object();

	ac_json_set_str(kdf, "name", "scrypt");
	ac_json_set_int(cost, "N", (int64_t)k->n);
	ac_json_set_int(cost, "r", (int64_t)k->r);
	ac_json_set_int(cost, "p", (int64_t)k->p);
	ac_json_set(kdf, "params", cost);
	set_bytes(kdf, "salt", k->salt, k->salt_len);
	ac_json_set_str(cipher, "name", "nacl/secretbox");
	set_bytes(cipher, "nonce", k->nonce, sizeof(k->nonce));
	ac_json_set(doc, "kdf", kdf);
	ac_json_set(doc, "cipher", cipher);
	set_bytes(doc, "ciphertext", k->box, k->box_len);
	return doc;
}

/* Encrypt what DER has into K, whose parameters are set. */
static int seal(struct ac_cosignkey *k, const struct ac_secret *pass,
		const struct ac_buf *der, struct ac_err *err)
{
	uint8_t key[KEY];

	if (derive(k, pass, key, err) < 0)
		return -1;
	randombytes_buf(k->nonce, sizeof(k->nonce));
	k->box_len = der->len + TAG;
	k->box = ac_xmalloc(k->box_len);
	(void)crypto_secretbox_easy(k->box, (const uint8_t *)der->p, der->len,
				    k->nonce, key);
	sodium_memzero(key, sizeof(key));
	return 0;
}

int ac_cosignkey_write(const struct ac_pkey *key,
		       const struct ac_secret *passphrase, struct ac_buf *out,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_pkey_wipe) struct ac_buf der = AC_BUF_INIT(MAX_BOX);
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(64 << 10);
	AC_CLEANUP(ac_buf_release) struct ac_buf lines = AC_BUF_INIT(64 << 10);
	AC_CLEANUP(ac_cosignkey_release)
	struct ac_cosignkey k = {.n = N, .r = R, .p = P, .salt_len = SALT};
	AC_JSON struct ac_json *doc = NULL;

	if (sodium_init() < 0)
		return ac_err_set(err, AC_E_INVALID, "no random numbers");
	randombytes_buf(k.salt, SALT);
	if (ac_pkey_write_der(key, &der, err) < 0 ||
	    seal(&k, passphrase, &der, err) < 0)
		return -1;
	doc = as_json(&k);
	ac_json_write(doc, 0, false, &text);
	ac_base64_encode(&lines, ac_buf_str(&text), text.len);
	ac_buf_adds(out, "-----BEGIN " AC_COSIGNKEY_PEM "-----\n");
	for (size_t i = 0; i < lines.len; i += 64)
		ac_buf_addf(out, "%.64s\n", lines.p + i);
	ac_buf_adds(out, "-----END " AC_COSIGNKEY_PEM "-----\n");
	return ac_buf_check(out, "the key file", err);
}
