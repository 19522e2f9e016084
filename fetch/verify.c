/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/verify.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/store/keystore.h"

static int unknown_key(const char *name, const struct ac_strv *ids,
		       const char *what, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf list = AC_BUF_INIT(256);

	for (size_t i = 0; i < ids->n; i++)
		ac_buf_addf(&list, "%s%s", i != 0 ? ", " : "", ids->v[i]);
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "%s is signed by key %s, which is not trusted%s%s; "
			  "if you expect this key, run: acfetch trust --prefix "
			  "\"%s\"",
			  what, ac_buf_str(&list), name != NULL ? " for " : "",
			  name != NULL ? name : "",
			  name != NULL ? name : "NAME");
}

int verify_key_known(const struct globals *g, const char *name, const void *sig,
		     size_t len, const char *what, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	const struct ac_keystore ks = keystore(g);
	int r;

	if (ac_pgp_issuers(sig, len, &ids, err) < 0)
		return ac_err_ctx(err, "signature of %s", what);
	r = ac_keystore_knows(&ks, name, &ids, err);
	if (r < 0)
		return -1;
	return r > 0 ? 0 : unknown_key(name, &ids, what, err);
}

/* Verified all the same, but somebody should look. */
static void tell_rejected(const struct ac_pgp_result *res, const char *what)
{
	for (size_t i = 0; i < res->n_rejected; i++) {
		const struct ac_pgp_sig *s = &res->rejected[i];

		if (s->code != AC_E_NOT_FOUND)
			ac_warn("%s: signature by key %s: %s; it does not "
				"count",
				what, s->subkey, s->fault);
	}
}

int verify_image(const struct globals *g, const char *name, const void *sig,
		 size_t len, int fd, const char *what,
		 struct ac_pgp_result *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv ids = AC_STRV_INIT;
	const struct ac_keystore ks = keystore(g);
	struct ac_pgp_ring *ring;
	size_t n;
	int r;

	if (ac_pgp_issuers(sig, len, &ids, err) < 0)
		return ac_err_ctx(err, "signature of %s", what);
	ring = ac_pgp_ring_new(err);
	if (ring == NULL)
		return -1;
	if (ac_keystore_ring(&ks, name, ring, &n, err) < 0) {
		ac_pgp_ring_free(ring);
		return -1;
	}
	ac_debug("%s: %zu keys are trusted for '%s'", what, n, name);
	if (n == 0)
		r = unknown_key(name, &ids, what, err);
	else
		r = ac_pgp_verify(ring, sig, len, fd, what, out, err);
	if (r < 0 && n != 0 && err->code == AC_E_NOT_FOUND)
		r = unknown_key(name, &ids, what, err);
	ac_pgp_ring_free(ring);
	if (r == 0)
		tell_rejected(out, what);
	return r;
}
