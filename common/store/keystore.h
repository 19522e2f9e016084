/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_KEYSTORE_H
#define AC_STORE_KEYSTORE_H

/*
 * The public keys that may sign images, one a file:
 *
 *	DIR/trustedkeys/root.d/<fingerprint>             any image
 *	DIR/trustedkeys/prefix.d/<prefix>/<fingerprint>  names at or below it
 *
 * in each DIR of the configuration: the system's, then the local one, then the
 * user's when there is one.  <fingerprint> is 40 (or 64) lower-case hex digits
 * and is that of the key in the file.  An empty file takes back the trust that
 * the same fingerprint got in what was read before: root keys first, then the
 * prefixes from the shortest on, in the order of the directories.
 *
 * A prefix goes by whole components: "example.com/foo" is for
 * "example.com/foo" and "example.com/foo/bar", not "example.com/foobar".
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_pgp_ring;
struct ac_strv;

/* Where it is.  All borrowed. */
struct ac_keystore {
	const char *system; /* NULL: /usr/lib/acutils */
	const char *local;  /* NULL: /etc/acutils */
	const char *user;   /* NULL: none */
};

/* A file of the keystore.  All owned. */
struct ac_trusted {
	char *prefix; /* NULL: a root key */
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

/* Add the keys trusted for images called NAME to RING; *n gets how many there
 * are.  A file that does not hold the one key that its name says is passed over
 * with a warning: one bad file must not keep all others from being used. */
AC_MUSTUSE int ac_keystore_ring(const struct ac_keystore *ks, const char *name,
				struct ac_pgp_ring *ring, size_t *n,
				struct ac_err *err);
/* Is one of the keys IDS (16 lower hex each: the end of a fingerprint) trusted
 * for NAME (NULL: for any name)?  1, 0, -1. */
AC_MUSTUSE int ac_keystore_knows(const struct ac_keystore *ks, const char *name,
				 const struct ac_strv *ids, struct ac_err *err);

/* Keep the armoured key TEXT of FINGERPRINT for PREFIX (NULL: as a root key) in
 * the user's directory if there is one, else the local one.  *path gets where;
 * the caller frees it. */
AC_MUSTUSE int ac_keystore_add(const struct ac_keystore *ks, const char *prefix,
			       const char *fingerprint, const char *text,
			       char **path, struct ac_err *err);

/* Take back the trust in FINGERPRINT at PREFIX (NULL: as a root key): the file
 * is removed where ac_keystore_add writes, and when a directory before that one
 * has the key too, an empty file masks it.  AC_E_NOT_FOUND when it was not
 * trusted there. */
AC_MUSTUSE int ac_keystore_remove(const struct ac_keystore *ks,
				  const char *prefix, const char *fingerprint,
				  struct ac_err *err);

/* Is the key at this very place (PREFIX NULL: the root)? */
bool ac_trust_has(const struct ac_trust *k, const char *prefix,
		  const char *fingerprint);

/* Could S be the name of a key file? */
bool ac_fingerprint_ok(const char *s);

#endif
