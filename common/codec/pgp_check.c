/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/codec/pgp_gpg.h"
#include "common/codec/pgp_sigfile.h"

enum {
	CLOCK_SKEW = 10 * 60, /* seconds that clocks may differ */
	MAX_SAID = 64 << 20,  /* by gpg */
};

/* The numbers of RFC 9580, 9.5. */
enum hash { MD5 = 1, SHA1 = 2, RIPEMD160 = 3, SHA256 = 8, SHA224 = 11 };

static void free_sigs(struct ac_pgp_sig *sigs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(sigs[i].fingerprint);
		free(sigs[i].subkey);
		free(sigs[i].identity);
		free(sigs[i].fault);
	}
	free(sigs);
}

void ac_pgp_result_release(struct ac_pgp_result *r)
{
	free_sigs(r->sigs, r->n);
	free_sigs(r->rejected, r->n_rejected);
	*r = (struct ac_pgp_result){.sigs = NULL};
}

static void add_sig(struct ac_pgp_result *out, struct ac_pgp_sig s)
{
	bool good = s.fault == NULL;
	struct ac_pgp_sig **list = good ? &out->sigs : &out->rejected;
	size_t *n = good ? &out->n : &out->n_rejected;

	*list = ac_xrealloc(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = s;
}

/* A signature that is rejected before gpg sees it; FAULT is taken over. */
static void reject(struct ac_pgp_result *out, enum ac_code code,
		   const struct ac_pgp_sigpacket *p, char *fault)
{
	add_sig(out, (struct ac_pgp_sig){
			     .fingerprint = ac_xstrdup(""),
			     .subkey = ac_xstrdup(p != NULL ? p->issuer : ""),
			     .identity = ac_xstrdup(""),
			     .created = p != NULL ? p->created : -1,
			     .code = code,
			     .fault = fault,
		     });
}

/* Why the packet P is not for gpg, or NULL.  Caller frees. */
static char *packet_fault(const struct ac_pgp_sigpacket *p)
{
	if (p->version != 3 && p->version != 4)
		return ac_xasprintf("a signature of version %u is unknown",
				    p->version);
	if (p->type == 1)
		return ac_xstrdup("made over text, whose line ends it does not "
				  "cover; sign the file as binary");
	if (p->type != 0)
		return ac_xasprintf("it certifies a key, or says something "
				    "else than that a file is signed (type "
				    "0x%02x)",
				    p->type);
	switch (p->hash) {
	case MD5:
		return ac_xstrdup("made with a digest that is weak, MD5");
	case SHA1:
		return ac_xstrdup("made with a digest that is weak, SHA-1");
	case RIPEMD160:
		return ac_xstrdup("made with a digest that is weak, RIPEMD160");
	default:
		break;
	}
	if (p->hash < SHA256 || p->hash > SHA224)
		return ac_xasprintf("made with an unknown digest, number %u",
				    p->hash);
	if (p->created > (int64_t)time(NULL) + CLOCK_SKEW)
		return ac_xstrdup("made in the future; is the clock right?");
	return NULL;
}

/* --- what gpg says --- */

/* What it found of a signature. */
enum verdict { NONE, GOOD, EXPIRED, KEY_EXPIRED, REVOKED, BAD, FAILED };
struct found {
	enum verdict verdict;
	unsigned int why;       /* of FAILED: its number */
	char fingerprint[65];   /* of the key that signed, or its id; lower */
	char primary[65];       /* of a good one: its primary key, says gpg */
	struct ac_str identity; /* of a good one; borrowed */
};

/* libgpg-error's numbers. */
enum { NO_PUBKEY = 9, UNSUPPORTED_ALGORITHM = 4 };

struct findings {
	struct found v[AC_PGP_MAX_SIGNATURES + 1];
	size_t n;
};

static void set_fingerprint(char out[65], struct ac_str hex)
{
	if (hex.len < 16 || hex.len >= 65)
		return;
	for (size_t i = 0; i < hex.len; i++)
		out[i] = (char)tolower((unsigned char)hex.p[i]);
	out[hex.len] = '\0';
}

/* The next word of LINE. */
static struct ac_str word(struct ac_str *line)
{
	struct ac_str w = ac_str("");

	(void)ac_str_cut(line, ' ', &w);
	return w;
}

static enum verdict verdict(struct ac_str keyword)
{
	static const struct {
		const char *keyword;
		enum verdict verdict;
	} all[] = {
		{"GOODSIG", GOOD},      {"EXPSIG", EXPIRED},
		{"REVKEYSIG", REVOKED}, {"EXPKEYSIG", KEY_EXPIRED},
		{"BADSIG", BAD},        {"ERRSIG", FAILED},
	};

	for (size_t i = 0; i < AC_LEN(all); i++)
		if (ac_str_eq(keyword, all[i].keyword))
			return all[i].verdict;
	return NONE;
}

static unsigned int number(struct ac_str s)
{
	unsigned int n = 0;

	for (size_t i = 0;
	     i < s.len && n < 100000 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (unsigned int)(s.p[i] - '0');
	return n;
}

/* "ERRSIG id algorithm digest class time why fingerprint", "VALIDSIG
 * fingerprint ...", and "GOODSIG id identity" with others like it. */
static void read_status(struct findings *all, struct ac_str line)
{
	struct ac_str keyword = word(&line);
	enum verdict v = verdict(keyword);
	struct found *f = all->n != 0 ? &all->v[all->n - 1] : NULL;

	if (f != NULL && ac_str_eq(keyword, "VALIDSIG")) {
		set_fingerprint(f->fingerprint, word(&line));
		for (int i = 0; i < 8; i++)
			(void)word(&line);
		set_fingerprint(f->primary, word(&line));
	}
	if (v == NONE || all->n == AC_LEN(all->v))
		return;
	f = &all->v[all->n++];
	*f = (struct found){.verdict = v};
	set_fingerprint(f->fingerprint, word(&line));
	f->identity = line;
	if (v != FAILED)
		return;
	for (int i = 0; i < 4; i++)
		(void)word(&line);
	f->why = number(word(&line));
	set_fingerprint(f->fingerprint, word(&line));
}

static void read_findings(const struct ac_buf *b, struct findings *all)
{
	static const char prefix[] = "[GNUPG:] ";
	struct ac_str rest = ac_strn(ac_buf_str(b), b->len);
	struct ac_str line;

	all->n = 0;
	while (rest.len != 0) {
		(void)ac_str_cut(&rest, '\n', &line);
		if (ac_str_starts(line, prefix))
			read_status(all,
				    ac_strn(line.p + sizeof(prefix) - 1,
					    line.len - sizeof(prefix) + 1));
	}
}

/* Text in which "%25" is a percent sign.  Caller frees. */
static char *unescape(struct ac_str s)
{
	struct ac_buf b = AC_BUF_INIT(s.len + 1);
	uint8_t c;

	while (s.len != 0) {
		size_t n = 1;

		if (s.len >= 3 && s.p[0] == '%' &&
		    ac_hex_decode(&c, 1, s.p + 1, 2) == 0 && c != 0)
			n = 3;
		ac_buf_addc(&b, n == 3 ? (char)c : s.p[0]);
		s = ac_strn(s.p + n, s.len - n);
	}
	if (b.len == 0) {
		ac_buf_release(&b);
		return ac_xstrdup("");
	}
	return ac_buf_steal(&b);
}

/* --- what it means --- */

/* Why F does not count, or NULL.  KEY (NULL: not in the ring) made it.  Caller
 * frees. */
static char *fault(const struct found *f, const struct ac_gpg_key *key)
{
	char *why;

	switch (f->verdict) {
	case GOOD:
		return ac_gpg_key_fault(key, f->fingerprint);
	case BAD:
		return ac_xstrdup("it does not match the content");
	case EXPIRED:
		return ac_xstrdup("the signature has expired");
	case REVOKED:
		return ac_xstrdup("the key was revoked");
	case KEY_EXPIRED:
		return ac_xstrdup("the key has expired");
	default:
		break;
	}
	if (f->why == UNSUPPORTED_ALGORITHM)
		return ac_xstrdup("gpg does not know the key's algorithm");
	why = key != NULL ? ac_gpg_key_fault(key, f->fingerprint) : NULL;
	return why != NULL ? why
			   : ac_xstrdup("the key may not sign: gpg refuses "
					"it, as it does a subkey without "
					"cross-certification");
}

static void write_ring(const struct ac_pgp_ring *r, struct ac_buf *out)
{
	for (size_t i = 0; i < r->keys.n; i++)
		ac_pgp_block_write(&r->keys.v[i], out);
}

/* The key B as gpg knows it; *key is NULL when it does not. */
static int ask(struct ac_pgp_ring *r, const struct ac_pgp_block *b,
	       const struct ac_gpg_key **key, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf ring = AC_BUF_INIT(SIZE_MAX);

	*key = NULL;
	if (!r->asked) {
		write_ring(r, &ring);
		if (ac_gpg_list(&ring, &r->known, err) < 0)
			return -1;
		r->asked = true;
	}
	for (size_t i = 0; i < r->known.n; i++)
		if (strcmp(r->known.v[i].v[0].fingerprint,
			   b->v[0].fingerprint) == 0)
			*key = &r->known.v[i];
	return 0;
}

/* The piece of B with the fingerprint FPR. */
static bool piece_of(const struct ac_pgp_block *b, const char *fpr,
		     size_t *piece)
{
	for (*piece = 0; *piece < b->n; (*piece)++)
		if (strcmp(b->v[*piece].fingerprint, fpr) == 0)
			return true;
	return false;
}

/* A good one, by a key of which no question is left: 1. */
static int take_plain(const struct ac_pgp_ring *r, const struct found *f,
		      const struct ac_pgp_sigpacket *p,
		      struct ac_pgp_result *out)
{
	size_t piece = 0;
	const struct ac_pgp_block *b = ac_pgp_blocks_key(&r->keys, f->primary);

	if (f->verdict != GOOD || strlen(f->fingerprint) < 40 || b == NULL ||
	    !piece_of(b, f->fingerprint, &piece) ||
	    !ac_pgp_block_signs(b, piece))
		return 0;
	add_sig(out, (struct ac_pgp_sig){
			     .fingerprint = ac_xstrdup(b->v[0].fingerprint),
			     .subkey = ac_xstrdup(f->fingerprint),
			     .identity = unescape(f->identity),
			     .created = p->created,
			     .code = AC_E_VERIFY,
		     });
	return 1;
}

static int take_sig(struct ac_pgp_ring *r, struct found *f,
		    const struct ac_pgp_sigpacket *p, struct ac_pgp_result *out,
		    struct ac_err *err)
{
	const struct ac_gpg_key *key = NULL;
	const struct ac_pgp_block *b;
	size_t piece = 0;

	if (f->verdict == FAILED && f->why == NO_PUBKEY) {
		reject(out, AC_E_NOT_FOUND, p, ac_xstrdup(AC_PGP_STRANGER));
		return 0;
	}
	if (take_plain(r, f, p, out) != 0)
		return 0;
	b = ac_pgp_blocks_find(&r->keys, f->fingerprint, &piece);
	if (b != NULL && ask(r, b, &key, err) < 0)
		return -1;
	if (key == NULL) {
		reject(out, AC_E_VERIFY, p, ac_xstrdup("gpg has lost its key"));
		return 0;
	}
	if (f->verdict == GOOD &&
	    strcmp(f->primary, key->v[0].fingerprint) != 0) {
		reject(out, AC_E_VERIFY, p,
		       ac_xstrdup("another trusted key says that this one's "
				  "subkey is its own"));
		return 0;
	}
	/* Of an id, the fingerprint. */
	memcpy(f->fingerprint, b->v[piece].fingerprint, sizeof(f->fingerprint));
	add_sig(out,
		(struct ac_pgp_sig){
			.fingerprint = ac_xstrdup(key->v[0].fingerprint),
			.subkey = ac_xstrdup(f->fingerprint),
			.identity = ac_xstrdup(key->identities.n != 0
						       ? key->identities.v[0]
						       : ""),
			.created = p->created,
			.code = AC_E_VERIFY,
			.fault = fault(f, key),
		});
	return 0;
}

/* Have gpg look at the packets P[0..N) in one pass over D.  1: done; 0: it did
 * not look at all of them (it ends at the first bad one), and OUT has nothing
 * of them. */
static int run_gpg(struct ac_pgp_ring *r,
		   const struct ac_pgp_sigpacket *const *p, size_t n,
		   const struct ac_gpg_data *d, struct ac_pgp_result *out,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf ring = AC_BUF_INIT(SIZE_MAX);
	AC_CLEANUP(ac_buf_release) struct ac_buf said = AC_BUF_INIT(MAX_SAID);
	struct findings found;

	write_ring(r, &ring);
	if (ac_gpg_verify(&ring, p, n, d, &said, err) < 0)
		return -1;
	read_findings(&said, &found);
	if (found.n != n)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (take_sig(r, &found.v[i], p[i], out, err) < 0)
			return -1;
	return 1;
}

/* All in one pass; when one is bad, each in a pass of its own, so that none
 * hides another. */
static int check_packets(struct ac_pgp_ring *r,
			 const struct ac_pgp_sigpacket *const *p, size_t n,
			 const struct ac_gpg_data *d, struct ac_pgp_result *out,
			 struct ac_err *err)
{
	int done = n != 0 ? run_gpg(r, p, n, d, out, err) : 1;

	if (done != 0)
		return done < 0 ? -1 : 0;
	for (size_t i = 0; i < n; i++) {
		done = run_gpg(r, p + i, 1, d, out, err);
		if (done < 0)
			return -1;
		if (done == 0)
			reject(out, AC_E_INVALID, p[i],
			       ac_xstrdup("a damaged OpenPGP signature"));
	}
	return 0;
}

static int check_all(struct ac_pgp_ring *r, const void *sig, size_t len,
		     const struct ac_gpg_data *d, struct ac_pgp_result *out,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(len);
	const struct ac_pgp_sigpacket *asked[AC_PGP_MAX_SIGNATURES] = {NULL};
	struct ac_pgp_sigfile all;
	struct ac_err why = AC_ERR_INIT;
	size_t n = 0;

	if (ac_pgp_dearmour(sig, len, &b, &why) < 0 ||
	    ac_pgp_sigfile_read(ac_buf_str(&b), b.len, &all, &why) < 0) {
		reject(out, AC_E_INVALID, NULL, ac_xstrdup(why.msg));
		return 0;
	}
	for (size_t i = 0; i < all.n; i++) {
		char *fault_text = packet_fault(&all.v[i]);

		if (fault_text != NULL)
			reject(out, AC_E_VERIFY, &all.v[i], fault_text);
		else
			asked[n++] = &all.v[i];
	}
	return check_packets(r, asked, n, d, out, err);
}

int ac_pgp_check(struct ac_pgp_ring *r, const void *sig, size_t len, int fd,
		 const char *what, struct ac_pgp_result *out,
		 struct ac_err *err)
{
	return ac_pgp_check_growing(r, sig, len, fd, NULL, what, out, err);
}

int ac_pgp_check_growing(struct ac_pgp_ring *r, const void *sig, size_t len,
			 int fd, struct ac_growing *grows, const char *what,
			 struct ac_pgp_result *out, struct ac_err *err)
{
	const struct ac_gpg_data d = {.fd = fd, .grows = grows, .what = what};

	*out = (struct ac_pgp_result){.sigs = NULL};
	if (check_all(r, sig, len, &d, out, err) == 0)
		return 0;
	ac_pgp_result_release(out);
	return -1;
}
