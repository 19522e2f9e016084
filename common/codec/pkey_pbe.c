/* SPDX-License-Identifier: Apache-2.0 */
/* How much work an encrypted PKCS #8 key asks for (RFC 8018, PBES2). */
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "common/base/err.h"
#include "common/codec/pkey.h"
#include "common/codec/pkey_priv.h"

enum {
	MAX_ITERATIONS = 10 * 1000 * 1000, /* of PBKDF2: some seconds */
	MAX_WORK = 1 << 22,                /* N * r * p of scrypt */
};

static int too_much(struct ac_err *err)
{
	ERR_clear_error();
	return ac_err_set(err, AC_E_LIMIT,
			  "opening the key would take too much work; encrypt "
			  "it again with 'openssl pkcs8 -topk8'");
}

static int check_pbkdf2(const ASN1_TYPE *param, struct ac_err *err)
{
	PBKDF2PARAM *p =
		ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), param);
	int64_t n = 0;
	bool good = p != NULL && ASN1_INTEGER_get_int64(&n, p->iter) == 1 &&
		    n <= MAX_ITERATIONS;

	PBKDF2PARAM_free(p);
	return good ? 0 : too_much(err);
}

static int check_scrypt(const ASN1_TYPE *param, struct ac_err *err)
{
	SCRYPT_PARAMS *p =
		ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), param);
	uint64_t n = 0;
	uint64_t r = 0;
	uint64_t par = 0;
	bool good = p != NULL &&
		    ASN1_INTEGER_get_uint64(&n, p->costParameter) == 1 &&
		    ASN1_INTEGER_get_uint64(&r, p->blockSize) == 1 &&
		    ASN1_INTEGER_get_uint64(&par,
					    p->parallelizationParameter) == 1 &&
		    n != 0 && r != 0 && n <= MAX_WORK && r <= MAX_WORK / n &&
		    par <= MAX_WORK / n / r;

	SCRYPT_PARAMS_free(p);
	return good ? 0 : too_much(err);
}

static int check_kdf(const PBE2PARAM *pbe, struct ac_err *err)
{
	switch (OBJ_obj2nid(pbe->keyfunc->algorithm)) {
	case NID_id_pbkdf2:
		return check_pbkdf2(pbe->keyfunc->parameter, err);
	case NID_id_scrypt:
		return check_scrypt(pbe->keyfunc->parameter, err);
	default:
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the key's encryption derives its key in an "
				  "unknown way");
	}
}

int ac_pkey_check_pbe(const X509_ALGOR *alg, struct ac_err *err)
{
	PBE2PARAM *pbe;
	int r;

	if (OBJ_obj2nid(alg->algorithm) != NID_pbes2)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "the key is encrypted in an old way; encrypt "
				  "it again with 'openssl pkcs8 -topk8'");
	pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM),
					alg->parameter);
	if (pbe == NULL)
		return ac_pkey_ssl_err(err, "the key's encryption");
	r = check_kdf(pbe, err);
	PBE2PARAM_free(pbe);
	return r;
}
