/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_SIG_H
#define ACTOOL_SIG_H

/*
 * The kinds of signatures that verify knows.  Each kind is one struct
 * sig_method, in a file of its own (sig_openpgp.c, ...); verify.c has the list
 * of them, reads files, counts, and prints.
 *
 * For one run there is one set of keys a kind, made by the first key file of
 * that kind.  A kind without keys is not asked.  For each image the signature
 * file of the kind (beside the image, or named by an option) is read and given
 * to check(), which adds every signature in it to a struct sigs: the good ones,
 * and those that do not count, with the reason.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_keystore;

/* One signature that was looked at.  All owned but KIND; strings are foreign
 * text, to be shown by ac_str_show. */
struct sig {
	const char *kind; /* of the method */
	/* Who signed, and what is counted for --require: the fingerprint of the
	 * primary key, or the digest of the public key; lower hex.  NULL when
	 * it is not known (and then it is not good). */
	char *key;
	char *subkey;    /* of the key itself when it is another; else NULL */
	char *identity;  /* "Name <mail>"; NULL: none */
	int64_t created; /* seconds since 1970; -1: not known */
	char *reason;    /* why it does not count; NULL: it is good */
};
struct sigs {
	struct sig *v;
	size_t n;
};
#define SIGS_INIT ((struct sigs){.v = NULL})

/* Add S and take what it owns. */
void sigs_add(struct sigs *s, struct sig one);
void sigs_release(struct sigs *s);
/* How many different keys have a good signature. */
size_t sigs_signers(const struct sigs *s);

/* The file that is (or is not) signed: opened once, so that all signatures are
 * of the same file. */
struct sig_file {
	const char *name; /* as given, for messages */
	int fd;           /* can seek; read it with pread from 0 */
};

struct sig_method {
	const char *kind;   /* "openpgp": in the JSON */
	const char *what;   /* "OpenPGP signature": in messages */
	const char *suffix; /* ".asc": of the file beside the image */
	size_t max;         /* bytes of a signature file */
	/* Is this a public key file of the kind? */
	bool (*is_key)(const char *text, size_t len);
	/* Is this a signature file of the kind?  (For --signature.)  TEXT ends
	 * with a NUL. */
	bool (*is_signature)(const char *text, size_t len);
	/* The public keys in TEXT into *KEYS, made when it is NULL.  FILE is
	 * named in messages. */
	int (*add_key)(void **keys, const char *text, size_t len,
		       const char *file, struct ac_err *err);
	/* Take the keys that the keystore KS trusts for images called NAME, in
	 * place of those of the name before, beside those of key files.  None
	 * at all: *KEYS becomes NULL.  NULL: the keystore has no keys of this
	 * kind. */
	int (*trust)(void **keys, const struct ac_keystore *ks,
		     const char *name, struct ac_err *err);
	void (*free_keys)(void *keys); /* NULL is fine */
	/* The signatures in TEXT (from the file SOURCE) over F into OUT.  -1
	 * only for what is nothing a signature can cause (reading F failed):
	 * garbage is a signature that is not good. */
	int (*check)(void *keys, const struct sig_file *f, const char *text,
		     size_t len, const char *source, struct sigs *out,
		     struct ac_err *err);
};

extern const struct sig_method sig_openpgp;
extern const struct sig_method sig_sigstore; /* by plain keys */
extern const struct sig_method sig_bare;     /* the same, raw or base64 */

/* What sign makes signatures with; sign.c has the files: it opens the image,
 * sees that it does not change meanwhile, and writes the result beside it. */
struct sig_maker {
	const char *suffix; /* ".asc": of the file beside the image */
	void *ctx;          /* the keys, a passphrase, ... */
	/* Sign F, for a file of its own or, when OLD is not NULL, to be added
	 * to the signatures in OLD.  *text is the caller's to free. */
	int (*make)(void *ctx, const struct sig_file *f, const char *old,
		    size_t old_len, char **text, size_t *len,
		    struct ac_err *err);
	void (*free)(void *ctx);
};

struct ac_secret;
struct sign_opts;
/* SECRET, the passphrase that was given, is borrowed until M is freed. */
AC_MUSTUSE int sig_openpgp_maker(struct sig_maker *m, const struct sign_opts *o,
				 const struct ac_secret *secret,
				 struct ac_err *err);
/* By the private key file that O names. */
AC_MUSTUSE int sig_key_maker(struct sig_maker *m, const struct sign_opts *o,
			     const struct ac_secret *secret,
			     struct ac_err *err);

#endif
