/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGP_GPG_H
#define AC_CODEC_PGP_GPG_H

/*
 * Behind pgp.h: gpg, asked about public keys and signatures.  It gets a keyring
 * in memory and no directory of its own: nothing of the user's is read, nothing
 * is written, nothing is left.  (GPGME would start gpg and gpgconf some ten
 * times for one verification, and wants a directory.)  Nobody else includes
 * this.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/codec/pgp_keyfile.h"

struct ac_err;
struct ac_growing;
struct ac_pgp_sigpacket;

/* The content of a file from its start, whatever its offset. */
struct ac_gpg_data {
	int fd;
	struct ac_growing *grows; /* NULL: all of it is there */
	const char *what;         /* in messages */
};

/* The lines that gpg says (doc/DETAILS of GnuPG: status lines, or with colons)
 * on the detached signatures P[0..N) over D with the keys of RING. */
AC_MUSTUSE int ac_gpg_verify(const struct ac_buf *ring,
			     const struct ac_pgp_sigpacket *const *p, size_t n,
			     const struct ac_gpg_data *d, struct ac_buf *out,
			     struct ac_err *err);

/* The lines with colons that gpg has on the keys in KEYS that an import would
 * take. */
AC_MUSTUSE int ac_gpg_ask_keys(const struct ac_buf *keys, struct ac_buf *out,
			       struct ac_err *err);

/* Kinds of keys (RFC 9580, 9.1). */
enum ac_pgp_algorithm {
	AC_PGP_RSA = 1,
	AC_PGP_RSA_ENCRYPT = 2,
	AC_PGP_RSA_SIGN = 3,
	AC_PGP_DSA = 17,
	AC_PGP_ECDSA = 19,
	AC_PGP_EDDSA = 22,
};

/* One of a key's keys, the primary key first. */
struct ac_gpg_subkey {
	char fingerprint[65]; /* lower hex */
	unsigned int algorithm, bits;
	bool revoked, expired, disabled, invalid, signs;
};
/* A key as gpg knows it. */
struct ac_gpg_key {
	struct ac_gpg_subkey *v;
	size_t n;
	struct ac_strv identities; /* the first is the primary one */
	bool signs;                /* one of its keys does */
};
struct ac_gpg_keys {
	struct ac_gpg_key *v;
	size_t n;
};
void ac_gpg_keys_release(struct ac_gpg_keys *k);

/* The keys in RING that an import would take. */
AC_MUSTUSE int ac_gpg_list(const struct ac_buf *ring, struct ac_gpg_keys *out,
			   struct ac_err *err);

/* Why KEY, or its (sub)key FPR, must not sign, or NULL: revoked, expired,
 * weak, ...  FPR NULL: none of its subkeys in particular.  Caller frees. */
AC_MUSTUSE char *ac_gpg_key_fault(const struct ac_gpg_key *key,
				  const char *fpr);

/* The ring of pgp.h. */
struct ac_pgp_ring {
	struct ac_pgp_blocks keys;
	struct ac_gpg_keys known; /* the same as gpg knows them, */
	bool asked;               /* once it was asked */
};

#endif
