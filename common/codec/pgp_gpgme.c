/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_gpgme.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "common/base/err.h"

static void init_gpgme(void)
{
	(void)gpgme_check_version(NULL);
}

gpgme_ctx_t ac_gpgme_ctx(const char *homedir, struct ac_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	AC_GPGME_CTX c = NULL;
	gpgme_ctx_t ret;
	gpgme_error_t e;

	(void)pthread_once(&once, init_gpgme);
	if (gpgme_engine_check_version(GPGME_PROTOCOL_OpenPGP) != 0) {
		(void)ac_err_set(err, AC_E_UNSUPPORTED,
				 "signatures need gpg, and it is not "
				 "installed; install the package 'gnupg'");
		return NULL;
	}
	e = gpgme_new(&c);
	if (e == 0)
		e = gpgme_set_protocol(c, GPGME_PROTOCOL_OpenPGP);
	if (e == 0 && homedir != NULL)
		e = gpgme_ctx_set_engine_info(c, GPGME_PROTOCOL_OpenPGP, NULL,
					      homedir);
	if (e != 0) {
		(void)ac_gpgme_err(err, e, "start gpg");
		return NULL;
	}
	ret = c;
	c = NULL;
	return ret;
}

gpgme_data_t ac_gpgme_mem(const void *p, size_t n, struct ac_err *err)
{
	gpgme_data_t d;
	gpgme_error_t e = gpgme_data_new_from_mem(&d, p, n, 0);

	if (e != 0) {
		(void)ac_gpgme_err(err, e, "gpg");
		return NULL;
	}
	return d;
}

static ssize_t read_file(void *handle, void *p, size_t n)
{
	struct ac_gpgme_file *f = handle;
	ssize_t got;

	do
		got = pread(f->fd, p, n, f->at);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		f->at += got;
	return got;
}

gpgme_data_t ac_gpgme_from(struct ac_gpgme_file *f, struct ac_err *err)
{
	static struct gpgme_data_cbs cbs = {.read = read_file};
	gpgme_data_t d;
	gpgme_error_t e = gpgme_data_new_from_cbs(&d, &cbs, f);

	if (e != 0) {
		(void)ac_gpgme_err(err, e, "gpg");
		return NULL;
	}
	return d;
}

int ac_gpgme_err(struct ac_err *err, gpgme_error_t e, const char *what)
{
	char text[256];
	enum ac_code code = AC_E_INVALID;

	switch (gpgme_err_code(e)) {
	case GPG_ERR_NO_SECKEY:
	case GPG_ERR_UNUSABLE_SECKEY:
	case GPG_ERR_NO_PUBKEY:
		code = AC_E_NOT_FOUND;
		break;
	case GPG_ERR_BAD_PASSPHRASE:
	case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED:
	case GPG_ERR_NO_PIN_ENTRY:
	case GPG_ERR_NO_PASSPHRASE:
		code = AC_E_DENIED;
		break;
	default:
		break;
	}
	if (gpgme_strerror_r(e, text, sizeof(text)) != 0)
		text[sizeof(text) - 1] = '\0';
	return ac_err_set(err, code, "%s: %s", what, text);
}

int ac_gpgme_hash_is_strong(gpgme_hash_algo_t a)
{
	return a == GPGME_MD_SHA256 || a == GPGME_MD_SHA384 ||
	       a == GPGME_MD_SHA512 || a == GPGME_MD_SHA224;
}
