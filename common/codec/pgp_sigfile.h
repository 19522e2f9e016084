/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGP_SIGFILE_H
#define AC_CODEC_PGP_SIGFILE_H

/*
 * What a file with OpenPGP signatures is made of, before gpg sees it: the
 * armour (RFC 9580, 6), and the signature packets in it (4.2, 5.2).  So gpg
 * gets one kind of thing only, and a file of another kind is named.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/pgp_in.h"

struct ac_buf;
struct ac_err;

/* One signature packet.  Nothing of it is verified. */
struct ac_pgp_sigpacket {
	const unsigned char *p; /* borrowed: all of it, with its header */
	size_t len;
	uint8_t version;
	uint8_t type;       /* 0: of bytes, 1: of text */
	uint8_t hash;       /* 2: SHA-1, 8: SHA-256, ... */
	int64_t created;    /* -1: it does not say */
	char issuer[65];    /* fingerprint or key id, lower hex; "": none */
	bool issuer_signed; /* the signature covers that */
	/* Of one over a key: the first byte of its flags (RFC 9580, 5.2.3.29),
	 * what all of them have when there are several; -1: none. */
	int key_flags;
	bool key_expires; /* it says when */
};

enum { AC_PGP_MAX_SIGNATURES = 32 };
struct ac_pgp_sigfile {
	struct ac_pgp_sigpacket v[AC_PGP_MAX_SIGNATURES];
	size_t n;
};

/* The bytes in the armour TEXT into OUT: all blocks one after the other; what
 * is not armoured is copied.  Only blocks of signatures: anything else (a
 * clear-signed text, a message, a key) and a wrong checksum is AC_E_INVALID. */
AC_MUSTUSE int ac_pgp_dearmour(const char *text, size_t len, struct ac_buf *out,
			       struct ac_err *err);

/* The signature packets in LEN bytes (not armoured), each once, in their order.
 * Other packets than signatures, packets without a definite length and an end
 * within one are AC_E_INVALID, too many are AC_E_LIMIT, none is
 * AC_E_INVALID. */
AC_MUSTUSE int ac_pgp_sigfile_read(const char *p, size_t len,
				   struct ac_pgp_sigfile *out,
				   struct ac_err *err);

/* What the signature packet with the body BODY says, into *s, which is zero but
 * for p and len.  False when it is damaged. */
bool ac_pgp_sigpacket_read(struct ac_pgp_in body, struct ac_pgp_sigpacket *s);

/* As ac_pgp_dearmour, of public keys, where what stands between the blocks and
 * other blocks are passed over. */
AC_MUSTUSE int ac_pgp_dearmour_keys(const char *text, size_t len,
				    struct ac_buf *out, struct ac_err *err);

/* Append LEN bytes as an armoured signature, or public key. */
void ac_pgp_armour(const char *p, size_t len, struct ac_buf *out);
void ac_pgp_armour_key(const char *p, size_t len, struct ac_buf *out);

#endif
