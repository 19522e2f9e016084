/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/crypto.h>
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
	STEP = 64 << 10, /* decrypted at a time */
	MAX_SKESK = 8,   /* each costs up to a tenth of a second */
	MAX_PACKETS = 64,
	MAX_ESK = 64, /* bytes of a SKESK, at most 46 */
	QUESTIONS = 3,
	LITERAL_HEAD = 6,
	RATIO = 1000,
};

/* A SKESK: the passphrase gives the key, or one that hides it. */
struct skesk {
	int cipher;
	struct ac_pgp_s2k s2k;
	uint8_t hidden[1 + AC_PGP_MAX_KEY];
	size_t n_hidden; /* 0: it is the key itself */
};

/* Packets inside: level 0 is what was encrypted, level 1 what was compressed in
 * there. */
struct level {
	struct ac_pgp_decrypt *d;
	int depth;
	struct ac_pgp_packets packets;
	uint8_t head[LITERAL_HEAD];
	size_t n_head;
	size_t name; /* bytes of the name, still to be passed over */
};

struct ac_pgp_decrypt {
	struct ac_secret *secret;
	char *what;
	ac_sink_fn sink;
	void *ctx;
	bool sink_failed; /* what is wrong is not the message */

	uint8_t begin[AC_PGP_HEAD]; /* to see whether it is armoured */
	size_t n_begin;
	bool begun, armored;
	struct ac_pgp_armor armor;

	struct ac_pgp_packets outer;
	int count; /* of packets before the data */
	bool public_key;
	uint8_t esk[MAX_ESK];
	size_t n_esk;
	struct skesk skesks[MAX_SKESK];
	size_t n_skesks;
	int unknown; /* version of a SKESK that is of no use here, or 0 */

	bool has_version, done;
	uint8_t prefix[AC_PGP_PREFIX];
	size_t n_prefix;
	struct ac_pgp_uncfb *aes;
	EVP_MD_CTX *sha1;
	uint8_t *plain; /* up to MDC_SIZE bytes held back, and a step */
	size_t held;

	struct level levels[2];
	struct ac_unzip *unzip;
	bool has_literal;
};

bool ac_pgp_is_encrypted(const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t at; /* of the version */
	int tag;

	if (ac_pgp_is_armor(p, n))
		return true;
	if (n < 8 || (b[0] & 0x80) == 0)
		return false;
	if ((b[0] & 0x40) != 0) {
		tag = b[0] & 63;
		at = b[1] < 192 || b[1] >= 224 ? 2 : 3;
		at = b[1] == 255 ? 6 : at;
	} else {
		tag = (b[0] >> 2) & 15;
		at = 1 + ((size_t)1 << (b[0] & 3));
		if ((b[0] & 3) == 3)
			at = 1;
	}
	switch (tag) {
	case AC_PGP_MARKER:
		return n >= at + 3 && memcmp(b + at, "PGP", 3) == 0;
	case AC_PGP_SKESK:
		return b[at] >= 4 && b[at] <= 6;
	case AC_PGP_PKESK:
		return b[at] == 3 || b[at] == 6;
	case AC_PGP_SEIPD:
		return b[at] == 1 || b[at] == 2;
	default:
		return false;
	}
}

static int damaged(struct ac_err *err)
{
	return ac_err_set(err, AC_E_VERIFY,
			  "what is encrypted was damaged or changed since; get "
			  "it again");
}

static int refuse(const char *why, struct ac_err *err)
{
	return ac_err_set(err, AC_E_UNSUPPORTED, "%s", why);
}

/* --- inside --- */

static int level_feed(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct level *l = ctx;

	return ac_pgp_packets_feed(&l->packets, p, n, err);
}

static int inside_begin(void *ctx, int tag, struct ac_err *err)
{
	struct level *l = ctx;
	struct ac_pgp_decrypt *d = l->d;

	if (tag == AC_PGP_MARKER)
		return 0;
	if (tag == AC_PGP_SIGNATURE || tag == AC_PGP_ONE_PASS)
		return refuse("a signature is encrypted with it; the signature "
			      "of an image is a file of its own",
			      err);
	if (tag == AC_PGP_PKESK || tag == AC_PGP_SKESK || tag == AC_PGP_SED ||
	    tag == AC_PGP_SEIPD || tag == AC_PGP_AEAD)
		return refuse("it is encrypted more than once", err);
	if (d->has_literal || (l->depth == 0 && d->unzip != NULL))
		return ac_err_set(err, AC_E_INVALID,
				  "more than one file is encrypted in it");
	if (tag == AC_PGP_COMPRESSED && l->depth == 0) {
		l->n_head = 0;
		return 0;
	}
	if (tag != AC_PGP_LITERAL)
		return ac_err_set(
			err, AC_E_INVALID,
			"a packet of type %d is encrypted, not a file", tag);
	d->has_literal = true;
	l->n_head = l->name = 0;
	return 0;
}

static int start_unzip(struct level *l, int method, struct ac_err *err)
{
	static const enum ac_zip formats[] = {
		[1] = AC_ZIP_DEFLATE, [2] = AC_ZIP_ZLIB, [3] = AC_ZIP_BZIP2};
	static const struct ac_unzip_limits limits = {.max_ratio = RATIO};

	if (method < 1 || (size_t)method >= AC_LEN(formats))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "it is compressed by a method unknown here "
				  "(%d)",
				  method);
	l->d->unzip = ac_unzip_new(&limits, level_feed, l + 1);
	ac_unzip_expect(l->d->unzip, formats[method]);
	return 0;
}

static int compressed_body(struct level *l, const uint8_t *p, size_t n,
			   struct ac_err *err)
{
	if (l->n_head == 0) {
		if (start_unzip(l, *p, err) < 0)
			return -1;
		l->n_head = 1;
		p++;
		n--;
	}
	return ac_unzip_feed(l->d->unzip, p, n, err);
}

static int literal_data(struct ac_pgp_decrypt *d, const uint8_t *p, size_t n,
			struct ac_err *err)
{
	if (n == 0)
		return 0;
	if (d->sink(d->ctx, p, n, err) < 0) {
		d->sink_failed = true;
		return -1;
	}
	return 0;
}

static int literal_body(struct level *l, const uint8_t *p, size_t n,
			struct ac_err *err)
{
	size_t step;

	/* Format, length of the name; the name; four bytes of time. */
	while (n != 0 && l->n_head < LITERAL_HEAD) {
		if (l->n_head == 2 && l->name != 0) {
			step = l->name < n ? l->name : n;
			l->name -= step;
			p += step;
			n -= step;
			continue;
		}
		l->head[l->n_head++] = *p++;
		n--;
		if (l->n_head == 2)
			l->name = l->head[1];
	}
	if (l->n_head != 0 && l->head[0] != 'b')
		return refuse("it was encrypted as text, which changes bytes; "
			      "encrypt it as it is (gpg without --textmode)",
			      err);
	return literal_data(l->d, p, n, err);
}

static int inside_body(void *ctx, const uint8_t *p, size_t n,
		       struct ac_err *err)
{
	struct level *l = ctx;

	if (l->packets.tag == AC_PGP_COMPRESSED)
		return compressed_body(l, p, n, err);
	return l->packets.tag == AC_PGP_LITERAL ? literal_body(l, p, n, err)
						: 0;
}

static int inside_end(void *ctx, struct ac_err *err)
{
	struct level *l = ctx;

	if (l->packets.tag == AC_PGP_LITERAL && l->n_head < LITERAL_HEAD)
		return ac_err_set(err, AC_E_INVALID, "its file has no header");
	if (l->packets.tag != AC_PGP_COMPRESSED)
		return 0;
	if (l->n_head == 0)
		return ac_err_set(err, AC_E_INVALID, "it ends early");
	if (ac_unzip_finish(l->d->unzip, err) < 0)
		return -1;
	return ac_pgp_packets_finish(&l[1].packets, err);
}

/* Bytes that were encrypted. */
static int inside(struct ac_pgp_decrypt *d, const uint8_t *p, size_t n,
		  struct ac_err *err)
{
	if (level_feed(&d->levels[0], p, n, err) == 0)
		return 0;
	if (d->sink_failed || err->code == AC_E_UNSUPPORTED)
		return -1;
	return ac_err_ctx(err, "what is encrypted is damaged, or no file");
}

/* --- the key --- */

/* The body of a SKESK, kept if it is of use. */
static int take_skesk(struct ac_pgp_decrypt *d, struct ac_err *err)
{
	const uint8_t *p = d->esk;
	size_t n = d->n_esk;
	struct skesk *k = &d->skesks[d->n_skesks];
	size_t salt;

	if (n > MAX_ESK || n < 4)
		return ac_err_set(err, AC_E_INVALID,
				  "what should tell its key is damaged");
	if (p[0] != 4) {
		d->unknown = p[0];
		return 0;
	}
	if (ac_pgp_key_size(p[1]) == 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "it is encrypted by %s (cipher %d), not by "
				  "AES, which images are",
				  ac_pgp_cipher_name(p[1]), p[1]);
	*k = (struct skesk){.cipher = p[1],
			    .s2k = {.type = p[2], .hash = p[3]}};
	salt = p[2] == 0 ? 0 : AC_PGP_SALT;
	if ((p[2] != 0 && p[2] != 1 && p[2] != AC_PGP_S2K_ITERATED) ||
	    !ac_pgp_hash_known(p[3]))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "its passphrase becomes a key in a way "
				  "unknown here (method %d, digest %d)",
				  p[2], p[3]);
	if (n < 4 + salt + (p[2] == AC_PGP_S2K_ITERATED))
		return ac_err_set(err, AC_E_INVALID,
				  "what should tell its key is damaged");
	memcpy(k->s2k.salt, p + 4, salt);
	p += 4 + salt;
	n -= 4 + salt;
	if (k->s2k.type == AC_PGP_S2K_ITERATED) {
		k->s2k.count = *p++;
		n--;
	}
	if (n > sizeof(k->hidden))
		return ac_err_set(err, AC_E_INVALID,
				  "what should tell its key is damaged");
	memcpy(k->hidden, p, n);
	k->n_hidden = n;
	if (++d->n_skesks == MAX_SKESK)
		return ac_err_set(err, AC_E_LIMIT,
				  "it has more than %d passphrases",
				  MAX_SKESK - 1);
	return 0;
}

/* The key that K gives with the passphrase: 1, 0 when it is wrong, -1. */
static int key_of(const struct ac_pgp_decrypt *d, const struct skesk *k,
		  uint8_t key[AC_PGP_MAX_KEY], int *cipher, struct ac_err *err)
{
	size_t size = ac_pgp_key_size(k->cipher);
	uint8_t open[1 + AC_PGP_MAX_KEY];
	struct ac_pgp_uncfb *c;
	int ret;

	*cipher = k->cipher;
	if (ac_pgp_s2k(&k->s2k, d->secret, key, size, err) < 0)
		return -1;
	if (k->n_hidden == 0)
		return 1;
	c = ac_pgp_uncfb_new(k->cipher, key, err);
	if (c == NULL)
		return -1;
	ret = ac_pgp_uncfb_run(c, k->hidden, open, k->n_hidden, err);
	ac_pgp_uncfb_free(c);
	if (ret < 0)
		return -1;
	*cipher = open[0];
	size = ac_pgp_key_size(open[0]);
	if (size != 0 && size == k->n_hidden - 1)
		memcpy(key, open + 1, size);
	explicit_bzero(open, sizeof(open));
	return size != 0 && size == k->n_hidden - 1;
}

/* Begin to decrypt with the key of K: 1, 0 when it is the wrong one, -1. */
static int try_key(struct ac_pgp_decrypt *d, const struct skesk *k,
		   struct ac_err *err)
{
	uint8_t key[AC_PGP_MAX_KEY];
	uint8_t p[AC_PGP_PREFIX];
	int cipher;
	int ret = key_of(d, k, key, &cipher, err);

	if (ret > 0) {
		d->aes = ac_pgp_uncfb_new(cipher, key, err);
		ret = d->aes != NULL ? 1 : -1;
	}
	explicit_bzero(key, sizeof(key));
	if (ret <= 0 ||
	    ac_pgp_uncfb_run(d->aes, d->prefix, p, sizeof(p), err) < 0)
		return ret <= 0 ? ret : -1;
	if (memcmp(p + AC_PGP_BLOCK - 2, p + AC_PGP_BLOCK, 2) == 0)
		return ac_pgp_sha1_add(d->sha1, p, sizeof(p), err) < 0 ? -1 : 1;
	ac_pgp_uncfb_free(d->aes);
	d->aes = NULL;
	return 0;
}

static int try_keys(struct ac_pgp_decrypt *d, struct ac_err *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < d->n_skesks; i++)
		ret = try_key(d, &d->skesks[i], err);
	return ret;
}

/* The agent's name for the passphrase is the one that gpg uses. */
static int ask(struct ac_pgp_decrypt *d, struct ac_err *err)
{
	AC_FREE char *text = ac_xasprintf("Passphrase for '%.500s'", d->what);
	const uint8_t *s = d->skesks[0].s2k.salt;
	char id[2 + 2 * AC_PGP_SALT] = "S";
	struct ac_secret_question q = {.cache_id = id, .text = text};
	int ret = 0;

	for (size_t i = 0; i < AC_PGP_SALT; i++)
		for (size_t k = 0; k < 2; k++)
			id[1 + 2 * i + k] =
				"0123456789ABCDEF"[k == 0 ? s[i] >> 4
							  : s[i] & 15];
	for (int i = 0; ret == 0 && i < QUESTIONS; i++) {
		if (ac_secret_ask(d->secret, &q, err) < 0)
			return -1;
		ret = try_keys(d, err);
		ac_secret_release(d->secret);
		if (ret == 0)
			ac_secret_forget(d->secret, id);
		q.complaint = "Wrong passphrase";
	}
	return ret;
}

static int unlock(struct ac_pgp_decrypt *d, struct ac_err *err)
{
	int ret;

	if (d->n_skesks == 0 && d->unknown != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "it is encrypted in a form unknown here "
				  "(SKESK version %d)",
				  d->unknown);
	if (d->n_skesks == 0)
		return refuse(d->public_key
				      ? "it is encrypted for public keys; "
					"images are encrypted with a passphrase"
				      : "nothing in it tells its key",
			      err);
	if (d->secret == NULL)
		return ac_err_set(err, AC_E_DENIED,
				  "it is encrypted; 'actool decrypt' it first");
	d->sha1 = ac_pgp_sha1(err);
	if (d->sha1 == NULL)
		return -1;
	ret = d->secret->known ? try_keys(d, err) : ask(d, err);
	if (ret < 0)
		return d->secret->known ? -1
					: ac_err_ctx(err, "it is encrypted");
	if (ret == 0)
		return ac_err_set(err, AC_E_DENIED,
				  "it is encrypted, and the passphrase is "
				  "wrong");
	d->plain = ac_xmalloc(AC_PGP_MDC_SIZE + STEP);
	return 0;
}

/* --- outside --- */

static int outer_begin(void *ctx, int tag, struct ac_err *err)
{
	struct ac_pgp_decrypt *d = ctx;

	if (d->done)
		return ac_err_set(err, AC_E_INVALID,
				  "something follows the encrypted data");
	if (++d->count > MAX_PACKETS)
		return ac_err_set(err, AC_E_LIMIT,
				  "more than %d packets before its data",
				  MAX_PACKETS);
	d->n_esk = 0;
	switch (tag) {
	case AC_PGP_PKESK:
		d->public_key = true;
		return 0;
	case AC_PGP_SKESK:
	case AC_PGP_MARKER:
	case AC_PGP_SEIPD:
		return 0;
	case AC_PGP_SED:
		return ac_err_set(err, AC_E_VERIFY,
				  "it is encrypted without integrity "
				  "protection (MDC): nobody can tell whether "
				  "it was changed");
	case AC_PGP_AEAD:
		return refuse("it is encrypted in GnuPG's AEAD form; encrypt "
			      "it by 'actool encrypt', or 'gpg --rfc4880 "
			      "--symmetric'",
			      err);
	default:
		return ac_err_set(err, AC_E_INVALID,
				  "an OpenPGP packet of type %d is where "
				  "encrypted data should be",
				  tag);
	}
}

/* Decrypt, hold back what may be the end, pass on the rest. */
static int decrypt_step(struct ac_pgp_decrypt *d, const uint8_t *p, size_t n,
			struct ac_err *err)
{
	size_t ready;

	if (ac_pgp_uncfb_run(d->aes, p, d->plain + d->held, n, err) < 0)
		return -1;
	d->held += n;
	if (d->held <= AC_PGP_MDC_SIZE)
		return 0;
	ready = d->held - AC_PGP_MDC_SIZE;
	if (ac_pgp_sha1_add(d->sha1, d->plain, ready, err) < 0 ||
	    inside(d, d->plain, ready, err) < 0)
		return -1;
	memmove(d->plain, d->plain + ready, AC_PGP_MDC_SIZE);
	d->held = AC_PGP_MDC_SIZE;
	return 0;
}

static int data_body(struct ac_pgp_decrypt *d, const uint8_t *p, size_t n,
		     struct ac_err *err)
{
	size_t step;

	if (!d->has_version) {
		if (*p != 1)
			return ac_err_set(err, AC_E_UNSUPPORTED,
					  "it is encrypted in a form unknown "
					  "here (SEIPD version %d)",
					  *p);
		d->has_version = true;
		p++;
		n--;
	}
	if (d->n_prefix < AC_PGP_PREFIX) {
		step = AC_PGP_PREFIX - d->n_prefix;
		step = step < n ? step : n;
		memcpy(d->prefix + d->n_prefix, p, step);
		d->n_prefix += step;
		p += step;
		n -= step;
		if (d->n_prefix < AC_PGP_PREFIX)
			return 0;
		if (unlock(d, err) < 0)
			return -1;
	}
	for (; n != 0; p += step, n -= step) {
		step = n < STEP ? n : STEP;
		if (decrypt_step(d, p, step, err) < 0)
			return -1;
	}
	return 0;
}

static int outer_body(void *ctx, const uint8_t *p, size_t n, struct ac_err *err)
{
	struct ac_pgp_decrypt *d = ctx;

	if (d->outer.tag == AC_PGP_SEIPD)
		return data_body(d, p, n, err);
	for (; n != 0 && d->outer.tag == AC_PGP_SKESK && d->n_esk <= MAX_ESK;
	     p++, n--) {
		if (d->n_esk < MAX_ESK)
			d->esk[d->n_esk] = *p;
		d->n_esk++;
	}
	return 0;
}

/* Is what was held back the digest of all that came before? */
static int check_mdc(struct ac_pgp_decrypt *d, struct ac_err *err)
{
	uint8_t sum[20];

	if (d->held != AC_PGP_MDC_SIZE)
		return ac_err_set(err, AC_E_VERIFY,
				  "what is encrypted ends early");
	if (ac_pgp_sha1_add(d->sha1, d->plain, 2, err) < 0 ||
	    ac_pgp_sha1_final(d->sha1, sum, err) < 0)
		return -1;
	if (d->plain[0] != (0xc0 | AC_PGP_MDC) || d->plain[1] != sizeof(sum) ||
	    CRYPTO_memcmp(d->plain + 2, sum, sizeof(sum)) != 0)
		return damaged(err);
	return 0;
}

static int outer_end(void *ctx, struct ac_err *err)
{
	struct ac_pgp_decrypt *d = ctx;

	if (d->outer.tag == AC_PGP_SKESK)
		return take_skesk(d, err);
	if (d->outer.tag != AC_PGP_SEIPD)
		return 0;
	if (check_mdc(d, err) < 0 ||
	    ac_pgp_packets_finish(&d->levels[0].packets, err) < 0)
		return -1;
	if (!d->has_literal)
		return ac_err_set(err, AC_E_INVALID,
				  "no file is encrypted in "
				  "it");
	d->done = true;
	return 0;
}

static int outer_feed(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct ac_pgp_decrypt *d = ctx;

	return ac_pgp_packets_feed(&d->outer, p, n, err);
}

struct ac_pgp_decrypt *ac_pgp_decrypt_new(struct ac_secret *secret,
					  const char *what, ac_sink_fn sink,
					  void *ctx)
{
	struct ac_pgp_decrypt *d = ac_xcalloc(1, sizeof(*d));

	d->secret = secret;
	d->what = ac_xstrdup(what);
	d->sink = sink;
	d->ctx = ctx;
	d->armor = (struct ac_pgp_armor){.sink = outer_feed, .ctx = d};
	d->outer = (struct ac_pgp_packets){.begin = outer_begin,
					   .body = outer_body,
					   .end = outer_end,
					   .ctx = d};
	for (size_t i = 0; i < AC_LEN(d->levels); i++)
		d->levels[i] =
			(struct level){.d = d,
				       .depth = (int)i,
				       .packets = {.begin = inside_begin,
						   .body = inside_body,
						   .end = inside_end,
						   .ctx = &d->levels[i]}};
	return d;
}

static int feed(struct ac_pgp_decrypt *d, const void *p, size_t n,
		struct ac_err *err)
{
	return d->armored ? ac_pgp_armor_feed(&d->armor, p, n, err)
			  : outer_feed(d, p, n, err);
}

/* What was kept to look at. */
static int begin(struct ac_pgp_decrypt *d, struct ac_err *err)
{
	d->begun = true;
	d->armored = ac_pgp_is_armor(d->begin, d->n_begin);
	return feed(d, d->begin, d->n_begin, err);
}

int ac_pgp_decrypt_feed(struct ac_pgp_decrypt *d, const void *p, size_t n,
			struct ac_err *err)
{
	const uint8_t *b = p;

	if (!d->begun) {
		size_t room = sizeof(d->begin) - d->n_begin;
		size_t step = room < n ? room : n;

		if (step != 0)
			memcpy(d->begin + d->n_begin, b, step);
		d->n_begin += step;
		if (d->n_begin < sizeof(d->begin))
			return 0;
		if (begin(d, err) < 0)
			return -1;
		b += step;
		n -= step;
	}
	return n != 0 ? feed(d, b, n, err) : 0;
}

int ac_pgp_decrypt_finish(struct ac_pgp_decrypt *d, struct ac_err *err)
{
	if (!d->begun && begin(d, err) < 0)
		return -1;
	if (d->armored && ac_pgp_armor_finish(&d->armor, err) < 0)
		return -1;
	if (ac_pgp_packets_finish(&d->outer, err) < 0)
		return -1;
	return d->done ? 0
		       : ac_err_set(err, AC_E_INVALID,
				    "its encrypted data is missing");
}

void ac_pgp_decrypt_free(struct ac_pgp_decrypt *d)
{
	if (d == NULL)
		return;
	ac_pgp_uncfb_free(d->aes);
	EVP_MD_CTX_free(d->sha1);
	ac_unzip_free(d->unzip);
	if (d->plain != NULL)
		explicit_bzero(d->plain, AC_PGP_MDC_SIZE + STEP);
	free(d->plain);
	free(d->what);
	free(d);
}
