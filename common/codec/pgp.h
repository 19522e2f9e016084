/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGP_H
#define AC_CODEC_PGP_H

/*
 * OpenPGP detached signatures (RFC 4880 / 9580) by gpg: the `.aci.asc` of appc.
 * Verification gives gpg a keyring made in memory from the key files, and
 * nothing of the user's; signing, by GPGME, uses the user's (or a given
 * homedir's) secret keys and agent.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct ac_pgp_ring;
struct ac_growing;
struct ac_secret;

/* Is gpg installed?  AC_E_UNSUPPORTED when it is not: to know it before a
 * download. */
AC_MUSTUSE int ac_pgp_ready(struct ac_err *err);

/* A keyring in memory. */
AC_MUSTUSE struct ac_pgp_ring *ac_pgp_ring_new(void);
void ac_pgp_ring_free(struct ac_pgp_ring *r);
/* Add the public keys in LEN bytes (armoured or binary); WHAT names them.  No
 * key in it: AC_E_INVALID. */
AC_MUSTUSE int ac_pgp_ring_add(struct ac_pgp_ring *r, const void *key,
			       size_t len, const char *what,
			       struct ac_err *err);
/* Has it the primary key FINGERPRINT (lower hex)? */
bool ac_pgp_ring_has(const struct ac_pgp_ring *r, const char *fingerprint);
/* Have both (NULL: a ring without keys) the primary key, and is all that is
 * known about it the same?  Then they find the same of a signature by it. */
bool ac_pgp_ring_same(const struct ac_pgp_ring *a, const struct ac_pgp_ring *b,
		      const char *fingerprint);

/* Why one does not count whose key is not in the ring. */
#define AC_PGP_STRANGER "the key is not among the trusted ones"

/* One signature. */
struct ac_pgp_sig {
	char *fingerprint; /* of the primary key: 40 lower hex; "": unknown */
	char *subkey;      /* of the key that signed, or its id */
	char *identity;    /* "Name <mail>"; "" when the key has none */
	int64_t created;
	enum ac_code code; /* of a rejected one: AC_E_NOT_FOUND when the key is
			      not in the ring, else AC_E_VERIFY, or
			      AC_E_INVALID */
	char *fault;       /* why it is rejected; NULL: it is good */
};

struct ac_pgp_result {
	struct ac_pgp_sig *sigs; /* the good ones */
	size_t n;
	struct ac_pgp_sig *rejected;
	size_t n_rejected;
};
void ac_pgp_result_release(struct ac_pgp_result *r);

/* Look at every signature in SIG (armoured or binary, LEN bytes) over the
 * content of FD from its start.  *out gets those that are good (by a key of the
 * ring, neither signature nor key expired by now or revoked, the key for
 * signing and strong, the digest SHA-2) and the others with the reason,
 * whatever their order.  Not a signature file at all is one rejected signature
 * that is AC_E_INVALID.  -1 only when FD or gpg fails. */
AC_MUSTUSE int ac_pgp_check(struct ac_pgp_ring *r, const void *sig, size_t len,
			    int fd, const char *what, struct ac_pgp_result *out,
			    struct ac_err *err);
/* The same of a file that grows meanwhile (growing.h). */
AC_MUSTUSE int ac_pgp_check_growing(struct ac_pgp_ring *r, const void *sig,
				    size_t len, int fd,
				    struct ac_growing *grows, const char *what,
				    struct ac_pgp_result *out,
				    struct ac_err *err);

/* The key ids that a signature names as its makers (16 lower hex each), without
 * verifying: to know before a download whether the key is there. */
AC_MUSTUSE int ac_pgp_issuers(const void *sig, size_t len, struct ac_strv *out,
			      struct ac_err *err);

/* Keys in a key file, for showing and for naming files. */
struct ac_pgp_key {
	char *fingerprint; /* 40 lower hex */
	struct ac_strv subkeys;
	struct ac_strv identities;
	bool expired, revoked;
};
AC_MUSTUSE int ac_pgp_keys(const void *key, size_t len, const char *what,
			   struct ac_pgp_key **out, size_t *n,
			   struct ac_err *err);
/* The same without gpg: fingerprints only, whatever the signatures in it are
 * worth. */
AC_MUSTUSE int ac_pgp_key_names(const void *key, size_t len, const char *what,
				struct ac_pgp_key **out, size_t *n,
				struct ac_err *err);
void ac_pgp_keys_free(struct ac_pgp_key *keys, size_t n);

/* The public key with the primary key FINGERPRINT, alone, out of a key file
 * that may have more: ASCII-armoured text; the caller frees *out. */
AC_MUSTUSE int ac_pgp_extract(const void *key, size_t len, const char *what,
			      const char *fingerprint, char **out,
			      struct ac_err *err);

/* What to sign with.  All borrowed: the secret as long as the signer lives, the
 * rest until ac_pgp_signer_new is done. */
struct ac_pgp_signer_opts {
	const char *homedir; /* NULL: the user's */
	/* Keys to sign with, a signature by each: fingerprints, ids, mail
	 * addresses; a '!' behind one takes just that (sub)key.  None: gpg's
	 * default key. */
	const struct ac_strv *users;
	/* The passphrase of them all; NULL or not known: gpg's agent asks. */
	const struct ac_secret *secret;
};
struct ac_pgp_signer;
/* Look the keys up (a missing secret key is AC_E_NOT_FOUND; one that is
 * expired, revoked, weak or not for signing is AC_E_INVALID, with the reason).
 * NULL on failure. */
AC_MUSTUSE struct ac_pgp_signer *ac_pgp_signer_new(
	const struct ac_pgp_signer_opts *o, struct ac_err *err);
void ac_pgp_signer_free(struct ac_pgp_signer *s); /* NULL is fine */

/* Make detached signatures over the content of FD (a regular file; its position
 * moves), armoured in one block, behind those in OLD (armoured or binary; NULL:
 * none).  The digest is SHA-512 whatever gpg's configuration says.  What was
 * made is verified over FD read once more: so it is of the bytes that are
 * there, and what our own verification would refuse is not made.  *out is the
 * caller's to free. */
AC_MUSTUSE int ac_pgp_sign(struct ac_pgp_signer *s, int fd, const char *what,
			   const char *old, size_t old_len, char **out,
			   size_t *len, struct ac_err *err);

#endif
