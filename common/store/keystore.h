/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_KEYSTORE_H
#define AC_STORE_KEYSTORE_H

/*
 * The public keys that may sign images, one a file:
 *
 *	DIR/trustedkeys/root.d/<key>             any image
 *	DIR/trustedkeys/prefix.d/<prefix>/<key>  names at or below it
 *
 * in each DIR of the configuration: the system's, then the local one, then the
 * user's when there is one.  <key> is the fingerprint of the OpenPGP key in the
 * file, 40 (or 64) lower-case hex digits, or that of a plain key in PEM (the
 * SHA-256 of its SubjectPublicKeyInfo, 64 digits) and ".pub".  An empty file
 *takes back the trust that the same fingerprint got in what was read before:
 *root keys first, then the prefixes from the shortest on, in the order of the
 *directories.
 *
 * A prefix goes by whole components: "example.com/foo" is for
 * "example.com/foo" and "example.com/foo/bar", not "example.com/foobar".
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_pgp_key;
struct ac_pgp_ring;
struct ac_pkey;

/* Where it is.  All borrowed. */
struct ac_keystore {
	const char *system; /* NULL: /usr/lib/acutils */
	const char *local;  /* NULL: /etc/acutils */
	const char *user;   /* NULL: none */
	bool rkt;           /* read before them: rkt's own two */
};

enum ac_key_kind { AC_KEY_PGP, AC_KEY_PEM };

/* A file of the keystore.  All owned. */
struct ac_trusted {
	char *prefix; /* NULL: a root key */
	enum ac_key_kind kind;
	char *fingerprint;
	char *path; /* of the file, for messages */
	char *key;  /* its content: LEN bytes */
	size_t len;
};
struct ac_trust {
	struct ac_trusted *v;
	size_t n;
};

#define AC_TRUST_INIT ((struct ac_trust){.v = NULL})
void ac_trust_release(struct ac_trust *k);

/* The key files for images called NAME (an AC Identifier): root keys and those
 * of its prefixes.  NAME NULL: all there are, where an empty file takes back
 * only what stands at the same place in another directory.  A file that is not
 * named as a fingerprint is passed over with a warning.  Missing directories
 * hold no keys.  The content is not looked at. */
AC_MUSTUSE int ac_keystore_load(const struct ac_keystore *ks, const char *name,
				struct ac_trust *out, struct ac_err *err);

/* Add the OpenPGP keys of T to RING; *keys gets them, *n how many they are
 * (release them by ac_pgp_keys_free).  A file that does not hold the one key
 * that its name says is passed over with a warning: one bad file must not keep
 * all others from being used. */
AC_MUSTUSE int ac_trust_ring(const struct ac_trust *t, struct ac_pgp_ring *ring,
			     struct ac_pgp_key **keys, size_t *n,
			     struct ac_err *err);
/* The key in the file T, of the kind AC_KEY_PEM.  NULL, with a warning when
 * TELL, if it does not hold the key that its name says. */
AC_MUSTUSE struct ac_pkey *ac_trust_pem(const struct ac_trusted *t, bool tell);

/* What names a key and says what it is. */
struct ac_key_name {
	enum ac_key_kind kind;
	const char *fingerprint;
};

/* Keep the key TEXT (armoured, or PEM) called KEY for PREFIX (NULL: as a root
 * key) in the user's directory if there is one, else the local one.  *path gets
 * where; the caller frees it. */
AC_MUSTUSE int ac_keystore_add(const struct ac_keystore *ks, const char *prefix,
			       struct ac_key_name key, const char *text,
			       char **path, struct ac_err *err);

/* Take back the trust in KEY at PREFIX (NULL: as a root key): the file is
 * removed where ac_keystore_add writes, and when a directory before that one
 * has the key too, an empty file masks it.  AC_E_NOT_FOUND when it was not
 * trusted there. */
AC_MUSTUSE int ac_keystore_remove(const struct ac_keystore *ks,
				  const char *prefix, struct ac_key_name key,
				  struct ac_err *err);

/* Is the key at this very place (PREFIX NULL: the root)? */
bool ac_trust_has(const struct ac_trust *t, const char *prefix,
		  struct ac_key_name key);
/* Has it keys of the kind? */
bool ac_trust_has_kind(const struct ac_trust *t, enum ac_key_kind kind);

/* Could S be a fingerprint (of either kind of key)? */
bool ac_fingerprint_ok(const char *s);
/* The fingerprint that S means, as it is shown or typed: spaces are dropped,
 * upper case is lowered.  False when it is not 1 to 64 hex digits. */
enum { AC_FINGERPRINT_MAX = 64 };
bool ac_fingerprint_read(const char *s, char out[AC_FINGERPRINT_MAX + 1]);

#endif
