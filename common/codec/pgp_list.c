/* SPDX-License-Identifier: Apache-2.0 */
/* What gpg knows of keys: its lines with colons (doc/DETAILS of GnuPG). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/codec/pgp_gpg.h"

enum {
	MAX_OUTPUT = 64 << 20,
	MIN_BITS = 2048,
};

/* The fields of a line, from 0. */
enum field {
	KIND = 0,
	VALIDITY = 1,
	BITS = 2,
	ALGORITHM = 3,
	TEXT = 9, /* a user id, or a fingerprint */
	CAPABILITIES = 11,
	FIELDS = 12,
};

void ac_gpg_keys_release(struct ac_gpg_keys *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->v[i].v);
		ac_strv_release(&k->v[i].identities);
	}
	free(k->v);
	*k = (struct ac_gpg_keys){.v = NULL};
}

static unsigned int number(struct ac_str s)
{
	unsigned int n = 0;

	for (size_t i = 0;
	     i < s.len && n < 1000000 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (unsigned int)(s.p[i] - '0');
	return n;
}

static bool has(struct ac_str s, char c)
{
	return memchr(s.p, c, s.len) != NULL;
}

/* A pub or a sub. */
static void add_subkey(struct ac_gpg_key *k, const struct ac_str *f)
{
	k->v = ac_xrealloc(k->v, k->n + 1, sizeof(*k->v));
	k->v[k->n++] = (struct ac_gpg_subkey){
		.algorithm = number(f[ALGORITHM]),
		.bits = number(f[BITS]),
		.revoked = has(f[VALIDITY], 'r'),
		.expired = has(f[VALIDITY], 'e'),
		.invalid = has(f[VALIDITY], 'i'),
		.disabled = has(f[VALIDITY], 'd') || has(f[CAPABILITIES], 'D'),
		.signs = has(f[CAPABILITIES], 's'),
	};
}

static void add_fingerprint(struct ac_gpg_subkey *s, struct ac_str text)
{
	if (s->fingerprint[0] != '\0' || text.len >= sizeof(s->fingerprint))
		return;
	for (size_t i = 0; i < text.len; i++)
		s->fingerprint[i] = (char)tolower((unsigned char)text.p[i]);
}

/* "\x3a" is a colon. */
static void add_identity(struct ac_gpg_key *k, struct ac_str text)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(text.len + 1);
	uint8_t c;

	while (text.len != 0) {
		if (text.len >= 4 && text.p[0] == '\\' && text.p[1] == 'x' &&
		    ac_hex_decode(&c, 1, text.p + 2, 2) == 0 && c != 0) {
			ac_buf_addc(&b, (char)c);
			text = ac_strn(text.p + 4, text.len - 4);
		} else {
			ac_buf_addc(&b, text.p[0]);
			text = ac_strn(text.p + 1, text.len - 1);
		}
	}
	ac_strv_push(&k->identities, ac_buf_str(&b));
}

static void read_line(struct ac_gpg_keys *all, struct ac_str line)
{
	struct ac_str f[FIELDS] = {{NULL, 0}};
	struct ac_gpg_key *k = all->n != 0 ? &all->v[all->n - 1] : NULL;

	for (size_t i = 0; i < FIELDS; i++) {
		f[i] = ac_str("");
		(void)ac_str_cut(&line, ':', &f[i]);
	}
	if (ac_str_eq(f[KIND], "pub")) {
		all->v = ac_xrealloc(all->v, all->n + 1, sizeof(*all->v));
		k = &all->v[all->n++];
		*k = (struct ac_gpg_key){.identities = AC_STRV_INIT,
					 .signs = has(f[CAPABILITIES], 'S')};
		add_subkey(k, f);
	} else if (k != NULL && ac_str_eq(f[KIND], "sub")) {
		add_subkey(k, f);
	} else if (k != NULL && ac_str_eq(f[KIND], "fpr")) {
		add_fingerprint(&k->v[k->n - 1], f[TEXT]);
	} else if (k != NULL && ac_str_eq(f[KIND], "uid")) {
		add_identity(k, f[TEXT]);
	}
}

int ac_gpg_list(const struct ac_buf *ring, struct ac_gpg_keys *out,
		struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_OUTPUT);
	struct ac_str rest;
	struct ac_str line;

	*out = (struct ac_gpg_keys){.v = NULL};
	if (ac_gpg_ask_keys(ring, &b, err) < 0)
		return -1;
	rest = ac_strn(ac_buf_str(&b), b.len);
	while (rest.len != 0) {
		(void)ac_str_cut(&rest, '\n', &line);
		read_line(out, line);
	}
	return 0;
}

/* Why S is too weak.  The curves that gpg has are all strong enough. */
static char *weakness(const struct ac_gpg_subkey *s)
{
	const char *name = "RSA";

	switch (s->algorithm) {
	case AC_PGP_RSA:
	case AC_PGP_RSA_ENCRYPT:
	case AC_PGP_RSA_SIGN:
		break;
	case AC_PGP_DSA:
		name = "DSA";
		break;
	case AC_PGP_ECDSA:
	case AC_PGP_EDDSA:
		return NULL;
	default:
		return ac_xstrdup("the key is of a kind that does not sign");
	}
	if (s->bits >= MIN_BITS)
		return NULL;
	return ac_xasprintf("the key is weak: %s with %u bits, at least %d are "
			    "needed",
			    name, s->bits, MIN_BITS);
}

static const char *subkey_fault(const struct ac_gpg_subkey *s)
{
	if (s->revoked)
		return "the key was revoked";
	if (s->expired)
		return "the key has expired";
	if (s->disabled)
		return "the key is disabled";
	if (s->invalid)
		return "the key is not valid";
	return NULL;
}

/* Why no subkey of KEY signs. */
static char *no_signer(const struct ac_gpg_key *key)
{
	for (size_t i = 0; i < key->n; i++)
		if (key->v[i].signs && subkey_fault(&key->v[i]) != NULL)
			return ac_xstrdup(subkey_fault(&key->v[i]));
	return ac_xstrdup("the key is not for signing");
}

char *ac_gpg_key_fault(const struct ac_gpg_key *key, const char *fpr)
{
	const char *why = subkey_fault(&key->v[0]);
	char *weak;
	size_t i = 0;

	if (why != NULL)
		return ac_xstrdup(why);
	weak = weakness(&key->v[0]);
	if (weak != NULL)
		return weak;
	if (fpr == NULL)
		return key->signs ? NULL : no_signer(key);
	while (i < key->n && strcmp(key->v[i].fingerprint, fpr) != 0)
		i++;
	if (i == key->n)
		return ac_xstrdup("the key does not have this subkey");
	why = subkey_fault(&key->v[i]);
	if (why == NULL && !key->v[i].signs)
		why = "the key is not for signing";
	return why != NULL ? ac_xstrdup(why) : weakness(&key->v[i]);
}
