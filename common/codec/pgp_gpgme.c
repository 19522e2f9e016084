/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_gpgme.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/codec/pgp_gpg.h"

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

/* As OpenPGP numbers it. */
static unsigned int algorithm(gpgme_pubkey_algo_t a)
{
	switch (a) {
	case GPGME_PK_ECDSA:
		return AC_PGP_ECDSA;
	case GPGME_PK_EDDSA:
		return AC_PGP_EDDSA;
	default:
		return (unsigned int)a;
	}
}

char *ac_gpgme_key_fault(gpgme_key_t key)
{
	struct ac_gpg_key k = {.identities = AC_STRV_INIT,
			       .signs = key->can_sign};
	char *why;

	for (gpgme_subkey_t s = key->subkeys; s != NULL; s = s->next) {
		k.v = ac_xrealloc(k.v, k.n + 1, sizeof(*k.v));
		k.v[k.n++] = (struct ac_gpg_subkey){
			.algorithm = algorithm(s->pubkey_algo),
			.bits = s->length,
			.revoked = s->revoked || key->revoked,
			.expired = s->expired || key->expired,
			.disabled = s->disabled,
			.invalid = s->invalid,
			.signs = s->can_sign,
		};
	}
	why = ac_gpg_key_fault(&k, NULL);
	free(k.v);
	return why;
}
