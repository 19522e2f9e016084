/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/pgp_gpgme.h"
#include "common/codec/pgp_sigfile.h"
#include "common/sys/io.h"
#include "common/sys/tree.h"

/* What gpg does with our ring: look at signatures with the keys that are in it,
 * and nothing else.  Whether a key is to be trusted the caller has decided by
 * adding it.  Nothing is started beside gpg, so nothing is left running. */
static const char ring_conf[] = "batch\n"
				"no-autostart\n"
				"no-auto-key-retrieve\n"
				"no-auto-key-locate\n"
				"no-auto-check-trustdb\n"
				"no-random-seed-file\n"
				"keyid-format long\n";

static int write_conf(const char *dir, struct ac_err *err)
{
	AC_FREE char *name = ac_xasprintf("%s/gpg.conf", dir);
	AC_CLOSE int fd =
		open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return ac_err_sys(err, errno, "create '%s'", name);
	return ac_io_write(fd, ring_conf, sizeof(ring_conf) - 1, name, err);
}

struct ac_pgp_ring *ac_pgp_ring_new(struct ac_err *err)
{
	struct ac_pgp_ring *r = ac_xcalloc(1, sizeof(*r));
	const char *tmp = getenv("TMPDIR");
	char *name = ac_xasprintf("%s/acutils-pgp-XXXXXX",
				  tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");

	if (mkdtemp(name) == NULL) {
		(void)ac_err_sys(err, errno, "make the directory '%s'", name);
		free(name);
	} else {
		r->dir = name;
		if (write_conf(name, err) == 0)
			r->ctx = ac_gpgme_ctx(name, err);
	}
	if (r->ctx == NULL) {
		ac_pgp_ring_free(r);
		return NULL;
	}
	gpgme_set_offline(r->ctx, 1);
	return r;
}

void ac_pgp_ring_free(struct ac_pgp_ring *r)
{
	struct ac_err ignored; /* a temporary directory stays: no harm */

	if (r == NULL)
		return;
	gpgme_release(r->ctx);
	if (r->dir != NULL && ac_tree_remove(AT_FDCWD, r->dir, &ignored) < 0)
		errno = 0;
	free(r->dir);
	free(r);
}

static void ring_freep(struct ac_pgp_ring **r)
{
	ac_pgp_ring_free(*r);
}
#define AC_RING AC_CLEANUP(ring_freep) struct ac_pgp_ring

int ac_pgp_ring_add(struct ac_pgp_ring *r, const void *key, size_t len,
		    const char *what, struct ac_err *err)
{
	AC_GPGME_DATA data = ac_gpgme_mem(key, len, err);
	gpgme_import_result_t result;
	gpgme_error_t e;

	if (data == NULL)
		return -1;
	e = gpgme_op_import(r->ctx, data);
	if (e != 0 && gpgme_err_code(e) != GPG_ERR_NO_DATA)
		return ac_gpgme_err(err, e, what);
	result = gpgme_op_import_result(r->ctx);
	/* A key, a known one, or something new about one. */
	if (e != 0 || result == NULL ||
	    result->imported + result->unchanged + result->new_revocations +
			    result->new_signatures + result->new_sub_keys +
			    result->new_user_ids ==
		    0)
		return ac_err_set(err, AC_E_INVALID,
				  "%s: no usable OpenPGP public key in it",
				  what);
	return 0;
}

int ac_pgp_issuers(const void *sig, size_t len, struct ac_strv *out,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(len);
	struct ac_pgp_sigfile all;

	if (ac_pgp_dearmour(sig, len, &b, err) < 0 ||
	    ac_pgp_sigfile_read(ac_buf_str(&b), b.len, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const char *id = all.v[i].issuer;
		size_t n = strlen(id);

		if (n != 0 && strspn(id, "0") != n)
			ac_strv_push(out, n > 16 ? id + n - 16 : id);
	}
	if (out->n == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "an OpenPGP signature that names no key");
	return 0;
}

static void take_key(struct ac_pgp_key *to, gpgme_key_t key)
{
	*to = (struct ac_pgp_key){
		.fingerprint = ac_gpgme_lower(key->subkeys->fpr),
		.expired = key->expired,
		.revoked = key->revoked,
	};
	for (gpgme_subkey_t s = key->subkeys->next; s != NULL; s = s->next) {
		AC_FREE char *fpr = ac_gpgme_lower(s->fpr);

		ac_strv_push(&to->subkeys, fpr);
	}
	for (gpgme_user_id_t u = key->uids; u != NULL; u = u->next)
		ac_strv_push(&to->identities, u->uid != NULL ? u->uid : "");
}

int ac_pgp_keys(const void *key, size_t len, const char *what,
		struct ac_pgp_key **out, size_t *n, struct ac_err *err)
{
	AC_RING *r = ac_pgp_ring_new(err);
	AC_GPGME_DATA data = NULL;
	struct ac_pgp_key *keys = NULL;
	size_t count = 0;
	gpgme_error_t e;

	if (r == NULL)
		return -1;
	data = ac_gpgme_mem(key, len, err);
	if (data == NULL)
		return -1;
	e = gpgme_op_keylist_from_data_start(r->ctx, data, 0);
	while (e == 0) {
		AC_GPGME_KEY k = NULL;

		e = gpgme_op_keylist_next(r->ctx, &k);
		if (e != 0 || k->subkeys == NULL || k->subkeys->fpr == NULL)
			continue;
		keys = ac_xrealloc(keys, count + 1, sizeof(*keys));
		take_key(&keys[count++], k);
	}
	if (gpgme_err_code(e) != GPG_ERR_EOF || count == 0) {
		ac_pgp_keys_free(keys, count);
		return ac_err_set(err, AC_E_INVALID,
				  "%s: no usable OpenPGP public key in it",
				  what);
	}
	*out = keys;
	*n = count;
	return 0;
}

void ac_pgp_keys_free(struct ac_pgp_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(keys[i].fingerprint);
		ac_strv_release(&keys[i].subkeys);
		ac_strv_release(&keys[i].identities);
	}
	free(keys);
}

int ac_pgp_extract(const void *key, size_t len, const char *what,
		   const char *fingerprint, char **out, struct ac_err *err)
{
	AC_RING *r = ac_pgp_ring_new(err);
	gpgme_data_t data = NULL;
	gpgme_error_t e;
	size_t n = 0;
	char *text;

	if (r == NULL || ac_pgp_ring_add(r, key, len, what, err) < 0)
		return -1;
	e = gpgme_data_new(&data);
	if (e != 0)
		return ac_gpgme_err(err, e, what);
	gpgme_set_armor(r->ctx, 1);
	e = gpgme_op_export(r->ctx, fingerprint, 0, data);
	text = gpgme_data_release_and_get_mem(data, &n);
	if (e == 0 && n != 0)
		*out = ac_xstrndup(text, n);
	gpgme_free(text);
	if (e != 0)
		return ac_gpgme_err(err, e, what);
	return n != 0 ? 0
		      : ac_err_set(err, AC_E_NOT_FOUND, "%s: no key '%s' in it",
				   what, fingerprint);
}
