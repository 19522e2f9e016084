/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/sig.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/store/keystore.h"
#include "common/sys/spawn.h"

enum { MAX_KEYS = 16 << 20, MAX_SIGNATURE = 1 << 20, KEY_ID = 16 };

/* A file with public keys, in OpenPGP's format.  All owned. */
struct key_file {
	char *name;
	char *text;
	size_t len;
};
struct keys {
	struct ac_pgp_ring *ring;
	struct key_file *files;
	size_t n;
	struct ac_pgp_key *trusted; /* those of the keystore in the ring */
	size_t n_trusted;
};

/* Whatever no other kind takes: then the message is ours. */
static bool is_key(const char *text, size_t len)
{
	static const char pem[] = "-----BEGIN ";
	static const char pgp[] = "-----BEGIN PGP ";

	return memmem(text, len, pem, sizeof(pem) - 1) == NULL ||
	       memmem(text, len, pgp, sizeof(pgp) - 1) != NULL;
}

/* A packet of the tag "signature", in the old or the new form: its first bytes
 * up to the version, 3 to 6, and the type, 0 or 1.  The raw bytes of another
 * kind's signature may begin with any one byte. */
static bool is_packet(const unsigned char *p, size_t len)
{
	size_t head = 2;

	if (len < 8) /* so short is none */
		return false;
	if (p[0] == 0x89)
		head = 3;
	else if (p[0] == 0x8a)
		head = 5;
	else if (p[0] == 0xc2 && p[1] >= 192)
		head = p[1] == 255 ? 6 : 3;
	else if (p[0] != 0x88 && p[0] != 0xc2)
		return false;
	/* Version 3 has a length before the type. */
	return p[head] == 3 ? p[head + 1] == 5
			    : p[head] >= 4 && p[head] <= 6 && p[head + 1] <= 1;
}

static bool is_signature(const char *text, size_t len)
{
	static const char pgp[] = "-----BEGIN PGP ";

	return memmem(text, len, pgp, sizeof(pgp) - 1) != NULL ||
	       is_packet((const unsigned char *)text, len);
}

/* GnuPG's keybox is not OpenPGP: only gpg reads it. */
static int export_keybox(const char *file, struct ac_buf *b, struct ac_err *err)
{
	static const char *const words[] = {"gpg",
					    "--batch",
					    "--quiet",
					    "--no-options",
					    "--no-default-keyring",
					    "--no-auto-check-trustdb"};
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	int r;

	for (size_t i = 0; i < AC_LEN(words); i++)
		ac_strv_push(&argv, words[i]);
	ac_strv_push(&argv, "--keyring");
	/* A name without a slash is one in GnuPG's own directory. */
	ac_strv_pushf(&argv, "%s%s", file[0] == '/' ? "" : "./", file);
	ac_strv_push(&argv, "--export");
	r = ac_spawn_output(argv.v, b, err);
	if (r > 0)
		return ac_err_set(err, AC_E_INVALID,
				  "gpg cannot read the keyring (it ended with "
				  "%d)",
				  r);
	return r;
}

static void free_keys(void *keys)
{
	struct keys *k = keys;

	if (k == NULL)
		return;
	ac_pgp_ring_free(k->ring);
	for (size_t i = 0; i < k->n; i++) {
		free(k->files[i].name);
		free(k->files[i].text);
	}
	free(k->files);
	ac_pgp_keys_free(k->trusted, k->n_trusted);
	free(k);
}

/* The keys, a new set when there is none yet. */
static struct keys *need_keys(void **keys, struct ac_err *err)
{
	struct keys *k = *keys;

	if (k != NULL)
		return k;
	if (ac_pgp_ready(err) < 0)
		return NULL;
	k = ac_xcalloc(1, sizeof(*k));
	k->ring = ac_pgp_ring_new();
	*keys = k;
	return k;
}

static int add_key(void **keys, const char *text, size_t len, const char *file,
		   struct ac_err *err)
{
	static const char pem[] = "-----BEGIN PUBLIC KEY-----";
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_KEYS);
	bool keybox = len > 12 && memcmp(text + 8, "KBXf", 4) == 0;
	struct keys *k = need_keys(keys, err);

	if (k == NULL)
		return -1;
	/* gpg would pass it over without a word. */
	if (memmem(text, len, pem, sizeof(pem) - 1) != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "it has OpenPGP keys and a key in PEM; one "
				  "kind a file");
	if (!keybox)
		ac_buf_add(&b, text, len);
	else if (export_keybox(file, &b, err) < 0)
		return -1;
	if (ac_buf_check(&b, file, err) < 0 ||
	    ac_pgp_ring_add(k->ring, ac_buf_str(&b), b.len, file, err) < 0)
		return -1;
	k->files = ac_xrealloc(k->files, k->n + 1, sizeof(*k->files));
	k->files[k->n].name = ac_xstrdup(file);
	k->files[k->n].len = b.len;
	k->files[k->n++].text = ac_buf_steal(&b);
	return 0;
}

/* Start again with the key files only: a ring forgets nothing. */
static int restart(struct keys *k, struct ac_err *err)
{
	struct ac_pgp_ring *ring = ac_pgp_ring_new();

	ac_pgp_ring_free(k->ring);
	k->ring = ring;
	for (size_t i = 0; i < k->n; i++)
		if (ac_pgp_ring_add(ring, k->files[i].text, k->files[i].len,
				    k->files[i].name, err) < 0)
			return -1;
	return 0;
}

static int trust(void **keys, const struct ac_trust *t, struct ac_err *err)
{
	struct keys *k;

	if (*keys == NULL && !ac_trust_has_kind(t, AC_KEY_PGP))
		return 0;
	k = need_keys(keys, err);
	if (k == NULL)
		return -1;
	if (k->n_trusted != 0 && restart(k, err) < 0)
		return -1;
	ac_pgp_keys_free(k->trusted, k->n_trusted);
	k->trusted = NULL;
	k->n_trusted = 0;
	if (ac_trust_ring(t, k->ring, &k->trusted, &k->n_trusted, err) < 0)
		return -1;
	if (k->n_trusted == 0 && k->n == 0) {
		free_keys(k);
		*keys = NULL;
	}
	return 0;
}

static bool ends_with_id(const char *fingerprint, const char *id)
{
	size_t n = strlen(fingerprint);

	return n >= KEY_ID && strcmp(fingerprint + n - KEY_ID, id) == 0;
}

/* The trusted key that has the id, or NULL. */
static const struct ac_pgp_key *owner(const struct keys *k, const char *id)
{
	for (size_t i = 0; i < k->n_trusted; i++) {
		const struct ac_pgp_key *key = &k->trusted[i];

		if (ends_with_id(key->fingerprint, id))
			return key;
		for (size_t s = 0; s < key->subkeys.n; s++)
			if (ends_with_id(key->subkeys.v[s], id))
				return key;
	}
	return NULL;
}

static int claims(void *keys, const char *text, size_t len,
		  struct ac_sig_claims *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;

	if (ac_pgp_issuers(text, len, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		const struct ac_pgp_key *key =
			keys != NULL ? owner(keys, ids.v[i]) : NULL;

		if (key == NULL)
			ac_strv_push(&out->unknown, ids.v[i]);
		else if (!ac_strv_has(&out->known, key->fingerprint))
			ac_strv_push(&out->known, key->fingerprint);
	}
	return 0;
}

/* S, whose strings are moved out. */
static struct ac_sig take(struct ac_pgp_sig *s)
{
	struct ac_sig one = {.kind = ac_sig_openpgp.kind,
			     .created = s->created,
			     .stranger = s->code == AC_E_NOT_FOUND};

	if (s->fault != NULL)
		one.reason = ac_xstrdup(s->fault);
	if (strcmp(s->subkey, s->fingerprint) != 0)
		one.subkey = ac_steal_ptr(&s->subkey);
	if (s->fingerprint[0] != '\0')
		one.key = ac_steal_ptr(&s->fingerprint);
	if (s->identity[0] != '\0')
		one.identity = ac_steal_ptr(&s->identity);
	return one;
}

static int check(void *keys, const struct ac_sig_file *f, const char *text,
		 size_t len, const char *source, struct ac_sigs *out,
		 struct ac_err *err)
{
	AC_CLEANUP(ac_pgp_result_release) struct ac_pgp_result all = {0};
	struct keys *k = keys;

	if (ac_pgp_check_growing(k->ring, text, len, f->fd, f->grows, source,
				 &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		ac_sigs_add(out, take(&all.sigs[i]));
	for (size_t i = 0; i < all.n_rejected; i++)
		ac_sigs_add(out, take(&all.rejected[i]));
	return 0;
}

static const struct ac_pgp_ring *ring_of(const void *keys)
{
	const struct keys *k = keys;

	return k != NULL ? k->ring : NULL;
}

static bool recheck(const void *keys, const void *now, struct ac_sig *s)
{
	if (s->key == NULL ||
	    ac_pgp_ring_same(ring_of(keys), ring_of(now), s->key))
		return true;
	if (now != NULL && ac_pgp_ring_has(ring_of(now), s->key))
		return false;
	if (s->subkey == NULL)
		s->subkey = ac_steal_ptr(&s->key);
	free(s->key);
	free(s->identity);
	free(s->reason);
	s->key = s->identity = NULL;
	s->reason = ac_xstrdup(AC_PGP_STRANGER);
	s->stranger = true;
	return true;
}

const struct ac_sig_method ac_sig_openpgp = {
	.kind = "openpgp",
	.what = "OpenPGP signature",
	.suffix = ".asc",
	.max = MAX_SIGNATURE,
	.is_key = is_key,
	.is_signature = is_signature,
	.add_key = add_key,
	.trust = trust,
	.free_keys = free_keys,
	.claims = claims,
	.check = check,
	.recheck = recheck,
};
