/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_SIG_H
#define AC_STORE_SIG_H

/*
 * The kinds of signatures that images have.  Each kind is one struct
 * ac_sig_method, in a file of its own (sig_openpgp.c, ...); the callers read
 * files, count, and say what was found.
 *
 * The keys are one set a kind, together a struct ac_sig_keys: those of key
 * files, and those that the keystore trusts for an image's name.  A kind
 *without keys is not asked.  The signature file of a kind is given to check(),
 *which adds every signature in it to a struct ac_sigs: the good ones, and those
 *that do not count, with the reason.
 *
 *	struct ac_sig_keys keys = AC_SIG_KEYS_INIT;
 *
 *	if (ac_keystore_load(&ks, name, &trusted, err) < 0 ||
 *	    ac_sig_keys_trust(&keys, &trusted, err) < 0 ||
 *	    ac_sig_methods[k]->check(keys.of[k], ..., &sigs, err) < 0 ||
 *	    !ac_policy_met(&policy, &sigs, &why))
 *		...
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_err;
struct ac_growing;
struct ac_trust;

/* One signature that was looked at.  All owned but KIND; strings are foreign
 * text, to be shown by ac_str_show. */
struct ac_sig {
	const char *kind; /* of the method */
	/* Who signed, and what is counted: the fingerprint of the primary key,
	 * or the digest of the public key; lower hex.  NULL when it is not
	 * known (and then it is not good). */
	char *key;
	char *subkey;    /* of the key itself when it is another; else NULL */
	char *identity;  /* "Name <mail>"; NULL: none */
	int64_t created; /* seconds since 1970; -1: not known */
	char *reason;    /* why it does not count; NULL: it is good */
	bool stranger;   /* the reason is only that its key is not there */
};
struct ac_sigs {
	struct ac_sig *v;
	size_t n;
};
#define AC_SIGS_INIT ((struct ac_sigs){.v = NULL})

/* Add S and take what it owns. */
void ac_sigs_add(struct ac_sigs *s, struct ac_sig one);
void ac_sigs_release(struct ac_sigs *s);
/* The different keys that have a good signature. */
void ac_sigs_signers(const struct ac_sigs *s, struct ac_strv *out);

/* What a signature file says of itself: nothing of it is verified. */
struct ac_sig_claims {
	struct ac_strv known;   /* keys of ours (as ac_sig.key), each once */
	struct ac_strv unknown; /* names of others */
	size_t unsaid;          /* signatures that do not say whose they are */
};
#define AC_SIG_CLAIMS_INIT ((struct ac_sig_claims){.unsaid = 0})
void ac_sig_claims_release(struct ac_sig_claims *c);

/* The file that is (or is not) signed: opened once, so that all signatures are
 * of the same file. */
struct ac_sig_file {
	const char *name;         /* as given, for messages */
	int fd;                   /* can seek; read it with pread from 0 */
	struct ac_growing *grows; /* NULL: all of it is there */
};

struct ac_sig_method {
	const char *kind;   /* "openpgp": in the JSON */
	const char *what;   /* "OpenPGP signature": in messages */
	const char *suffix; /* ".asc": of the file beside the image */
	size_t max;         /* bytes of a signature file */
	/* Is this a public key file of the kind? */
	bool (*is_key)(const char *text, size_t len);
	/* Is this a signature file of the kind?  TEXT ends with a NUL. */
	bool (*is_signature)(const char *text, size_t len);
	/* The public keys in TEXT into *KEYS, made when it is NULL.  FILE is
	 * named in messages. */
	int (*add_key)(void **keys, const char *text, size_t len,
		       const char *file, struct ac_err *err);
	/* Take the trusted keys T of this kind, in place of those taken before,
	 * beside those of key files.  None at all: *KEYS becomes NULL. */
	int (*trust)(void **keys, const struct ac_trust *t, struct ac_err *err);
	void (*free_keys)(void *keys); /* NULL is fine */
	/* What a check with KEYS (NULL: none) found of S is what one with NOW
	 * would find: true, and S is changed where the key is not there any
	 * more. */
	bool (*recheck)(const void *keys, const void *now, struct ac_sig *s);
	/* Whose the signatures in TEXT say they are, into OUT; only of trusted
	 * keys is it known that they are ours.  Not a signature file:
	 * AC_E_INVALID. */
	int (*claims)(void *keys, const char *text, size_t len,
		      struct ac_sig_claims *out, struct ac_err *err);
	/* The signatures in TEXT (from the file SOURCE) over F into OUT.  -1
	 * only for what is nothing a signature can cause (reading F failed):
	 * garbage is a signature that is not good. */
	int (*check)(void *keys, const struct ac_sig_file *f, const char *text,
		     size_t len, const char *source, struct ac_sigs *out,
		     struct ac_err *err);
};

extern const struct ac_sig_method ac_sig_openpgp;
extern const struct ac_sig_method ac_sig_sigstore; /* by plain keys */
extern const struct ac_sig_method ac_sig_bare;     /* the same, raw or base64 */

/* All of them.  A kind whose files are told from others only by being nothing
 * else comes last. */
enum { AC_SIG_KINDS = 3 };
extern const struct ac_sig_method *const ac_sig_methods[AC_SIG_KINDS];

/* The keys of each kind; NULL: none. */
struct ac_sig_keys {
	void *of[AC_SIG_KINDS];
};
#define AC_SIG_KEYS_INIT ((struct ac_sig_keys){.of = {NULL}})
void ac_sig_keys_release(struct ac_sig_keys *k);

/* The public keys in a file, for the kinds that they can verify.  None:
 * AC_E_INVALID. */
AC_MUSTUSE int ac_sig_keys_add(struct ac_sig_keys *k, const char *text,
			       size_t len, const char *file,
			       struct ac_err *err);
/* Take the trusted keys T in place of those taken before; a file of the
 * keystore that does not hold what its name says is passed over with a
 * warning. */
AC_MUSTUSE int ac_sig_keys_trust(struct ac_sig_keys *k,
				 const struct ac_trust *t, struct ac_err *err);
bool ac_sig_keys_any(const struct ac_sig_keys *k);

/* The kind of the signature file TEXT (which ends with a NUL): the first that
 * takes it and has keys, because some kinds cannot be told apart for sure.
 * AC_E_INVALID: no signature; AC_E_NOT_FOUND: no key for it, *kind is set. */
AC_MUSTUSE int ac_sig_kind(const struct ac_sig_keys *k, const char *text,
			   size_t len, const char *file, size_t *kind,
			   struct ac_err *err);

#endif
