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

static EVP_CIPHER_CTX *begin_aes(const EVP_CIPHER *type, const uint8_t *key,
				 struct ac_err *err)
{
	static const uint8_t iv[AC_PGP_BLOCK];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (c != NULL && EVP_EncryptInit_ex(c, type, NULL, key, iv))
		return c;
	EVP_CIPHER_CTX_free(c);
	(void)failed("begin with AES", err);
	return NULL;
}

EVP_CIPHER_CTX *ac_pgp_cfb_new(const uint8_t *key, struct ac_err *err)
{
	return begin_aes(EVP_aes_256_cfb128(), key, err);
}

int ac_pgp_cfb_run(EVP_CIPHER_CTX *c, const uint8_t *in, uint8_t *out, size_t n,
		   struct ac_err *err)
{
	int done;

	/* Never more than a part's bytes at a time: they fit into an int. */
	if (n != 0 && !EVP_EncryptUpdate(c, out, &done, in, (int)n))
		return failed("AES", err);
	return 0;
}

enum { BLOCKS = 1024 }; /* at once */

struct ac_pgp_uncfb {
	EVP_CIPHER_CTX *aes;        /* ECB, without padding */
	uint8_t last[AC_PGP_BLOCK]; /* encrypted block, as far as it came */
	uint8_t mask[AC_PGP_BLOCK]; /* the block before it, encrypted again */
	size_t used;                /* bytes of both */
	uint8_t work[BLOCKS * AC_PGP_BLOCK];
};

struct ac_pgp_uncfb *ac_pgp_uncfb_new(int cipher, const uint8_t *key,
				      struct ac_err *err)
{
	const EVP_CIPHER *type = cipher == 7   ? EVP_aes_128_ecb()
				 : cipher == 8 ? EVP_aes_192_ecb()
					       : EVP_aes_256_ecb();
	struct ac_pgp_uncfb *c = ac_xcalloc(1, sizeof(*c));

	c->used = AC_PGP_BLOCK;
	c->aes = begin_aes(type, key, err);
	if (c->aes != NULL && EVP_CIPHER_CTX_set_padding(c->aes, 0))
		return c;
	ac_pgp_uncfb_free(c);
	return NULL;
}

void ac_pgp_uncfb_free(struct ac_pgp_uncfb *c)
{
	if (c == NULL)
		return;
	EVP_CIPHER_CTX_free(c->aes);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* N bytes of a block that is not whole. */
static int some_bytes(struct ac_pgp_uncfb *c, const uint8_t *in, uint8_t *out,
		      size_t n, struct ac_err *err)
{
	if (c->used == AC_PGP_BLOCK && n != 0) {
		if (ac_pgp_cfb_run(c->aes, c->last, c->mask, AC_PGP_BLOCK,
				   err) < 0)
			return -1;
		c->used = 0;
	}
	memcpy(c->last + c->used, in, n);
	for (size_t i = 0; i < n; i++)
		out[i] = in[i] ^ c->mask[c->used + i];
	c->used += n;
	return 0;
}

/* N bytes, whole blocks: each is masked by the one before it, encrypted. */
static int whole_blocks(struct ac_pgp_uncfb *c, const uint8_t *in, uint8_t *out,
			size_t n, struct ac_err *err)
{
	memcpy(c->work, c->last, AC_PGP_BLOCK);
	memcpy(c->work + AC_PGP_BLOCK, in, n - AC_PGP_BLOCK);
	memcpy(c->last, in + n - AC_PGP_BLOCK, AC_PGP_BLOCK);
	if (ac_pgp_cfb_run(c->aes, c->work, c->work, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
		uint64_t a;
		uint64_t b;

		memcpy(&a, in + i, sizeof(a));
		memcpy(&b, c->work + i, sizeof(b));
		a ^= b;
		memcpy(out + i, &a, sizeof(a));
	}
	return 0;
}

int ac_pgp_uncfb_run(struct ac_pgp_uncfb *c, const uint8_t *in, uint8_t *out,
		     size_t n, struct ac_err *err)
{
	while (n != 0) {
		size_t room = AC_PGP_BLOCK - c->used;
		size_t step = n < sizeof(c->work) ? n : sizeof(c->work);
		int ret;

		if (room != 0 || n < AC_PGP_BLOCK) {
			room = room != 0 ? room : AC_PGP_BLOCK;
			step = room < n ? room : n;
			ret = some_bytes(c, in, out, step, err);
		} else {
			step -= step % AC_PGP_BLOCK;
			ret = whole_blocks(c, in, out, step, err);
		}
		if (ret < 0)
			return -1;
		in += step;
		out += step;
		n -= step;
	}
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
