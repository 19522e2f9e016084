/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGP_GPGME_H
#define AC_CODEC_PGP_GPGME_H

/* GPGME's objects with our errors, behind pgp.h.  Nobody else includes
 * this. */

#include <gpgme.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_err;

static inline void ac_gpgme_ctx_free(gpgme_ctx_t *c)
{
	gpgme_release(*c);
}
static inline void ac_gpgme_data_free(gpgme_data_t *d)
{
	gpgme_data_release(*d);
}
static inline void ac_gpgme_key_free(gpgme_key_t *k)
{
	gpgme_key_unref(*k);
}
#define AC_GPGME_CTX  AC_CLEANUP(ac_gpgme_ctx_free) gpgme_ctx_t
#define AC_GPGME_DATA AC_CLEANUP(ac_gpgme_data_free) gpgme_data_t
#define AC_GPGME_KEY  AC_CLEANUP(ac_gpgme_key_free) gpgme_key_t

/* A context for gpg with HOMEDIR (NULL: the user's); NULL on failure. */
AC_MUSTUSE gpgme_ctx_t ac_gpgme_ctx(const char *homedir, struct ac_err *err);
/* -1 with E's text behind WHAT. */
int ac_gpgme_err(struct ac_err *err, gpgme_error_t e, const char *what);

/* Why KEY must not sign, or NULL: revoked, expired, weak, ...  Caller frees. */
AC_MUSTUSE char *ac_gpgme_key_fault(gpgme_key_t key);

#endif
