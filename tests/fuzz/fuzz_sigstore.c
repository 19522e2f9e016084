/* SPDX-License-Identifier: Apache-2.0 */
/* Sigstore bundles, keys in PEM and cosign's key file, told apart by the first
 * byte. */
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/codec/cosignkey.h"
#include "common/codec/message.h"
#include "common/codec/pkey.h"
#include "common/codec/sigstore.h"
#include "common/sys/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char pub[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MCowBQYDK2VwAyEA7Bcrk61eVjv0kyxw4SRQNMNUZ+8u/U1k6/gZaDRn4r8=\n"
	"-----END PUBLIC KEY-----\n";

static int refuse(void *ctx, const char *what, struct ac_secret *out,
		  struct ac_err *err)
{
	(void)ctx;
	(void)what;
	(void)out;
	return ac_err_set(err, AC_E_DENIED, "no passphrase");
}

static void one_bundle(const char *text, size_t len)
{
	AC_CLEANUP(ac_sigstore_release) struct ac_sigstore b = {.hint = NULL};
	AC_PKEY struct ac_pkey *k = NULL;
	struct ac_err err = AC_ERR_INIT;
	struct ac_message m;

	if (ac_sigstore_parse(&b, text, len, &err) < 0) {
		if (err.code == AC_OK)
			abort();
		return;
	}
	if (b.sig_len == 0 || b.sig_len > AC_PKEY_MAX_SIGNATURE)
		abort();
	k = ac_pkey_public(pub, sizeof(pub) - 1, &err);
	ac_message_bytes(&m, "abc", 3);
	if (k == NULL || ac_sigstore_verify(&b, k, &m, &err) < -1)
		abort();
}

/* Each is within the text and behind the one before. */
static void bundle(const char *text, size_t len)
{
	struct ac_str rest = ac_strn(text, len);
	const char *at = text;
	struct ac_str one;

	while (ac_sigstore_next(&rest, &one)) {
		if (one.len == 0 || one.p < at || one.p + one.len > text + len)
			abort();
		at = one.p + one.len;
		one_bundle(one.p, one.len);
	}
}

static void key(const char *text, size_t len)
{
	struct ac_pkey_ask ask = {.ask = refuse};
	struct ac_err err = AC_ERR_INIT;

	ac_pkey_free(ac_pkey_public(text, len, &err));
	ac_pkey_free(ac_pkey_private(text, len, &ask, "k", &err));
}

/* The costs of what is accepted are bounded; opening is too slow to fuzz. */
static void cosign(const char *text, size_t len)
{
	AC_CLEANUP(ac_cosignkey_release) struct ac_cosignkey k = {.box = NULL};
	struct ac_err err = AC_ERR_INIT;

	if (ac_cosignkey_parse(&k, text, len, &err) == 0 &&
	    (k.n * k.r > 1 << 20 || k.n * k.r * k.p > 1 << 22 ||
	     k.salt_len > sizeof(k.salt) || k.box_len < 17))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;

	if (size == 0)
		return 0;
	if (data[0] == 'b')
		bundle(text, size - 1);
	else if (data[0] == 'k')
		key(text, size - 1);
	else
		cosign(text, size - 1);
	return 0;
}
