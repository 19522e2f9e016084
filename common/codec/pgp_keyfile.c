/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_keyfile.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/codec/pgp_gpg.h"
#include "common/codec/pgp_in.h"
#include "common/codec/pgp_sigfile.h"

enum {
	MAX_KEYS = 10000,  /* in a ring */
	MAX_PIECES = 1000, /* of a key */
	MIN_BITS = 2048,
	KEY_ID = 16,
};
enum sigtype {
	OF_USER = 0x10,   /* to 0x13: over an identity */
	OF_SUBKEY = 0x18, /* binds it */
	OF_KEY = 0x1f,    /* over the key itself */
	REVOKES_KEY = 0x20,
};
enum { MAY_SIGN = 2 }; /* of a key's flags */

static void release_block(struct ac_pgp_block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		ac_buf_release(&b->v[i].packet);
		ac_buf_release(&b->v[i].sigs);
	}
	free(b->v);
	*b = (struct ac_pgp_block){.v = NULL};
}

void ac_pgp_blocks_release(struct ac_pgp_blocks *b)
{
	for (size_t i = 0; i < b->n; i++)
		release_block(&b->v[i]);
	free(b->v);
	*b = AC_PGP_BLOCKS_INIT;
}

/* The fingerprint (RFC 9580, 5.5.4) of the key with the body BODY. */
static bool fingerprint(struct ac_pgp_in body, char out[65])
{
	unsigned char head[5] = {0x99, (unsigned char)(body.len >> 8),
				 (unsigned char)body.len};
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int version = body.len != 0 ? body.p[0] : 0;
	EVP_MD_CTX *c;
	unsigned int n = 0;
	bool ok;

	if ((version != 4 && version != 5 && version != 6) ||
	    body.len > UINT16_MAX)
		return false;
	if (version > 4) {
		head[0] = version == 5 ? 0x9a : 0x9b;
		head[1] = head[2] = 0;
		head[3] = (unsigned char)(body.len >> 8);
		head[4] = (unsigned char)body.len;
	}
	c = EVP_MD_CTX_new();
	ok = c != NULL &&
	     EVP_DigestInit_ex(c, version == 4 ? EVP_sha1() : EVP_sha256(),
			       NULL) == 1 &&
	     EVP_DigestUpdate(c, head, version == 4 ? 3 : 5) == 1 &&
	     EVP_DigestUpdate(c, body.p, body.len) == 1 &&
	     EVP_DigestFinal_ex(c, md, &n) == 1 && n <= 32;
	EVP_MD_CTX_free(c);
	if (ok)
		ac_hex_encode(out, md, n);
	return ok;
}

/* Is the number that comes next long enough? */
static bool is_long(struct ac_pgp_in in)
{
	size_t bits;

	return ac_pgp_take_number(&in, 2, &bits) && bits >= MIN_BITS &&
	       in.len >= (bits + 7) / 8 && in.p[0] >> ((bits - 1) & 7) == 1;
}

static bool is_strong(struct ac_pgp_in body)
{
	size_t v;
	size_t algorithm;
	struct ac_pgp_in created;

	if (!ac_pgp_take_number(&body, 1, &v) ||
	    !ac_pgp_take(&body, 4, &created) ||
	    !ac_pgp_take_number(&body, 1, &algorithm) ||
	    (v > 4 && !ac_pgp_take(&body, 4, &created)))
		return false;
	switch (algorithm) {
	case AC_PGP_RSA:
	case AC_PGP_RSA_SIGN:
	case AC_PGP_DSA:
		return is_long(body);
	case AC_PGP_ECDSA: /* gpg has strong curves only */
	case AC_PGP_EDDSA:
		return true;
	default:
		return false;
	}
}

static struct ac_pgp_piece *push(struct ac_pgp_block *b, unsigned int tag)
{
	struct ac_pgp_piece *p;

	b->v = ac_xrealloc(b->v, b->n + 1, sizeof(*b->v));
	p = &b->v[b->n++];
	*p = (struct ac_pgp_piece){.tag = tag,
				   .packet = AC_BUF_INIT(SIZE_MAX),
				   .sigs = AC_BUF_INIT(SIZE_MAX)};
	return p;
}

/* S ends as the fingerprint FPR does: it is it, or its id. */
static bool names(const char *s, const char *fpr)
{
	size_t n = strlen(s);
	size_t all = strlen(fpr);

	if (n >= 40)
		return strcmp(s, fpr) == 0;
	if (n != KEY_ID || all < KEY_ID)
		return false;
	/* Of the newer versions the id is the beginning. */
	return all == 40 ? strcmp(fpr + all - KEY_ID, s) == 0
			 : strncmp(fpr, s, KEY_ID) == 0;
}

const struct ac_pgp_block *ac_pgp_blocks_find(const struct ac_pgp_blocks *b,
					      const char *fpr, size_t *piece)
{
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < b->v[i].n; k++)
			if (names(fpr, b->v[i].v[k].fingerprint)) {
				if (piece != NULL)
					*piece = k;
				return &b->v[i];
			}
	return NULL;
}

const struct ac_pgp_block *ac_pgp_blocks_key(const struct ac_pgp_blocks *b,
					     const char *fpr)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(fpr, b->v[i].v[0].fingerprint) == 0)
			return &b->v[i];
	return NULL;
}

/* --- what the signatures over it say --- */

/* The next signature in IN. */
static bool next_sig(struct ac_pgp_in *in, struct ac_pgp_sigpacket *s)
{
	unsigned int tag;
	struct ac_pgp_in body;

	*s = (struct ac_pgp_sigpacket){.p = NULL};
	return ac_pgp_take_packet(in, &tag, &body) &&
	       ac_pgp_sigpacket_read(body, s);
}

static struct ac_pgp_in sigs_of(const struct ac_pgp_piece *p)
{
	return (struct ac_pgp_in){(const unsigned char *)ac_buf_str(&p->sigs),
				  p->sigs.len};
}

static bool about_key(const struct ac_pgp_sigpacket *s)
{
	return (s->type >= OF_USER && s->type <= OF_USER + 3) ||
	       s->type == OF_KEY;
}

/* What the key PRIMARY says of itself at P. */
struct said {
	size_t n;
	bool signs;   /* each time */
	bool expires; /* at least once */
};

static void look(const struct ac_pgp_piece *primary,
		 const struct ac_pgp_piece *p, struct said *out)
{
	struct ac_pgp_in in = sigs_of(p);
	struct ac_pgp_sigpacket s;

	while (in.len != 0) {
		if (!next_sig(&in, &s)) {
			out->signs = false; /* who knows */
			out->expires = true;
			return;
		}
		if (s.issuer[0] != '\0' &&
		    !names(s.issuer, primary->fingerprint)) {
			/* Whoever passes a key on can write there that a
			 * signature is somebody else's. */
			if (!s.issuer_signed) {
				out->signs = false;
				out->expires = true;
			}
			continue;
		}
		if (p->tag == TAG_PUBLIC_SUBKEY ? s.type != OF_SUBKEY
						: !about_key(&s))
			continue;
		out->n++;
		if (s.key_flags < 0 || (s.key_flags & MAY_SIGN) == 0)
			out->signs = false;
		if (s.key_expires)
			out->expires = true;
	}
}

bool ac_pgp_block_signs(const struct ac_pgp_block *b, size_t piece)
{
	struct said primary = {.signs = true};
	struct said sub = {.signs = true};

	if (!b->v[0].strong || !b->v[piece].strong)
		return false;
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].tag != TAG_PUBLIC_SUBKEY)
			look(&b->v[0], &b->v[i], &primary);
	if (piece == 0)
		return primary.n != 0 && primary.signs;
	look(&b->v[0], &b->v[piece], &sub);
	return sub.n != 0 && sub.signs && !primary.expires;
}

/* Has it an identity that it says is its own?  gpg takes no other. */
static bool usable(const struct ac_pgp_block *b)
{
	for (size_t i = 1; i < b->n; i++) {
		struct said s = {.n = 0};

		if (b->v[i].tag == TAG_USER_ID)
			look(&b->v[0], &b->v[i], &s);
		if (s.n != 0)
			return true;
	}
	return false;
}

/* --- keyrings --- */

static bool same(const struct ac_buf *a, const struct ac_buf *b)
{
	return a->len == b->len &&
	       memcmp(ac_buf_str(a), ac_buf_str(b), a->len) == 0;
}

static struct ac_pgp_piece *find_piece(struct ac_pgp_block *b,
				       const struct ac_pgp_piece *p)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].tag == p->tag && same(&b->v[i].packet, &p->packet))
			return &b->v[i];
	return NULL;
}

static int too_many(const char *what, struct ac_err *err)
{
	return ac_err_set(err, AC_E_LIMIT,
			  "%s: too many keys, or too many "
			  "identities of one",
			  what);
}

/* What NEW knows and OLD does not. */
static int merge(struct ac_pgp_block *old, struct ac_pgp_block *new,
		 const char *what, struct ac_err *err)
{
	for (size_t i = 0; i < new->n; i++) {
		struct ac_pgp_piece *from = &new->v[i];
		struct ac_pgp_piece *to = find_piece(old, from);

		if (to == NULL && old->n == MAX_PIECES)
			return too_many(what, err);
		if (to == NULL) {
			to = push(old, from->tag);
			memcpy(to->fingerprint, from->fingerprint,
			       sizeof(to->fingerprint));
			to->strong = from->strong;
			ac_buf_add(&to->packet, ac_buf_str(&from->packet),
				   from->packet.len);
		} else if (same(&to->sigs, &from->sigs)) {
			continue;
		}
		ac_buf_add(&to->sigs, ac_buf_str(&from->sigs), from->sigs.len);
	}
	return 0;
}

/* The key NEW, which is emptied, into B: 1; 0 when it is of no use. */
static int take_block(struct ac_pgp_blocks *b, struct ac_pgp_block *new,
		      const char *what, struct ac_err *err)
{
	if (new->n == 0 || !usable(new)) {
		release_block(new);
		return 0;
	}
	for (size_t i = 0; i < b->n; i++) {
		int r;

		if (strcmp(b->v[i].v[0].fingerprint, new->v[0].fingerprint) !=
		    0)
			continue;
		r = merge(&b->v[i], new, what, err);
		release_block(new);
		return r < 0 ? -1 : 1;
	}
	if (b->n == MAX_KEYS)
		return too_many(what, err);
	b->v = ac_xrealloc(b->v, b->n + 1, sizeof(*b->v));
	b->v[b->n++] = *new;
	*new = (struct ac_pgp_block){.v = NULL};
	return 1;
}

/* A signature without a key before it: 1 when it revokes a known one. */
static int take_revocation(struct ac_pgp_blocks *b, struct ac_pgp_in packet,
			   struct ac_pgp_in body)
{
	struct ac_pgp_sigpacket s = {.p = NULL};

	if (!ac_pgp_sigpacket_read(body, &s) || s.type != REVOKES_KEY)
		return 0;
	for (size_t i = 0; i < b->n; i++)
		if (names(s.issuer, b->v[i].v[0].fingerprint)) {
			ac_buf_add(&b->v[i].v[0].sigs, packet.p, packet.len);
			return 1;
		}
	return 0;
}

static bool is_piece(unsigned int tag)
{
	return tag == TAG_PUBLIC_KEY || tag == TAG_PUBLIC_SUBKEY ||
	       tag == TAG_USER_ID || tag == TAG_ATTRIBUTE;
}

/* A key, a subkey or an identity begins.  One that gpg does not know either is
 * passed over, with what belongs to it: 0. */
static int begin_piece(struct ac_pgp_block *b, unsigned int tag,
		       struct ac_pgp_in packet, struct ac_pgp_in body)
{
	bool key = tag == TAG_PUBLIC_KEY || tag == TAG_PUBLIC_SUBKEY;
	char fpr[65] = "";
	struct ac_pgp_piece *p;

	if ((key && !fingerprint(body, fpr)) ||
	    (b->n == 0 && tag != TAG_PUBLIC_KEY))
		return 0;
	p = push(b, tag);
	memcpy(p->fingerprint, fpr, sizeof(fpr));
	p->strong = key && is_strong(body);
	ac_buf_add(&p->packet, packet.p, packet.len);
	return 1;
}

/* The keys in IN: how many are of use. */
static int read_blocks(struct ac_pgp_blocks *b, struct ac_pgp_block *now,
		       struct ac_pgp_in in, const char *what,
		       struct ac_err *err)
{
	int n = 0;
	int into = 0; /* what the signatures that come belong to is in NOW */

	while (in.len != 0) {
		struct ac_pgp_in packet = in;
		struct ac_pgp_in body;
		unsigned int tag;
		int r = 0;

		if (!ac_pgp_take_packet(&in, &tag, &body))
			break; /* what came before it is taken */
		packet.len -= in.len;
		if (tag == TAG_PUBLIC_KEY || tag == TAG_SECRET_KEY ||
		    tag == TAG_SECRET_SUBKEY) {
			r = take_block(b, now, what, err);
			into = 0;
		} else if (tag == TAG_SIGNATURE && into != 0) {
			ac_buf_add(&now->v[now->n - 1].sigs, packet.p,
				   packet.len);
		} else if (tag == TAG_SIGNATURE && now->n == 0) {
			r = take_revocation(b, packet, body);
		}
		if (r < 0)
			return -1;
		n += r;
		if (n == MAX_KEYS || (is_piece(tag) && now->n == MAX_PIECES))
			return too_many(what, err);
		if (is_piece(tag))
			into = begin_piece(now, tag, packet, body);
	}
	return n;
}

int ac_pgp_blocks_add(struct ac_pgp_blocks *b, const void *text, size_t len,
		      const char *what, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf bytes = AC_BUF_INIT(len);
	AC_CLEANUP(release_block) struct ac_pgp_block now = {.v = NULL};
	struct ac_err bad = AC_ERR_INIT;
	struct ac_pgp_in in;
	int n = 0;
	int last;

	if (ac_pgp_dearmour_keys(text, len, &bytes, &bad) == 0) {
		in = (struct ac_pgp_in){(const unsigned char *)ac_buf_str(
						&bytes),
					bytes.len};
		n = read_blocks(b, &now, in, what, err);
		last = n >= 0 ? take_block(b, &now, what, err) : -1;
		if (last < 0)
			return -1;
		n += last;
	}
	if (n != 0)
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "%s: no usable OpenPGP public key in it", what);
}

static void write_pieces(const struct ac_pgp_block *b, bool subkeys,
			 struct ac_buf *out)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct ac_pgp_piece *p = &b->v[i];

		if ((p->tag == TAG_PUBLIC_SUBKEY) != subkeys)
			continue;
		ac_buf_add(out, ac_buf_str(&p->packet), p->packet.len);
		ac_buf_add(out, ac_buf_str(&p->sigs), p->sigs.len);
	}
}

void ac_pgp_block_write(const struct ac_pgp_block *b, struct ac_buf *out)
{
	/* Whatever was merged: gpg wants the subkeys last. */
	write_pieces(b, false, out);
	write_pieces(b, true, out);
}
