/* SPDX-License-Identifier: Apache-2.0 */
/* sign --key: by a plain key pair. */
#include <stdlib.h>
#include <string.h>

#include "actool/keyfile.h"
#include "actool/sign.h"
#include "common/base/alloc.h"
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/message.h"
#include "common/codec/pkey.h"
#include "common/codec/sigstore.h"
#include "common/store/sig.h"

enum { MAX_TEXT = 2 << 20 };

struct maker {
	struct ac_pkey *key;
	enum ac_alg alg;
	bool bundle; /* else bare */
	bool raw;    /* bare, and not in base64 */
};

static int bare(const struct maker *k, struct ac_message *m, struct ac_buf *out,
		struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf sig = AC_BUF_INIT(AC_PKEY_MAX_SIGNATURE);

	if (k->raw)
		return ac_pkey_sign(k->key, m, k->alg, out, err);
	if (ac_pkey_sign(k->key, m, k->alg, &sig, err) < 0)
		return -1;
	ac_base64_encode(out, ac_buf_str(&sig), sig.len);
	return 0;
}

/* Are there bundles in OLD, and room for another? */
static int check_old(const char *old, size_t len, struct ac_err *err)
{
	struct ac_str rest = ac_strn(old, len);
	struct ac_str one;
	size_t n = 0;

	while (ac_sigstore_next(&rest, &one)) {
		AC_CLEANUP(ac_sigstore_release)
		struct ac_sigstore b = {.hint = NULL};

		if (ac_sigstore_parse(&b, one.p, one.len, err) < 0)
			return ac_err_ctx(err, "what is there already");
		if (++n >= AC_SIGSTORE_MAX_BUNDLES)
			return ac_err_set(err, AC_E_LIMIT,
					  "there are %zu bundles already", n);
	}
	return 0;
}

/* OLD bundles, each on a line of its own, in front of what comes. */
static int add_old(struct ac_buf *out, const char *old, size_t len,
		   struct ac_err *err)
{
	struct ac_str rest = ac_strn(old, len);
	struct ac_str one;

	if (check_old(old, len, err) < 0)
		return -1;
	while (ac_sigstore_next(&rest, &one)) {
		ac_buf_add(out, one.p, one.len);
		ac_buf_addc(out, '\n');
	}
	return 0;
}

static int make(void *ctx, const struct ac_sig_file *f, const char *old,
		size_t old_len, char **text, size_t *len, struct ac_err *err)
{
	struct ac_message m;
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(MAX_TEXT);
	const struct maker *k = ctx;
	int r;

	if (old != NULL && add_old(&out, old, old_len, err) < 0)
		return -1;
	if (ac_message_file(&m, f->fd, f->name, err) < 0)
		return -1;
	r = k->bundle ? ac_sigstore_sign(k->key, &m, k->alg, &out, err)
		      : bare(k, &m, &out, err);
	if (r < 0 || ac_message_unchanged(&m, err) < 0)
		return -1;
	*len = out.len;
	*text = ac_buf_steal(&out);
	return 0;
}

static void maker_free(void *ctx)
{
	struct maker *k = ctx;

	ac_pkey_free(k->key);
	free(k);
}

/* --digest, or what is usual for the key. */
static int choose_digest(struct maker *k, const char *name, struct ac_err *err)
{
	static const enum ac_alg known[] = {AC_SHA256, AC_SHA384, AC_SHA512};

	k->alg = ac_pkey_digest(k->key);
	if (name == NULL)
		return 0;
	if (ac_pkey_is_ed25519(k->key))
		return ac_err_set(err, AC_E_USAGE,
				  "--digest: an Ed25519 key has no choice of "
				  "digests");
	for (size_t i = 0; i < AC_LEN(known); i++)
		if (strcmp(name, ac_digest_alg_name(known[i])) == 0) {
			k->alg = known[i];
			break;
		}
	return 0;
}

static void choose_form(struct maker *k, const char *type)
{
	k->bundle = type == NULL || strcmp(type, "sigstore") == 0;
	k->raw = type != NULL && strcmp(type, "raw") == 0;
}

int sig_key_maker(struct sig_maker *m, const struct sign_opts *o,
		  const struct ac_secret *secret, struct ac_err *err)
{
	struct maker *k = ac_xcalloc(1, sizeof(*k));

	*m = (struct sig_maker){.ctx = k, .make = make, .free = maker_free};
	choose_form(k, o->type);
	m->suffix = k->bundle ? ac_sig_sigstore.suffix : ac_sig_bare.suffix;
	k->key = keyfile_load(o->key, secret, err);
	if (k->key != NULL && choose_digest(k, o->digest, err) == 0)
		return 0;
	maker_free(k);
	return -1;
}
