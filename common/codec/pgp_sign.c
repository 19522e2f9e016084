/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/pgp.h"
#include "common/codec/pgp_gpgme.h"
#include "common/sys/io.h"

enum { MAX_PASSPHRASE = 1024 };

/* The passphrase in memory, wiped when done. */
struct secret {
	char text[MAX_PASSPHRASE + 2];
	size_t len; /* with a newline, as gpg wants it */
};

static void wipe(struct secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

/* The first line of FD. */
static int read_secret(int fd, struct secret *s, struct ac_err *err)
{
	ssize_t n = ac_io_read(fd, s->text, MAX_PASSPHRASE + 1,
			       "the passphrase", err);
	char *end;

	if (n < 0)
		return -1;
	end = memchr(s->text, '\n', (size_t)n);
	s->len = end != NULL ? (size_t)(end - s->text) : (size_t)n;
	if (s->len > MAX_PASSPHRASE)
		return ac_err_set(err, AC_E_LIMIT,
				  "the passphrase is longer than %d bytes",
				  MAX_PASSPHRASE);
	s->text[s->len++] = '\n';
	return 0;
}

static gpgme_error_t give_secret(void *ctx, const char *hint, const char *info,
				 int again, int fd)
{
	const struct secret *s = ctx;

	(void)hint;
	(void)info;
	/* Asked again: it was wrong. */
	if (again != 0)
		return gpgme_error(GPG_ERR_BAD_PASSPHRASE);
	if (gpgme_io_writen(fd, s->text, s->len) != 0)
		return gpgme_error_from_errno(errno);
	return 0;
}

static int choose_key(gpgme_ctx_t c, const char *user, struct ac_err *err)
{
	AC_GPGME_KEY key = NULL;
	gpgme_error_t e;

	if (user == NULL)
		return 0;
	e = gpgme_get_key(c, user, &key, 1);
	if (gpgme_err_code(e) == GPG_ERR_EOF)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "no secret key for '%s'; 'gpg "
				  "--list-secret-keys' shows those there are",
				  user);
	if (gpgme_err_code(e) == GPG_ERR_AMBIGUOUS_NAME)
		return ac_err_set(err, AC_E_INVALID,
				  "several secret keys for '%s'; give a "
				  "fingerprint",
				  user);
	if (e == 0)
		e = gpgme_signers_add(c, key);
	return e == 0 ? 0 : ac_gpgme_err(err, e, user);
}

/* gpg made one signature, as we would accept it. */
static int check_made(gpgme_ctx_t c, struct ac_err *err)
{
	gpgme_sign_result_t made = gpgme_op_sign_result(c);

	if (made == NULL || made->signatures == NULL)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "no secret key to sign with; make one with "
				  "'gpg --quick-generate-key'");
	if (!ac_gpgme_hash_is_strong(made->signatures->hash_algo))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the key signs with a digest that is too "
				  "weak; set 'digest-algo SHA512' in gpg.conf");
	return 0;
}

static int sign(gpgme_ctx_t c, const struct ac_pgp_signer *s, int fd,
		const char *what, gpgme_data_t out, struct ac_err *err)
{
	AC_CLEANUP(wipe) struct secret secret = {.len = 0};
	struct ac_gpgme_file file = {.fd = fd};
	AC_GPGME_DATA data = ac_gpgme_from(&file, err);
	gpgme_error_t e;

	if (data == NULL || choose_key(c, s->local_user, err) < 0)
		return -1;
	if (s->passphrase_fd >= 0) {
		if (read_secret(s->passphrase_fd, &secret, err) < 0)
			return -1;
		e = gpgme_set_pinentry_mode(c, GPGME_PINENTRY_MODE_LOOPBACK);
		if (e != 0)
			return ac_gpgme_err(err, e, "gpg");
		gpgme_set_passphrase_cb(c, give_secret, &secret);
	}
	gpgme_set_armor(c, 1);
	e = gpgme_op_sign(c, data, out, GPGME_SIG_MODE_DETACH);
	if (e != 0)
		(void)ac_gpgme_err(err, e, what);
	return e == 0 ? check_made(c, err) : ac_err_ctx(err, "sign");
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_ino == b->st_ino &&
	       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
	       memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

int ac_pgp_sign(const struct ac_pgp_signer *s, int fd, const char *what,
		char **out, size_t *len, struct ac_err *err)
{
	AC_GPGME_CTX c = ac_gpgme_ctx(s->homedir, err);
	AC_GPGME_DATA sig = NULL;
	struct stat before;
	struct stat after;
	gpgme_error_t e;
	char *mem;

	if (c == NULL)
		return -1;
	e = gpgme_data_new(&sig);
	if (e != 0)
		return ac_gpgme_err(err, e, "gpg");
	if (fstat(fd, &before) < 0)
		return ac_err_sys(err, errno, "stat '%s'", what);
	if (sign(c, s, fd, what, sig, err) < 0)
		return -1;
	if (fstat(fd, &after) < 0)
		return ac_err_sys(err, errno, "stat '%s'", what);
	if (!same_file(&before, &after))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' changed while it was being signed",
				  what);
	mem = gpgme_data_release_and_get_mem(sig, len);
	sig = NULL;
	if (mem == NULL)
		return ac_err_set(err, AC_E_INVALID, "gpg made no signature");
	*out = ac_xstrndup(mem, *len);
	gpgme_free(mem);
	return 0;
}
