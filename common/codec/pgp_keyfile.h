/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGP_KEYFILE_H
#define AC_CODEC_PGP_KEYFILE_H

/*
 * Behind pgp.h: what a file with public keys is made of (RFC 9580, 10.1), so
 * that gpg can be given a keyring without an import.  No signature in it is
 * verified here: gpg does that whenever it uses a key.  Nobody else includes
 * this.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/buf.h"

struct ac_err;

/* A key, an identity or a subkey, with the signatures over it. */
struct ac_pgp_piece {
	unsigned int tag;
	struct ac_buf packet; /* with its header */
	struct ac_buf sigs;   /* packets, one behind the other */
	char fingerprint[65]; /* of keys; lower hex */
	bool strong;          /* of keys: certainly; else only gpg can tell */
};

/* A key with all that belongs to it; the first piece is the primary key. */
struct ac_pgp_block {
	struct ac_pgp_piece *v;
	size_t n;
};

struct ac_pgp_blocks {
	struct ac_pgp_block *v;
	size_t n;
};
#define AC_PGP_BLOCKS_INIT ((struct ac_pgp_blocks){.v = NULL})
void ac_pgp_blocks_release(struct ac_pgp_blocks *b);

/* Add the keys in TEXT (armoured or binary) to B; what is new about a known one
 * is merged with it, as are revocations alone of known ones.  Nothing of it is
 * of use: AC_E_INVALID, and B may have got some of it.  WHAT names it. */
AC_MUSTUSE int ac_pgp_blocks_add(struct ac_pgp_blocks *b, const void *text,
				 size_t len, const char *what,
				 struct ac_err *err);

/* The key whose primary key, or a subkey, has the fingerprint or the id FPR
 * (lower hex); NULL: none.  *piece (may be NULL) gets which it is. */
const struct ac_pgp_block *ac_pgp_blocks_find(const struct ac_pgp_blocks *b,
					      const char *fpr, size_t *piece);

/* The key whose primary key has the fingerprint FPR; NULL: none.  Nobody has
 * verified what a key says its subkeys are: whose a key is says only this. */
const struct ac_pgp_block *ac_pgp_blocks_key(const struct ac_pgp_blocks *b,
					     const char *fpr);

/* May the key PIECE of B sign, whichever of the signatures over it are good,
 * and is it strong, as the primary key is?  A subkey's primary key never
 * expires.  False: only gpg can tell. */
bool ac_pgp_block_signs(const struct ac_pgp_block *b, size_t piece);

/* Append the packets: a keyring of gpg. */
void ac_pgp_block_write(const struct ac_pgp_block *b, struct ac_buf *out);

#endif
