/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/sitekeys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/codec/pgp.h"
#include "common/codec/pkey.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "fetch/sitefile.h"

#define OPENPGP "pubkeys.gpg"
#define PLAIN   ".pub"

enum { MAX_KEYS = 8 << 20, MAX_PLAIN = 1 << 16, MAX_FILES = 100 };

void site_keys_release(struct site_keys *k)
{
	ac_sig_keys_release(&k->keys);
	ac_strv_release(&k->files);
}

/* The keys of TEXT into V: a newer copy of a key takes the place of the old. */
static int merge_keys(struct ac_strv *fingerprints, struct ac_strv *armoured,
		      const struct ac_buf *text, const char *what,
		      struct ac_err *err)
{
	struct ac_pgp_key *keys = NULL;
	size_t n = 0;
	int r = 0;

	if (ac_pgp_keys(ac_buf_str(text), text->len, what, &keys, &n, err) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++) {
		char *one = NULL;
		size_t at = 0;

		r = ac_pgp_extract(ac_buf_str(text), text->len, what,
				   keys[i].fingerprint, &one, err);
		while (at < fingerprints->n &&
		       strcmp(fingerprints->v[at], keys[i].fingerprint) != 0)
			at++;
		if (r == 0 && at < fingerprints->n) {
			free(armoured->v[at]);
			armoured->v[at] = one;
		} else if (r == 0) {
			ac_strv_push(fingerprints, keys[i].fingerprint);
			ac_strv_take(armoured, one);
		}
	}
	ac_pgp_keys_free(keys, n);
	return r;
}

/* A plain key is its file. */
static int put_plain(int dirfd, const struct ac_buf *text, struct ac_err *err)
{
	AC_PKEY struct ac_pkey *key =
		ac_pkey_public(ac_buf_str(text), text->len, err);
	AC_CLEANUP(ac_buf_release) struct ac_buf pem = AC_BUF_INIT(MAX_PLAIN);
	char id[AC_DIGEST_TEXT];
	AC_FREE char *file = NULL;

	if (key == NULL || ac_pkey_write_public(key, &pem, err) < 0 ||
	    ac_buf_check(&pem, "a key", err) < 0)
		return -1;
	ac_digest_hex(ac_pkey_id(key), id);
	file = ac_xasprintf("%s" PLAIN, id);
	return site_put(dirfd, file, ac_buf_str(&pem), pem.len, err);
}

/* What is in OPENPGP already: 1, 0 when it is not there. */
static int read_openpgp(int dirfd, struct ac_buf *out, struct ac_err *err)
{
	if (ac_io_read_regular(dirfd, OPENPGP, out, err) == 0)
		return 1;
	if (err->code != AC_E_NOT_FOUND)
		return -1;
	*err = AC_ERR_INIT;
	return 0;
}

/* Add the key files to the site. */
static int add_keys(int dirfd, const struct ac_strv *more, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv fingerprints = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv armoured = AC_STRV_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf all = AC_BUF_INIT(MAX_KEYS);
	int r = read_openpgp(dirfd, &all, err);

	if (r < 0 ||
	    (r > 0 && all.len != 0 &&
	     merge_keys(&fingerprints, &armoured, &all, OPENPGP, err) < 0))
		return -1;
	for (size_t i = 0; i < more->n; i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf text = AC_BUF_INIT(MAX_KEYS);

		r = ac_io_read_file(AT_FDCWD, more->v[i], &text, err);
		if (r == 0)
			r = ac_pkey_is_pem(ac_buf_str(&text), text.len)
				    ? put_plain(dirfd, &text, err)
				    : merge_keys(&fingerprints, &armoured,
						 &text, more->v[i], err);
		if (r < 0)
			return ac_err_ctx(err, "--key '%s'", more->v[i]);
	}
	if (armoured.n == 0)
		return 0;
	ac_buf_reset(&all);
	for (size_t i = 0; i < armoured.n; i++)
		ac_buf_adds(&all, armoured.v[i]);
	if (ac_buf_check(&all, OPENPGP, err) < 0)
		return -1;
	return site_put(dirfd, OPENPGP, ac_buf_str(&all), all.len, err);
}

static bool is_plain(const char *name)
{
	return ac_hex_is(name, 64, PLAIN);
}

int site_keys_files(int dirfd, struct ac_strv *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv all = AC_STRV_INIT;

	if (ac_io_names(dirfd, ".", &all) < 0)
		return ac_err_sys(err, errno, "list the site");
	if (ac_strv_has(&all, OPENPGP))
		ac_strv_push(out, OPENPGP);
	for (size_t i = 0; i < all.n; i++)
		if (is_plain(all.v[i]))
			ac_strv_push(out, all.v[i]);
	/* Clients look at so many tags of a page (D4). */
	if (out->n > MAX_FILES)
		return ac_err_set(err, AC_E_LIMIT, "more than %d files of keys",
				  MAX_FILES);
	return 0;
}

static int take_file(struct site_keys *k, int dirfd, const char *name,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_KEYS);
	char id[AC_DIGEST_TEXT];

	if (ac_io_read_regular(dirfd, name, &text, err) < 0)
		return -1;
	if (is_plain(name)) {
		AC_PKEY struct ac_pkey *key =
			ac_pkey_public(ac_buf_str(&text), text.len, err);

		if (key == NULL)
			return ac_err_ctx(err, "'%s'", name);
		ac_digest_hex(ac_pkey_id(key), id);
		if (strncmp(id, name, 64) != 0)
			return ac_err_set(err, AC_E_INVALID,
					  "'%s' is not the key that its name "
					  "says",
					  name);
	}
	return text.len == 0 ? 0
			     : ac_sig_keys_add(&k->keys, ac_buf_str(&text),
					       text.len, name, err);
}

int site_keys_read(struct site_keys *k, int dirfd, const struct ac_strv *more,
		   struct ac_err *err)
{
	if ((more->n != 0 && add_keys(dirfd, more, err) < 0) ||
	    site_keys_files(dirfd, &k->files, err) < 0)
		return -1;
	for (size_t i = 0; i < k->files.n; i++)
		if (take_file(k, dirfd, k->files.v[i], err) < 0)
			return -1;
	return 0;
}
