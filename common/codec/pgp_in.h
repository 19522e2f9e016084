/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGP_IN_H
#define AC_CODEC_PGP_IN_H

/* Behind pgp.h: OpenPGP's packets out of bytes that are all there (RFC 9580,
 * 4).  Nobody else includes this. */

#include <stdbool.h>
#include <stddef.h>

/* Bytes that are not read yet, borrowed. */
struct ac_pgp_in {
	const unsigned char *p;
	size_t len;
};

enum tag {
	TAG_SIGNATURE = 2,
	TAG_ONE_PASS = 4,
	TAG_SECRET_KEY = 5,
	TAG_PUBLIC_KEY = 6,
	TAG_SECRET_SUBKEY = 7,
	TAG_COMPRESSED = 8,
	TAG_ENCRYPTED = 9,
	TAG_MARKER = 10,
	TAG_LITERAL = 11,
	TAG_USER_ID = 13,
	TAG_PUBLIC_SUBKEY = 14,
	TAG_ATTRIBUTE = 17,
	TAG_ENCRYPTED_2 = 18,
	TAG_ENCRYPTED_3 = 20,
	TAG_PADDING = 21,
};

/* The next N bytes (at most 4) as a number.  As the others, false where there
 * are not so many. */
bool ac_pgp_take_number(struct ac_pgp_in *in, size_t n, size_t *out);
/* The next N bytes. */
bool ac_pgp_take(struct ac_pgp_in *in, size_t n, struct ac_pgp_in *out);
/* A length as packets and subpackets have it; partial ones are refused in
 * packets, and in subpackets the same bytes are of two-byte lengths. */
bool ac_pgp_take_length(struct ac_pgp_in *in, bool packet, size_t *out);
/* The next packet: its tag and its body. */
bool ac_pgp_take_packet(struct ac_pgp_in *in, unsigned int *tag,
			struct ac_pgp_in *body);

#endif
