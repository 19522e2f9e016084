/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_SITEKEYS_H
#define AC_FETCH_SITEKEYS_H

/*
 * The public keys of a site of images: all OpenPGP keys in the file
 * pubkeys.gpg, and each plain key in one of its own, as the keystore has them:
 * the SHA-256 of its SubjectPublicKeyInfo and ".pub".  The pages announce each
 * of these files (a file has keys of one kind only).
 */

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/store/sig.h"

struct ac_err;

struct site_keys {
	struct ac_sig_keys keys;
	struct ac_strv files; /* of the site: pubkeys.gpg first */
};
#define SITE_KEYS_INIT ((struct site_keys){.keys = AC_SIG_KEYS_INIT})
void site_keys_release(struct site_keys *k);

/* The keys of the site in DIRFD, after those of the key files MORE were added
 * to them: a newer copy of a key takes the place of the old. */
AC_MUSTUSE int site_keys_read(struct site_keys *k, int dirfd,
			      const struct ac_strv *more, struct ac_err *err);

/* The names of their files, without reading them. */
AC_MUSTUSE int site_keys_files(int dirfd, struct ac_strv *out,
			       struct ac_err *err);

#endif
