/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_sym.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/secret.h"

enum { S2K_BUFFER = 64 << 10 };

static int failed(const char *what, struct ac_err *err)
{
	char text[160];

	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	return ac_err_set(err, AC_E_UNSUPPORTED, "%s: OpenSSL says %s", what,
			  text);
}

size_t ac_pgp_key_size(int cipher)
{
	return cipher == 7 ? 16 : cipher == 8 ? 24 : cipher == 9 ? 32 : 0;
}

const char *ac_pgp_cipher_name(int cipher)
{
	static const char *const names[] = {"no encryption", "IDEA",
					    "3DES",          "CAST5",
					    "Blowfish",      "unknown",
					    "unknown",       "AES-128",
					    "AES-192",       "AES-256",
					    "Twofish",       "Camellia-128",
					    "Camellia-192",  "Camellia-256"};

	return cipher >= 0 && (size_t)cipher < AC_LEN(names) ? names[cipher]
							     : "unknown";
}

static const EVP_MD *hash_of(int hash)
{
	switch (hash) {
	case 2:
		return EVP_sha1();
	case 8:
		return EVP_sha256();
	case 9:
		return EVP_sha384();
	case 10:
		return EVP_sha512();
	case 11:
		return EVP_sha224();
	default:
		return NULL;
	}
}

bool ac_pgp_hash_known(int hash)
{
	return hash_of(hash) != NULL;
}

/* Bytes that are hashed of salt and passphrase, over and over. */
static size_t s2k_total(const struct ac_pgp_s2k *s, size_t once)
{
	size_t coded = (size_t)(16 + (s->count & 15)) << ((s->count >> 4) + 6);

	return s->type == AC_PGP_S2K_ITERATED && coded > once ? coded : once;
}

/* ZEROS zero bytes, then TOTAL bytes of the LEN at P repeated (P holds as many
 * whole repetitions as fit into a buffer). */
static int hash_round(EVP_MD_CTX *h, const EVP_MD *md, size_t zeros,
		      const uint8_t *p, size_t len, size_t total, uint8_t *out)
{
	static const uint8_t zero[AC_PGP_MAX_KEY];
	int ok = EVP_DigestInit_ex(h, md, NULL) &&
		 EVP_DigestUpdate(h, zero, zeros);

	while (ok && total != 0) {
		size_t n = total < len ? total : len;

		ok = EVP_DigestUpdate(h, p, n);
		total -= n;
	}
	return ok && EVP_DigestFinal_ex(h, out, NULL);
}

static void free_md(EVP_MD_CTX **h)
{
	EVP_MD_CTX_free(*h);
}

int ac_pgp_s2k(const struct ac_pgp_s2k *s, const struct ac_secret *secret,
	       uint8_t *key, size_t n, struct ac_err *err)
{
	AC_CLEANUP(free_md) EVP_MD_CTX *h = EVP_MD_CTX_new();
	const EVP_MD *md = hash_of(s->hash);
	size_t salt = s->type == 0 ? 0 : AC_PGP_SALT;
	size_t once = salt + secret->len;
	size_t len = 0;
	AC_FREE uint8_t *buf = ac_xmalloc(S2K_BUFFER);
	uint8_t digest[EVP_MAX_MD_SIZE];
	int ok = h != NULL && md != NULL;

	for (; len + once <= S2K_BUFFER; len += once) {
		memcpy(buf + len, s->salt, salt);
		memcpy(buf + len + salt, secret->text, secret->len);
	}
	for (size_t at = 0, round = 0; ok && at < n; round++) {
		size_t size = (size_t)EVP_MD_get_size(md);
		size_t step = n - at < size ? n - at : size;

		ok = hash_round(h, md, round, buf, len, s2k_total(s, once),
				digest);
		memcpy(key + at, digest, step);
		at += step;
	}
	explicit_bzero(buf, S2K_BUFFER);
	explicit_bzero(digest, sizeof(digest));
	return ok ? 0 : failed("make a key of the passphrase", err);
}

EVP_CIPHER_CTX *ac_pgp_cfb(int cipher, const uint8_t *key, bool encrypt,
			   struct ac_err *err)
{
	static const uint8_t iv[AC_PGP_BLOCK];
	const EVP_CIPHER *type = cipher == 7   ? EVP_aes_128_cfb128()
				 : cipher == 8 ? EVP_aes_192_cfb128()
					       : EVP_aes_256_cfb128();
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (c != NULL && EVP_CipherInit_ex(c, type, NULL, key, iv, encrypt))
		return c;
	EVP_CIPHER_CTX_free(c);
	(void)failed("begin with AES", err);
	return NULL;
}

int ac_pgp_cfb_run(EVP_CIPHER_CTX *c, const uint8_t *in, uint8_t *out, size_t n,
		   struct ac_err *err)
{
	int done;

	/* Never more than a part's bytes at a time: they fit into an int. */
	if (n != 0 && !EVP_CipherUpdate(c, out, &done, in, (int)n))
		return failed("AES", err);
	return 0;
}

EVP_MD_CTX *ac_pgp_sha1(struct ac_err *err)
{
	EVP_MD_CTX *h = EVP_MD_CTX_new();

	if (h != NULL && EVP_DigestInit_ex(h, EVP_sha1(), NULL))
		return h;
	EVP_MD_CTX_free(h);
	(void)failed("begin with SHA-1", err);
	return NULL;
}

int ac_pgp_sha1_add(EVP_MD_CTX *h, const void *p, size_t n, struct ac_err *err)
{
	return EVP_DigestUpdate(h, p, n) ? 0 : failed("SHA-1", err);
}

int ac_pgp_sha1_final(EVP_MD_CTX *h, uint8_t out[20], struct ac_err *err)
{
	return EVP_DigestFinal_ex(h, out, NULL) ? 0 : failed("SHA-1", err);
}
