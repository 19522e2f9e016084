/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures by plain keys: Sigstore bundles, and the bare signatures that
 * openssl and cosign write. */
#include "common/store/sig.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/base64.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/message.h"
#include "common/codec/pkey.h"
#include "common/codec/sigstore.h"
#include "common/store/keystore.h"
#include "common/sys/growing.h"

enum {
	MAX_BUNDLE = 8 << 20,
	MAX_BARE = 4 * AC_PKEY_MAX_SIGNATURE, /* base64 in lines */
};

struct key {
	struct ac_pkey *pkey;
	char *id;     /* lower hex of its identity */
	char *hint;   /* the same as bundles spell it */
	char *file;   /* where it comes from */
	bool trusted; /* by the keystore; else of a key file */
};
struct keys {
	struct key *v;
	size_t n;
};

/* Take P over. */
static void push_key(void **keys, struct ac_pkey *p, const char *file,
		     bool trusted)
{
	struct keys *k = *keys;
	char id[AC_DIGEST_TEXT];

	if (k == NULL) {
		k = ac_xcalloc(1, sizeof(*k));
		*keys = k;
	}
	ac_digest_hex(ac_pkey_id(p), id);
	k->v = ac_xrealloc(k->v, k->n + 1, sizeof(*k->v));
	k->v[k->n++] = (struct key){.pkey = p,
				    .id = ac_xstrdup(id),
				    .hint = ac_sigstore_hint(p),
				    .file = ac_xstrdup(file),
				    .trusted = trusted};
}

static int add_key(void **keys, const char *text, size_t len, const char *file,
		   struct ac_err *err)
{
	struct ac_pkey *p = ac_pkey_public(text, len, err);

	if (p == NULL)
		return -1;
	push_key(keys, p, file, false);
	return 0;
}

static void key_release(struct key *k)
{
	ac_pkey_free(k->pkey);
	free(k->id);
	free(k->hint);
	free(k->file);
}

static void free_keys(void *keys)
{
	struct keys *k = keys;

	for (size_t i = 0; k != NULL && i < k->n; i++)
		key_release(&k->v[i]);
	if (k != NULL)
		free(k->v);
	free(k);
}

static void drop_trusted(struct keys *k)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].trusted)
			key_release(&k->v[i]);
		else
			k->v[kept++] = k->v[i];
	k->n = kept;
}

/* Warn of bad files when TELL. */
static void trust(void **keys, const struct ac_trust *t, bool tell)
{
	struct keys *k = *keys;

	if (k != NULL)
		drop_trusted(k);
	for (size_t i = 0; i < t->n; i++) {
		struct ac_pkey *p = t->v[i].kind == AC_KEY_PEM
					    ? ac_trust_pem(&t->v[i], tell)
					    : NULL;

		if (p != NULL)
			push_key(keys, p, t->v[i].path, true);
	}
	k = *keys;
	if (k != NULL && k->n == 0) {
		free_keys(k);
		*keys = NULL;
	}
}

static int trust_bundle(void **keys, const struct ac_trust *t,
			struct ac_err *err)
{
	(void)err;
	trust(keys, t, true);
	return 0;
}

/* The keys are those of bundles: what is bad was said. */
static int trust_bare(void **keys, const struct ac_trust *t, struct ac_err *err)
{
	(void)err;
	trust(keys, t, false);
	return 0;
}

static void add_good(struct ac_sigs *out, const char *kind, const struct key *k)
{
	ac_sigs_add(out,
		    (struct ac_sig){.kind = kind,
				    .key = ac_xstrdup(k->id),
				    .identity =
					    ac_xasprintf("%s (%s)", k->file,
							 ac_pkey_name(k->pkey)),
				    .created = -1});
}

/* K may be NULL: nobody knows whose it is. */
static void add_bad(struct ac_sigs *out, const char *kind, const struct key *k,
		    const char *reason)
{
	ac_sigs_add(out,
		    (struct ac_sig){.kind = kind,
				    .key = k != NULL ? ac_xstrdup(k->id) : NULL,
				    .created = -1,
				    .reason = ac_xstrdup(reason)});
}

/* A good signature stays so while its key is there; for others it matters
 * which keys were tried. */
static bool recheck(const void *keys, const void *now, struct ac_sig *s)
{
	const struct keys *k = now;

	(void)keys;
	for (size_t i = 0; s->reason == NULL && k != NULL && i < k->n; i++)
		if (strcmp(k->v[i].id, s->key) == 0)
			return true;
	return false;
}

/* The file F, when all of it is there. */
static int whole(struct ac_message *m, const struct ac_sig_file *f,
		 struct ac_err *err)
{
	if (f->grows != NULL && ac_growing_wait_end(f->grows, err) < 0)
		return -1;
	return ac_message_file(m, f->fd, f->name, err);
}

/* --- bundles --- */

/* JSON, which base64 never looks like; raw bytes may begin as it does, but are
 * no text. */
static bool is_bundle(const char *text, size_t len)
{
	struct ac_str s = ac_str_trim(ac_strn(text, len));

	return (ac_str_starts(s, "{") || ac_str_starts(s, "[")) &&
	       strlen(text) == len && ac_str_utf8(text);
}

/* The key that the bundle names, or NULL. */
static const struct key *named(const struct keys *k,
			       const struct ac_sigstore *b)
{
	for (size_t i = 0; i < k->n && b->hint != NULL; i++)
		if (strcmp(k->v[i].hint, b->hint) == 0)
			return &k->v[i];
	return NULL;
}

static void reject(struct ac_sigs *out, const struct keys *keys,
		   const struct ac_sigstore *b)
{
	const struct key *k = named(keys, b);
	AC_FREE char *reason = NULL;

	if (k != NULL) {
		add_bad(out, ac_sig_sigstore.kind, k,
			"bad signature: the file or the signature was "
			"changed");
		return;
	}
	reason = b->hint == NULL || b->hint[0] == '\0'
			 ? ac_xstrdup("it is not by any of the keys given")
			 : ac_xasprintf("it is not by any of the keys given, "
					"but by the one that it calls '%s'",
					b->hint);
	add_bad(out, ac_sig_sigstore.kind, NULL, reason);
}

/* A hint as everybody writes it says whose the signature is; others may mean
 * any key. */
static int claims_of(const struct keys *keys, struct ac_str one,
		     struct ac_sig_claims *out, struct ac_err *err)
{
	AC_CLEANUP(ac_sigstore_release)
	struct ac_sigstore b = {.hint = NULL};
	const struct key *k;
	uint8_t id[AC_BASE64_ROOM(64)];
	char hex[2 * sizeof(id) + 1];
	size_t n = 0;

	if (ac_sigstore_parse(&b, one.p, one.len, err) < 0)
		return -1;
	k = keys != NULL ? named(keys, &b) : NULL;
	if (k != NULL) {
		if (!ac_strv_has(&out->known, k->id))
			ac_strv_push(&out->known, k->id);
	} else if (!b.enveloped && b.hint != NULL && strlen(b.hint) == 44 &&
		   ac_base64_decode(b.hint, 44, id, &n) == 0 && n == 32) {
		ac_hex_encode(hex, id, n);
		ac_strv_push(&out->unknown, hex);
	} else {
		out->unsaid++;
	}
	return 0;
}

/* One that is broken hides no other. */
static int claims_bundle(void *keys, const char *text, size_t len,
			 struct ac_sig_claims *out, struct ac_err *err)
{
	struct ac_str rest = ac_strn(text, len);
	struct ac_str one;
	size_t good = 0;

	*err = AC_ERR_INIT;
	for (size_t n = 0;
	     n < AC_SIGSTORE_MAX_BUNDLES && ac_sigstore_next(&rest, &one);
	     n++) {
		struct ac_err bad = AC_ERR_INIT;

		if (claims_of(keys, one, out, &bad) == 0)
			good++;
		else if (err->code == AC_OK)
			*err = bad;
	}
	if (good != 0) {
		*err = AC_ERR_INIT;
		return 0;
	}
	return err->code != AC_OK
		       ? -1
		       : ac_err_set(err, AC_E_INVALID, "the file is empty");
}

/* The one signature of B over M. */
static int check_one(const struct keys *k, const struct ac_sigstore *b,
		     struct ac_message *m, struct ac_sigs *out,
		     struct ac_err *err)
{
	for (size_t i = 0; i < k->n; i++) {
		int r = ac_sigstore_verify(b, k->v[i].pkey, m, err);

		if (r < 0 && err->code != AC_E_VERIFY)
			return -1;
		if (r < 0) {
			add_bad(out, ac_sig_sigstore.kind, &k->v[i], err->msg);
			*err = AC_ERR_INIT;
			return 0;
		}
		if (r > 0) {
			add_good(out, ac_sig_sigstore.kind, &k->v[i]);
			return 0;
		}
	}
	reject(out, k, b);
	return 0;
}

/* The Nth bundle of a file. */
static int check_text(const struct keys *keys, struct ac_str one, size_t n,
		      const char *source, struct ac_message *m,
		      struct ac_sigs *out, struct ac_err *err)
{
	AC_CLEANUP(ac_sigstore_release)
	struct ac_sigstore b = {.hint = NULL};
	struct ac_err broken = AC_ERR_INIT;

	if (ac_sigstore_parse(&b, one.p, one.len, &broken) < 0) {
		if (n > 1)
			(void)ac_err_ctx(&broken, "bundle %zu", n);
		(void)ac_err_ctx(&broken, "'%s'", source);
		add_bad(out, ac_sig_sigstore.kind, NULL, broken.msg);
		return 0;
	}
	if (b.logged)
		ac_debug("'%s': its entries of a transparency log are not "
			 "looked at; the key decides",
			 source);
	return check_one(keys, &b, m, out, err);
}

static int check_bundle(void *keys, const struct ac_sig_file *f,
			const char *text, size_t len, const char *source,
			struct ac_sigs *out, struct ac_err *err)
{
	struct ac_str rest = ac_strn(text, len);
	struct ac_message m;
	struct ac_str one;
	size_t n = 0;

	if (whole(&m, f, err) < 0)
		return -1;
	while (ac_sigstore_next(&rest, &one)) {
		if (++n > AC_SIGSTORE_MAX_BUNDLES) {
			add_bad(out, ac_sig_sigstore.kind, NULL,
				"there are more bundles in the file than are "
				"looked at (32)");
			break;
		}
		if (check_text(keys, one, n, source, &m, out, err) < 0)
			return -1;
	}
	if (n == 0)
		add_bad(out, ac_sig_sigstore.kind, NULL, "the file is empty");
	return ac_message_unchanged(&m, err);
}

/* --- bare signatures --- */

/* Nothing about raw bytes says what they are. */
static bool is_bare(const char *text, size_t len)
{
	(void)text;
	return len != 0 && len <= MAX_BARE;
}

/* The base64 in TEXT, perhaps in lines, decoded: false when it is none. */
static bool decode(const char *text, size_t len, uint8_t *out, size_t *n)
{
	char flat[MAX_BARE];
	size_t to = 0;

	if (len > sizeof(flat))
		return false;
	for (size_t i = 0; i < len; i++)
		if (strchr("\r\n\t ", text[i]) == NULL || text[i] == '\0')
			flat[to++] = text[i];
	return to != 0 && ac_base64_decode(flat, to, out, n) == 0;
}

static int check_bytes(const struct keys *k, struct ac_message *m,
		       const uint8_t *sig, size_t n, struct ac_sigs *out,
		       struct ac_err *err)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct key *key = &k->v[i];
		int r = ac_pkey_verify(key->pkey, m, ac_pkey_digest(key->pkey),
				       sig, n, err);

		if (r > 0)
			add_good(out, ac_sig_bare.kind, key);
		if (r != 0)
			return r;
	}
	return 0;
}

static int claims_bare(void *keys, const char *text, size_t len,
		       struct ac_sig_claims *out, struct ac_err *err)
{
	(void)keys;
	(void)text;
	(void)len;
	(void)err;
	out->unsaid++;
	return 0;
}

static int check_bare(void *keys, const struct ac_sig_file *f, const char *text,
		      size_t len, const char *source, struct ac_sigs *out,
		      struct ac_err *err)
{
	struct ac_message m;
	uint8_t bytes[AC_BASE64_ROOM(MAX_BARE)];
	size_t n;
	int r = 0;

	(void)source;
	if (whole(&m, f, err) < 0)
		return -1;
	if (decode(text, len, bytes, &n))
		r = check_bytes(keys, &m, bytes, n, out, err);
	if (r == 0)
		r = check_bytes(keys, &m, (const uint8_t *)text, len, out, err);
	if (r < 0)
		return -1;
	if (r == 0)
		add_bad(out, ac_sig_bare.kind, NULL,
			"the signature is not by any of the keys given, or the "
			"file or the signature was changed");
	return ac_message_unchanged(&m, err);
}

const struct ac_sig_method ac_sig_sigstore = {
	.kind = "sigstore",
	.what = "Sigstore bundle",
	.suffix = ".sigstore.json",
	.max = MAX_BUNDLE,
	.is_key = ac_pkey_is_pem,
	.is_signature = is_bundle,
	.add_key = add_key,
	.trust = trust_bundle,
	.free_keys = free_keys,
	.claims = claims_bundle,
	.check = check_bundle,
	.recheck = recheck,
};

const struct ac_sig_method ac_sig_bare = {
	.kind = "bare",
	.what = "bare signature",
	.suffix = ".sig",
	.max = MAX_BARE,
	.is_key = ac_pkey_is_pem,
	.is_signature = is_bare,
	.add_key = add_key,
	.trust = trust_bare,
	.free_keys = free_keys,
	.claims = claims_bare,
	.check = check_bare,
	.recheck = recheck,
};
