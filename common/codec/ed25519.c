/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/ed25519.h"

#include <sodium.h>
#include <string.h>

#include "common/base/err.h"
#include "common/codec/digest.h"
#include "common/codec/message.h"

enum { SCALAR = crypto_core_ed25519_SCALARBYTES };

static int no_library(struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID, "libsodium cannot be used");
}

static void hash_freep(struct ac_hash **h)
{
	ac_hash_free(*h);
}
#define HASH AC_CLEANUP(hash_freep) struct ac_hash

/* One reading: what the scheme hashes, and what was read. */
struct reading {
	struct ac_hash *scheme;
	struct ac_hash *plain;
};

static void add_both(void *ctx, const void *p, size_t n)
{
	struct reading *r = ctx;

	ac_hash_add(r->scheme, p, n);
	ac_hash_add(r->plain, p, n);
}

/* SHA-512 of what H has and then M, as a scalar.  M has the digest WANT, or it
 * is not the message that it was. */
static int hash_same(struct ac_hash *h, struct ac_message *m,
		     const struct ac_digest *want, uint8_t out[SCALAR],
		     struct ac_err *err)
{
	HASH *plain = ac_hash_new(AC_SHA256);
	struct reading r = {.scheme = h, .plain = plain};
	struct ac_digest d;
	struct ac_digest is;

	if (ac_message_each(m, add_both, &r, err) < 0)
		return -1;
	ac_hash_final(plain, &is);
	if (!ac_digest_equal(&is, want))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' changed while it was being read",
				  m->what != NULL ? m->what : "the message");
	ac_hash_final(h, &d);
	crypto_core_ed25519_scalar_reduce(out, d.bytes);
	sodium_memzero(&d, sizeof(d));
	return 0;
}

/* R = S*B - k*A? */
static bool holds(const uint8_t *sig, const uint8_t pub[AC_ED25519_KEY],
		  const uint8_t k[SCALAR])
{
	uint8_t sb[AC_ED25519_KEY];
	uint8_t ka[AC_ED25519_KEY];
	uint8_t r[AC_ED25519_KEY];

	return crypto_scalarmult_ed25519_base_noclamp(sb, sig + 32) == 0 &&
	       crypto_scalarmult_ed25519_noclamp(ka, k, pub) == 0 &&
	       crypto_core_ed25519_sub(r, sb, ka) == 0 &&
	       memcmp(r, sig, sizeof(r)) == 0;
}

/* What is derived from the private key, wiped when done. */
struct secrets {
	struct ac_digest az; /* the scalar's bytes, the nonce's prefix */
	uint8_t a[SCALAR];
	uint8_t r[SCALAR];
	uint8_t ka[SCALAR];
};

static void secrets_wipe(struct secrets *s)
{
	sodium_memzero(s, sizeof(*s));
}

/* The private scalar, reduced: the base point has prime order. */
static void derive(struct secrets *s, const uint8_t seed[AC_ED25519_KEY])
{
	uint8_t wide[64] = {0};

	ac_digest_of(AC_SHA512, seed, AC_ED25519_KEY, &s->az);
	memcpy(wide, s->az.bytes, SCALAR);
	wide[0] &= 248;
	wide[31] &= 127;
	wide[31] |= 64;
	crypto_core_ed25519_scalar_reduce(s->a, wide);
	sodium_memzero(wide, sizeof(wide));
}

int ac_ed25519_sign(const uint8_t seed[AC_ED25519_KEY],
		    const uint8_t pub[AC_ED25519_KEY], struct ac_message *m,
		    uint8_t sig[AC_ED25519_SIG], struct ac_err *err)
{
	AC_CLEANUP(secrets_wipe) struct secrets s = {.az = {.alg = AC_SHA512}};
	HASH *h = ac_hash_new(AC_SHA512);
	struct ac_digest d;
	uint8_t k[SCALAR];

	if (sodium_init() < 0)
		return no_library(err);
	if (ac_message_digest(m, AC_SHA256, &d, err) < 0)
		return -1;
	derive(&s, seed);
	ac_hash_add(h, s.az.bytes + 32, 32);
	if (hash_same(h, m, &d, s.r, err) < 0)
		return -1;
	if (crypto_scalarmult_ed25519_base_noclamp(sig, s.r) != 0)
		return no_library(err);
	ac_hash_add(h, sig, 32);
	ac_hash_add(h, pub, AC_ED25519_KEY);
	if (hash_same(h, m, &d, k, err) < 0)
		return -1;
	crypto_core_ed25519_scalar_mul(s.ka, k, s.a);
	crypto_core_ed25519_scalar_add(sig + 32, s.r, s.ka);
	/* A fault in the above would give the key away. */
	if (holds(sig, pub, k))
		return 0;
	sodium_memzero(sig, AC_ED25519_SIG);
	return ac_err_set(err, AC_E_INVALID,
			  "the signature came out wrong; the private key does "
			  "not fit its public half");
}

/* Is S below the group's order?  Else a signature had several spellings. */
static bool canonical(const uint8_t s[SCALAR])
{
	uint8_t wide[64] = {0};
	uint8_t reduced[SCALAR];

	memcpy(wide, s, SCALAR);
	crypto_core_ed25519_scalar_reduce(reduced, wide);
	return memcmp(reduced, s, SCALAR) == 0;
}

static void add_hash(void *ctx, const void *p, size_t n)
{
	ac_hash_add(ctx, p, n);
}

int ac_ed25519_verify(const uint8_t pub[AC_ED25519_KEY], struct ac_message *m,
		      const uint8_t sig[AC_ED25519_SIG], struct ac_err *err)
{
	HASH *h = ac_hash_new(AC_SHA512);
	struct ac_digest d;
	uint8_t k[SCALAR];

	if (sodium_init() < 0)
		return no_library(err);
	if (!canonical(sig + 32))
		return 0;
	ac_hash_add(h, sig, 32);
	ac_hash_add(h, pub, AC_ED25519_KEY);
	if (ac_message_each(m, add_hash, h, err) < 0)
		return -1;
	ac_hash_final(h, &d);
	crypto_core_ed25519_scalar_reduce(k, d.bytes);
	return holds(sig, pub, k);
}

static void add_prehash(void *ctx, const void *p, size_t n)
{
	(void)crypto_sign_ed25519ph_update(ctx, p, n);
}

int ac_ed25519ph_verify(const uint8_t pub[AC_ED25519_KEY], struct ac_message *m,
			const uint8_t sig[AC_ED25519_SIG], struct ac_err *err)
{
	crypto_sign_ed25519ph_state state;

	if (sodium_init() < 0)
		return no_library(err);
	(void)crypto_sign_ed25519ph_init(&state);
	if (ac_message_each(m, add_prehash, &state, err) < 0)
		return -1;
	return crypto_sign_ed25519ph_final_verify(&state, sig, pub) == 0;
}
