/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_PGP_PACKET_H
#define AC_CODEC_PGP_PACKET_H

/* Behind pgpcrypt.h: OpenPGP's packets (RFC 9580, 4) and its armour (6), both
 * as streams.  Nobody else includes this. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/unzip.h"

struct ac_err;

enum ac_pgp_tag {
	AC_PGP_PKESK = 1,
	AC_PGP_SIGNATURE = 2,
	AC_PGP_SKESK = 3,
	AC_PGP_ONE_PASS = 4,
	AC_PGP_COMPRESSED = 8,
	AC_PGP_SED = 9, /* encrypted, not protected */
	AC_PGP_MARKER = 10,
	AC_PGP_LITERAL = 11,
	AC_PGP_SEIPD = 18, /* encrypted and protected */
	AC_PGP_MDC = 19,
	AC_PGP_AEAD = 20, /* GnuPG's own */
};

/* Packets out of bytes: for each packet begin, body as often as there are
 * bytes, end.  A negative return of one ends the work. */
struct ac_pgp_packets {
	int (*begin)(void *ctx, int tag, struct ac_err *err);
	int (*body)(void *ctx, const uint8_t *p, size_t n, struct ac_err *err);
	int (*end)(void *ctx, struct ac_err *err);
	void *ctx;

	/* Zero at the start: */
	int tag;
	bool in_body, old_form;
	bool partial;  /* another length follows this part */
	bool to_end;   /* as long as the stream */
	uint64_t left; /* of this part */
	uint8_t head[6];
	size_t n_head;
};

AC_MUSTUSE int ac_pgp_packets_feed(struct ac_pgp_packets *s, const uint8_t *p,
				   size_t n, struct ac_err *err);
/* AC_E_INVALID when a packet is not complete. */
AC_MUSTUSE int ac_pgp_packets_finish(struct ac_pgp_packets *s,
				     struct ac_err *err);

/* Does the text begin a message in armour? */
bool ac_pgp_is_armor(const void *p, size_t n);

/* Armour off.  Its checksum is not looked at (RFC 9580, 6.1): what is in it has
 * a better one. */
struct ac_pgp_armor {
	ac_sink_fn sink;
	void *ctx;

	/* Zero at the start: */
	int state;
	uint32_t bits; /* base64 digits not used yet, */
	int n_bits;
	bool padded;
	char line[256];
	size_t n_line;
	uint8_t out[192];
	size_t n_out;
};

AC_MUSTUSE int ac_pgp_armor_feed(struct ac_pgp_armor *a, const void *p,
				 size_t n, struct ac_err *err);
AC_MUSTUSE int ac_pgp_armor_finish(struct ac_pgp_armor *a, struct ac_err *err);

#endif
