/* SPDX-License-Identifier: Apache-2.0 */
/* Keys from PEM files. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/cosignkey.h"
#include "common/codec/pkey.h"
#include "common/codec/pkey_priv.h"
#include "common/sys/secret.h"

enum { MAX_DER = 16 << 10 };

struct block {
	char *name;   /* "PUBLIC KEY" */
	char *header; /* "Proc-Type: ..." of traditional encryption */
	unsigned char *data;
	long len;
};

static void block_release(struct block *b)
{
	OPENSSL_free(b->name);
	OPENSSL_free(b->header);
	if (b->data != NULL)
		OPENSSL_clear_free(b->data, (size_t)b->len);
	*b = (struct block){.name = NULL};
}

static void bio_freep(BIO **b)
{
	BIO_free(*b);
}

bool ac_pkey_is_pem(const char *text, size_t len)
{
	static const char pem[] = "-----BEGIN ";
	static const char pgp[] = "-----BEGIN PGP ";

	return memmem(text, len, pem, sizeof(pem) - 1) != NULL &&
	       memmem(text, len, pgp, sizeof(pgp) - 1) == NULL;
}

static int read_block(BIO *bio, struct block *b)
{
	return PEM_read_bio(bio, &b->name, &b->header, &b->data, &b->len);
}

/* The one key of a file.  `openssl ecparam -genkey` puts the curve before it.
 * Where there is a second key, nobody can say which one was meant. */
static int only_block(const char *pem, size_t len, struct block *b,
		      struct ac_err *err)
{
	AC_CLEANUP(bio_freep) BIO *bio = NULL;
	AC_CLEANUP(block_release) struct block next = {.name = NULL};

	if (len > AC_PKEY_MAX_FILE)
		return ac_err_set(err, AC_E_LIMIT,
				  "the key file is larger than %d bytes",
				  AC_PKEY_MAX_FILE);
	bio = BIO_new_mem_buf(pem, (int)len);
	if (bio == NULL || read_block(bio, b) != 1) {
		ERR_clear_error();
		return ac_err_set(err, AC_E_INVALID,
				  "it has no key in PEM (-----BEGIN ...)");
	}
	if (strcmp(b->name, "EC PARAMETERS") == 0) {
		block_release(b);
		if (read_block(bio, b) != 1)
			return ac_pkey_ssl_err(err, "it has no key");
	}
	if (read_block(bio, &next) == 1)
		return ac_err_set(err, AC_E_INVALID,
				  "it has more than one PEM block; one key a "
				  "file");
	ERR_clear_error();
	return 0;
}

static int unknown(const char *half, const char *name, struct ac_err *err)
{
	AC_FREE char *shown = ac_str_show(name);

	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "'%.80s' is no kind of %s key that is known; "
			  "'openssl pkey' converts many",
			  shown, half);
}

static int no_public(const char *name, struct ac_err *err)
{
	if (strstr(name, "PRIVATE KEY") != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "it is a private key; verifying takes the "
				  "public one ('openssl pkey -in FILE "
				  "-pubout')");
	if (strcmp(name, "CERTIFICATE") == 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "it is a certificate; take the key out of it "
				  "with 'openssl x509 -in FILE -noout "
				  "-pubkey'");
	return unknown("public", name, err);
}

/* Everything was read: nothing may follow the structure. */
static EVP_PKEY *public_from(const struct block *b)
{
	const unsigned char *p = b->data;
	EVP_PKEY *evp = NULL;

	if (strcmp(b->name, "PUBLIC KEY") == 0)
		evp = d2i_PUBKEY(NULL, &p, b->len);
	else
		evp = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, b->len);
	if (evp != NULL && p != b->data + b->len) {
		EVP_PKEY_free(evp);
		return NULL;
	}
	return evp;
}

struct ac_pkey *ac_pkey_public(const char *pem, size_t len, struct ac_err *err)
{
	AC_CLEANUP(block_release) struct block b = {.name = NULL};
	EVP_PKEY *evp;

	if (only_block(pem, len, &b, err) < 0 || b.name == NULL)
		return NULL;
	if (strcmp(b.name, "PUBLIC KEY") != 0 &&
	    strcmp(b.name, "RSA PUBLIC KEY") != 0) {
		(void)no_public(b.name, err);
		return NULL;
	}
	evp = public_from(&b);
	if (evp == NULL) {
		(void)ac_pkey_ssl_err(err, "the public key cannot be read");
		return NULL;
	}
	return ac_pkey_adopt(evp, err);
}

static EVP_PKEY *from_info(PKCS8_PRIV_KEY_INFO *info, struct ac_err *err)
{
	EVP_PKEY *evp = info != NULL ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	if (evp == NULL)
		(void)ac_pkey_ssl_err(err, "the private key cannot be read");
	return evp;
}

static EVP_PKEY *from_pkcs8(const unsigned char *p, long len,
			    struct ac_err *err)
{
	return from_info(d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, len), err);
}

static int wrong_passphrase(struct ac_err *err)
{
	ERR_clear_error();
	return ac_err_set(err, AC_E_DENIED, "the passphrase is wrong");
}

static EVP_PKEY *from_encrypted(const struct block *b,
				const struct ac_pkey_ask *ask, const char *what,
				struct ac_err *err)
{
	AC_CLEANUP(ac_secret_release) struct ac_secret pass = AC_SECRET_INIT;
	const unsigned char *p = b->data;
	X509_SIG *sig = d2i_X509_SIG(NULL, &p, b->len);
	PKCS8_PRIV_KEY_INFO *info = NULL;
	const X509_ALGOR *alg;
	int r;

	if (sig == NULL) {
		(void)ac_pkey_ssl_err(err, "the private key cannot be read");
		return NULL;
	}
	X509_SIG_get0(sig, &alg, NULL);
	r = ac_pkey_check_pbe(alg, err);
	if (r == 0)
		r = ask->ask(ask->ctx, what, &pass, err);
	if (r == 0)
		info = PKCS8_decrypt(sig, pass.text, (int)pass.len);
	X509_SIG_free(sig);
	if (r < 0)
		return NULL;
	if (info == NULL) {
		(void)wrong_passphrase(err);
		return NULL;
	}
	return from_info(info, err);
}

static int give(char *buf, int size, int writing, void *ctx)
{
	const struct ac_secret *s = ctx;

	(void)writing;
	if (s->len > (size_t)size)
		return -1;
	memcpy(buf, s->text, s->len);
	return (int)s->len;
}

/* "EC PRIVATE KEY", "RSA PRIVATE KEY", perhaps with RFC 1421 encryption. */
static EVP_PKEY *from_traditional(struct block *b, int type,
				  const struct ac_pkey_ask *ask,
				  const char *what, struct ac_err *err)
{
	AC_CLEANUP(ac_secret_release) struct ac_secret pass = AC_SECRET_INIT;
	EVP_CIPHER_INFO cipher;
	const unsigned char *p = b->data;
	long len = b->len;
	EVP_PKEY *evp;

	if (PEM_get_EVP_CIPHER_INFO(b->header, &cipher) != 1) {
		(void)ac_pkey_ssl_err(err, "the key's encryption");
		return NULL;
	}
	if (cipher.cipher != NULL) {
		if (ask->ask(ask->ctx, what, &pass, err) < 0)
			return NULL;
		if (PEM_do_header(&cipher, b->data, &len, give, &pass) != 1) {
			(void)wrong_passphrase(err);
			return NULL;
		}
	}
	evp = d2i_PrivateKey(type, NULL, &p, len);
	if (evp == NULL)
		(void)ac_pkey_ssl_err(err, "the private key cannot be read");
	return evp;
}

static EVP_PKEY *from_cosign(const struct block *b,
			     const struct ac_pkey_ask *ask, const char *what,
			     struct ac_err *err)
{
	AC_CLEANUP(ac_secret_release) struct ac_secret pass = AC_SECRET_INIT;
	AC_CLEANUP(ac_pkey_wipe) struct ac_buf der = AC_BUF_INIT(MAX_DER);
	AC_CLEANUP(ac_cosignkey_release)
	struct ac_cosignkey k = {.box = NULL};

	if (ac_cosignkey_parse(&k, (const char *)b->data, (size_t)b->len, err) <
		    0 ||
	    ask->ask(ask->ctx, what, &pass, err) < 0 ||
	    ac_cosignkey_open(&k, &pass, &der, err) < 0)
		return NULL;
	return from_pkcs8((const unsigned char *)der.p, (long)der.len, err);
}

static EVP_PKEY *private_from(struct block *b, const struct ac_pkey_ask *ask,
			      const char *what, struct ac_err *err)
{
	if (strcmp(b->name, "PRIVATE KEY") == 0)
		return from_pkcs8(b->data, b->len, err);
	if (strcmp(b->name, "ENCRYPTED PRIVATE KEY") == 0)
		return from_encrypted(b, ask, what, err);
	if (strcmp(b->name, "EC PRIVATE KEY") == 0)
		return from_traditional(b, EVP_PKEY_EC, ask, what, err);
	if (strcmp(b->name, "RSA PRIVATE KEY") == 0)
		return from_traditional(b, EVP_PKEY_RSA, ask, what, err);
	if (strcmp(b->name, AC_COSIGNKEY_PEM) == 0 ||
	    strcmp(b->name, AC_COSIGNKEY_PEM_OLD) == 0)
		return from_cosign(b, ask, what, err);
	if (strstr(b->name, "PUBLIC KEY") != NULL)
		(void)ac_err_set(err, AC_E_INVALID,
				 "it is a public key; signing takes the "
				 "private one");
	else
		(void)unknown("private", b->name, err);
	return NULL;
}

struct ac_pkey *ac_pkey_private(const char *pem, size_t len,
				const struct ac_pkey_ask *ask, const char *what,
				struct ac_err *err)
{
	AC_CLEANUP(block_release) struct block b = {.name = NULL};
	EVP_PKEY *evp;

	if (only_block(pem, len, &b, err) < 0 || b.name == NULL)
		return NULL;
	evp = private_from(&b, ask, what, err);
	return evp != NULL ? ac_pkey_adopt(evp, err) : NULL;
}
