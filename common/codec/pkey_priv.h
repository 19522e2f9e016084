/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PKEY_PRIV_H
#define AC_CODEC_PKEY_PRIV_H

/* Inside pkey: the key, and reading it. */

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/codec/digest.h"

struct ac_err;
struct ac_pkey_ask;

struct ac_pkey {
	EVP_PKEY *evp;
	enum ac_alg alg;
	struct ac_digest id;
	char name[16];
};

/* Take EVP over (also on failure), when it is of a kind and strength that we
 * accept. */
struct ac_pkey *ac_pkey_adopt(EVP_PKEY *evp, struct ac_err *err);

/* Fail with WHAT and what the library says; its list of errors is emptied. */
int ac_pkey_ssl_err(struct ac_err *err, const char *what);

/* AC_E_LIMIT when the parameters of a PBES2 container ask for too much work,
 * AC_E_UNSUPPORTED for older schemes. */
struct X509_algor_st;
int ac_pkey_check_pbe(const struct X509_algor_st *alg, struct ac_err *err);

/* Release a buffer that held a secret. */
static inline void ac_pkey_wipe(struct ac_buf *b)
{
	if (b->p != NULL)
		OPENSSL_cleanse(b->p, b->cap);
	ac_buf_release(b);
}

static inline void ac_evp_freep(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}
#define AC_EVP AC_CLEANUP(ac_evp_freep)

#endif
