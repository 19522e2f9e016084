/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp_packet.h"
#include "common/codec/pgp_sym.h"
#include "common/codec/pgpcrypt.h"
#include "common/sys/secret.h"

enum {
	PART_LOG = 20, /* a part of a packet has 1 MiB, but the last */
	PART = 1 << PART_LOG,
	HEAD = 6,
};

/* A packet that is written in parts, because its length is not known. */
struct parts {
	int tag;
	bool begun;
	uint8_t *buf; /* HEAD bytes of room, then the part */
	size_t n;
};

struct ac_pgp_encrypt {
	ac_sink_fn sink;
	void *ctx;
	EVP_CIPHER_CTX *aes;
	EVP_MD_CTX *sha1;
	struct parts outer, literal;
	uint8_t *sealed; /* what was encrypted last */
};

/* The part in P with its header in front: where it begins. */
static uint8_t *seal(struct parts *p, bool last, size_t *len)
{
	uint8_t head[HEAD];
	size_t n = 0;

	if (!p->begun)
		head[n++] = (uint8_t)(0xc0 | p->tag);
	p->begun = true;
	if (last) {
		head[n++] = 0xff;
		for (int shift = 24; shift >= 0; shift -= 8)
			head[n++] = (uint8_t)(p->n >> shift);
	} else {
		head[n++] = 0xe0 | PART_LOG;
	}
	memcpy(p->buf + HEAD - n, head, n);
	*len = n + p->n;
	p->n = 0;
	return p->buf + HEAD - n;
}

static int outer_add(struct ac_pgp_encrypt *e, const uint8_t *p, size_t n,
		     struct ac_err *err)
{
	while (n != 0) {
		size_t step = PART - e->outer.n < n ? PART - e->outer.n : n;
		uint8_t *out;

		memcpy(e->outer.buf + HEAD + e->outer.n, p, step);
		e->outer.n += step;
		p += step;
		n -= step;
		if (e->outer.n < PART)
			continue;
		out = seal(&e->outer, false, &step);
		if (e->sink(e->ctx, out, step, err) < 0)
			return -1;
	}
	return 0;
}

/* N bytes of the message, encrypted and hashed. */
static int secret_add(struct ac_pgp_encrypt *e, const uint8_t *p, size_t n,
		      struct ac_err *err)
{
	if (ac_pgp_sha1_add(e->sha1, p, n, err) < 0 ||
	    ac_pgp_cfb_run(e->aes, p, e->sealed, n, err) < 0)
		return -1;
	return outer_add(e, e->sealed, n, err);
}

/* The session key is that of the passphrase. */
static int begin(struct ac_pgp_encrypt *e, const struct ac_secret *secret,
		 struct ac_err *err)
{
	struct ac_pgp_s2k s2k = {.type = AC_PGP_S2K_ITERATED,
				 .hash = AC_PGP_SHA512,
				 .count = AC_PGP_COUNT_MAX};
	uint8_t key[AC_PGP_MAX_KEY];
	uint8_t skesk[] = {0xc0 | AC_PGP_SKESK,
			   4 + AC_PGP_SALT + 1,
			   4,
			   AC_PGP_AES256,
			   AC_PGP_S2K_ITERATED,
			   AC_PGP_SHA512,
			   [6 + AC_PGP_SALT] = AC_PGP_COUNT_MAX};
	uint8_t prefix[AC_PGP_PREFIX];
	int ret;

	if (RAND_bytes(s2k.salt, AC_PGP_SALT) != 1 ||
	    RAND_bytes(prefix, AC_PGP_BLOCK) != 1)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "OpenSSL has no random numbers");
	memcpy(skesk + 6, s2k.salt, AC_PGP_SALT);
	memcpy(prefix + AC_PGP_BLOCK, prefix + AC_PGP_BLOCK - 2, 2);
	ret = ac_pgp_s2k(&s2k, secret, key, sizeof(key), err);
	if (ret == 0)
		e->aes = ac_pgp_cfb_new(key, err);
	explicit_bzero(key, sizeof(key));
	e->sha1 = ac_pgp_sha1(err);
	if (ret < 0 || e->aes == NULL || e->sha1 == NULL ||
	    e->sink(e->ctx, skesk, sizeof(skesk), err) < 0)
		return -1;
	return outer_add(e, (const uint8_t *)"\x01", 1, err) < 0
		       ? -1
		       : secret_add(e, prefix, sizeof(prefix), err);
}

struct ac_pgp_encrypt *ac_pgp_encrypt_new(struct ac_secret *secret,
					  const char *what, ac_sink_fn sink,
					  void *ctx, struct ac_err *err)
{
	AC_CLEANUP(ac_pgp_encrypt_freep)
	struct ac_pgp_encrypt *e = ac_xcalloc(1, sizeof(*e));
	AC_FREE char *text = ac_xasprintf("New passphrase for '%.500s'", what);
	struct ac_secret_question q = {.text = text, .repeat = true};

	e->sink = sink;
	e->ctx = ctx;
	e->outer = (struct parts){.tag = AC_PGP_SEIPD,
				  .buf = ac_xmalloc(HEAD + PART)};
	e->literal = (struct parts){.tag = AC_PGP_LITERAL,
				    .buf = ac_xmalloc(HEAD + PART)};
	e->sealed = ac_xmalloc(HEAD + PART);
	/* Binary, without a name and a time. */
	memcpy(e->literal.buf + HEAD, "b\0\0\0\0", 6);
	e->literal.n = 6;
	if ((!secret->known && ac_secret_ask(secret, &q, err) < 0) ||
	    begin(e, secret, err) < 0)
		return NULL;
	return ac_steal_ptr(&e);
}

static int literal_part(struct ac_pgp_encrypt *e, bool last, struct ac_err *err)
{
	size_t n;
	const uint8_t *p = seal(&e->literal, last, &n);

	return secret_add(e, p, n, err);
}

int ac_pgp_encrypt_feed(struct ac_pgp_encrypt *e, const void *p, size_t n,
			struct ac_err *err)
{
	const uint8_t *b = p;

	while (n != 0) {
		size_t room = PART - e->literal.n;
		size_t step = room < n ? room : n;

		memcpy(e->literal.buf + HEAD + e->literal.n, b, step);
		e->literal.n += step;
		b += step;
		n -= step;
		if (e->literal.n == PART && literal_part(e, false, err) < 0)
			return -1;
	}
	return 0;
}

int ac_pgp_encrypt_finish(struct ac_pgp_encrypt *e, struct ac_err *err)
{
	uint8_t mdc[AC_PGP_MDC_SIZE] = {0xc0 | AC_PGP_MDC, 20};
	const uint8_t *out;
	size_t n;

	if (literal_part(e, true, err) < 0 ||
	    ac_pgp_sha1_add(e->sha1, mdc, 2, err) < 0 ||
	    ac_pgp_sha1_final(e->sha1, mdc + 2, err) < 0 ||
	    ac_pgp_cfb_run(e->aes, mdc, mdc, sizeof(mdc), err) < 0 ||
	    outer_add(e, mdc, sizeof(mdc), err) < 0)
		return -1;
	out = seal(&e->outer, true, &n);
	return e->sink(e->ctx, out, n, err);
}

void ac_pgp_encrypt_free(struct ac_pgp_encrypt *e)
{
	if (e == NULL)
		return;
	EVP_CIPHER_CTX_free(e->aes);
	EVP_MD_CTX_free(e->sha1);
	free(e->outer.buf);
	if (e->literal.buf != NULL)
		explicit_bzero(e->literal.buf, HEAD + PART);
	free(e->literal.buf);
	free(e->sealed);
	free(e);
}
