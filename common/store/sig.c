/* SPDX-License-Identifier: Apache-2.0 */
#include "common/store/sig.h"

#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

const struct ac_sig_method *const ac_sig_methods[AC_SIG_KINDS] = {
	&ac_sig_openpgp,
	&ac_sig_sigstore,
	&ac_sig_bare,
};

void ac_sigs_add(struct ac_sigs *s, struct ac_sig one)
{
	s->v = ac_xrealloc(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = one;
}

void ac_sigs_release(struct ac_sigs *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].key);
		free(s->v[i].subkey);
		free(s->v[i].identity);
		free(s->v[i].reason);
	}
	free(s->v);
	*s = AC_SIGS_INIT;
}

void ac_sigs_signers(const struct ac_sigs *s, struct ac_strv *out)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].reason == NULL && !ac_strv_has(out, s->v[i].key))
			ac_strv_push(out, s->v[i].key);
}

void ac_sig_claims_release(struct ac_sig_claims *c)
{
	ac_strv_release(&c->known);
	ac_strv_release(&c->unknown);
}

void ac_sig_keys_release(struct ac_sig_keys *k)
{
	for (size_t m = 0; m < AC_SIG_KINDS; m++)
		ac_sig_methods[m]->free_keys(k->of[m]);
	*k = AC_SIG_KEYS_INIT;
}

int ac_sig_keys_add(struct ac_sig_keys *k, const char *text, size_t len,
		    const char *file, struct ac_err *err)
{
	size_t taken = 0;

	for (size_t m = 0; m < AC_SIG_KINDS; m++) {
		if (!ac_sig_methods[m]->is_key(text, len))
			continue;
		if (ac_sig_methods[m]->add_key(&k->of[m], text, len, file,
					       err) < 0)
			return ac_err_ctx(err, "keys in '%s'", file);
		taken++;
	}
	if (taken != 0)
		return 0;
	return ac_err_set(err, AC_E_INVALID,
			  "keys in '%s': no public key of a known kind", file);
}

int ac_sig_keys_trust(struct ac_sig_keys *k, const struct ac_trust *t,
		      struct ac_err *err)
{
	for (size_t m = 0; m < AC_SIG_KINDS; m++)
		if (ac_sig_methods[m]->trust(&k->of[m], t, err) < 0)
			return -1;
	return 0;
}

bool ac_sig_keys_any(const struct ac_sig_keys *k)
{
	for (size_t m = 0; m < AC_SIG_KINDS; m++)
		if (k->of[m] != NULL)
			return true;
	return false;
}

int ac_sig_kind(const struct ac_sig_keys *k, const char *text, size_t len,
		const char *file, size_t *kind, struct ac_err *err)
{
	size_t without = AC_SIG_KINDS;

	for (size_t m = 0; m < AC_SIG_KINDS; m++) {
		if (!ac_sig_methods[m]->is_signature(text, len))
			continue;
		if (k->of[m] != NULL) {
			*kind = m;
			return 0;
		}
		if (without == AC_SIG_KINDS)
			without = m;
	}
	if (without == AC_SIG_KINDS)
		return ac_err_set(err, AC_E_INVALID, "'%s' is no signature",
				  file);
	*kind = without;
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "no key was given for the %s in '%s'",
			  ac_sig_methods[without]->what, file);
}
