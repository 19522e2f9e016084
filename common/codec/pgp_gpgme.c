/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_gpgme.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

enum { MIN_BITS = 2048 };

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

char *ac_gpgme_lower(const char *s)
{
	char *copy = ac_xstrdup(s != NULL ? s : "");

	for (char *p = copy; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

/* Why S is too weak.  The curves that gpg has are all strong enough. */
static char *weakness(gpgme_subkey_t s)
{
	const char *name = "RSA";

	switch (s->pubkey_algo) {
	case GPGME_PK_RSA:
	case GPGME_PK_RSA_E:
	case GPGME_PK_RSA_S:
		break;
	case GPGME_PK_DSA:
		name = "DSA";
		break;
	case GPGME_PK_ECC:
	case GPGME_PK_ECDSA:
	case GPGME_PK_EDDSA:
		return NULL;
	default:
		return ac_xstrdup("the key is of a kind that does not sign");
	}
	if (s->length >= MIN_BITS)
		return NULL;
	return ac_xasprintf("the key is weak: %s with %u bits, at least %d are "
			    "needed",
			    name, s->length, MIN_BITS);
}

static const char *subkey_fault(gpgme_subkey_t s)
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
static char *no_signer(gpgme_key_t key)
{
	for (gpgme_subkey_t s = key->subkeys; s != NULL; s = s->next)
		if (s->can_sign && subkey_fault(s) != NULL)
			return ac_xstrdup(subkey_fault(s));
	return ac_xstrdup("the key is not for signing");
}

char *ac_gpgme_key_fault(gpgme_key_t key, const char *fpr)
{
	gpgme_subkey_t s = key->subkeys;
	const char *why;
	char *weak;

	if (key->revoked)
		return ac_xstrdup("the key was revoked");
	if (key->expired)
		return ac_xstrdup("the key has expired");
	why = subkey_fault(s);
	if (why != NULL)
		return ac_xstrdup(why);
	weak = weakness(s);
	if (weak != NULL)
		return weak;
	if (fpr == NULL)
		return key->can_sign ? NULL : no_signer(key);
	while (s != NULL && (s->fpr == NULL || strcasecmp(s->fpr, fpr) != 0))
		s = s->next;
	if (s == NULL)
		return ac_xstrdup("the key does not have this subkey");
	why = subkey_fault(s);
	if (why == NULL && !s->can_sign)
		why = "the key is not for signing";
	return why != NULL ? ac_xstrdup(why) : weakness(s);
}
