/* SPDX-License-Identifier: Apache-2.0 */
/* Files with OpenPGP keys, as packets. */
#include <string.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/pgp_keyfile.h"
#include "common/codec/pgp_sigfile.h"
#include "tests/unit/tap.h"

#define BUF    AC_CLEANUP(ac_buf_release) struct ac_buf
#define BLOCKS AC_CLEANUP(ac_pgp_blocks_release) struct ac_pgp_blocks

static struct ac_err err;

/* An EdDSA key of no curve, made at the second N; the same as a subkey; one of
 * RSA with a number that is too short. */
#define KEY(n)    "\x98\x08\x04\x5e\x00\x00" n "\x16\x00\x00"
#define SUBKEY(n) "\xb8\x08\x04\x5e\x00\x00" n "\x16\x00\x00"
#define WEAK(n)   "\x98\x0a\x04\x5e\x00\x00" n "\x01\x04\x00\x80\x00"
#define UID       "\xb4\x03Joe"
#define OTHER     "\xb4\x03Jim"
/* Signatures by whom they do not say, with flags; the second says that the key
 * expires. */
#define SIG(type, flags)                                                \
	"\xc2\x0e\x04" type "\x16\x08\x00\x03\x02\x1b" flags "\x00\x00" \
	"\xab\xcd\x00"
#define LIMITED(type, flags)                                 \
	"\xc2\x14\x04" type "\x16\x08\x00\x09\x02\x1b" flags \
	"\x05\x09\x00\x00\x00\x01\x00\x00\xab\xcd\x00"
/* By somebody else, as is said where the signature does not cover it, and where
 * it does. */
#define UNSURE(type, flags)                                             \
	"\xc2\x18\x04" type "\x16\x08\x00\x03\x02\x1b" flags "\x00\x0a" \
	"\x09\x10\xee\xee\xee\xee\xee\xee\xee\xee\xab\xcd\x00"
#define OTHERS(type, flags)                                    \
	"\xc2\x25\x04" type "\x16\x08\x00\x1a\x02\x1b" flags   \
	"\x16\x21\x04\xee\xee\xee\xee\xee\xee\xee\xee\xee\xee" \
	"\xee\xee\xee\xee\xee\xee\xee\xee\xee\xee"             \
	"\x00\x00\xab\xcd\x00"
#define PLAIN(type) "\xc2\x0b\x04" type "\x16\x08\x00\x00\x00\x00\xab\xcd\x00"
#define SECRET      "\x94\x08\x04\x5e\x00\x00\x09\x16\x00\x00"
/* What gpg keeps beside signatures, to believe them without a look. */
#define TRUST "\xb0\x06\x00\x03gpg\x00"

#define ADD(b, text) ac_pgp_blocks_add(b, text, sizeof(text) - 1, "x", &err)

#define CERTIFIES "\x01"
#define SIGNS     "\x02"

static bool writes(const struct ac_pgp_blocks *b, const char *want, size_t n)
{
	BUF out = AC_BUF_INIT(1 << 16);

	for (size_t i = 0; i < b->n; i++)
		ac_pgp_block_write(&b->v[i], &out);
	return out.len == n && memcmp(ac_buf_str(&out), want, n) == 0;
}
#define WRITES(b, text) writes(b, text, sizeof(text) - 1)

TEST(what_is_kept)
{
	BLOCKS b = AC_PGP_BLOCKS_INIT;
	BUF text = AC_BUF_INIT(1 << 16);

	CHECK(ADD(&b, KEY("\x01") UID SIG("\x13", SIGNS) TRUST SUBKEY("\x02")
			      SIG("\x18", SIGNS) TRUST) == 0);
	CHECK(b.n == 1 && b.v[0].n == 3);
	CHECK(WRITES(&b, KEY("\x01") UID SIG("\x13", SIGNS) SUBKEY("\x02")
				 SIG("\x18", SIGNS)));
	CHECK(strlen(b.v[0].v[0].fingerprint) == 40);
	CHECK(ac_pgp_blocks_find(&b, b.v[0].v[2].fingerprint, NULL) == b.v);
	CHECK(ac_pgp_blocks_find(&b, b.v[0].v[2].fingerprint + 24, NULL) ==
	      b.v);
	CHECK(ac_pgp_blocks_find(&b, "0123456789abcdef", NULL) == NULL);
	CHECK(ac_pgp_blocks_find(&b, "", NULL) == NULL);

	/* The same in armour, between other things: nothing new. */
	ac_buf_adds(&text, "a key\n");
	ac_pgp_armour(UID, sizeof(UID) - 1, &text);
	ac_pgp_armour_key(KEY("\x01") UID SIG("\x13", SIGNS), 31, &text);
	CHECK(ac_pgp_blocks_add(&b, text.p, text.len, "x", &err) == 0);
	CHECK(b.n == 1 && b.v[0].n == 3);
	CHECK(ADD(&b, KEY("\x03") UID SIG("\x13", SIGNS)) == 0);
	CHECK(b.n == 2);
}

TEST(merged)
{
	BLOCKS b = AC_PGP_BLOCKS_INIT;

	CHECK(ADD(&b, KEY("\x01") UID SIG("\x13", SIGNS) SUBKEY("\x02")
			      SIG("\x18", SIGNS)) == 0);
	CHECK(ADD(&b, KEY("\x01") PLAIN("\x20") OTHER SIG("\x13", SIGNS)) == 0);
	CHECK(b.n == 1);
	CHECK(WRITES(&b, KEY("\x01") PLAIN("\x20") UID SIG("\x13", SIGNS)
				 OTHER SIG("\x13", SIGNS) SUBKEY("\x02")
					 SIG("\x18", SIGNS)));
}

TEST(of_no_use)
{
	BLOCKS b = AC_PGP_BLOCKS_INIT;

	CHECK(ADD(&b, "") < 0 && err.code == AC_E_INVALID);
	CHECK(ADD(&b, "junk") < 0 && err.code == AC_E_INVALID);
	CHECK(ADD(&b, KEY("\x01")) < 0);
	CHECK(ADD(&b, KEY("\x01") UID) < 0);
	CHECK(ADD(&b, KEY("\x01") SIG("\x1f", SIGNS)) < 0);
	CHECK(ADD(&b, UID SIG("\x13", SIGNS)) < 0);
	CHECK(ADD(&b, SECRET UID SIG("\x13", SIGNS)) < 0);
	CHECK(ADD(&b, PLAIN("\x20")) < 0); /* of whom? */
	CHECK(ADD(&b, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAA==\n") < 0);
	CHECK(b.n == 0);
	/* What belongs to a secret key is not that of the one before. */
	CHECK(ADD(&b, KEY("\x01") UID SIG("\x13", SIGNS) SECRET PLAIN("\x20")
			      OTHER SIG("\x13", SIGNS)) == 0);
	CHECK(WRITES(&b, KEY("\x01") UID SIG("\x13", SIGNS)));
}

#define SIGNS_AT(text, piece) signs_at(text, sizeof(text) - 1, piece)
static bool signs_at(const char *text, size_t n, size_t piece)
{
	BLOCKS b = AC_PGP_BLOCKS_INIT;

	CHECK(ac_pgp_blocks_add(&b, text, n, "x", &err) == 0);
	CHECK(piece < b.v[0].n);
	return ac_pgp_block_signs(&b.v[0], piece);
}

/* Only what needs no question. */
TEST(may_sign)
{
	CHECK(SIGNS_AT(KEY("\x01") UID SIG("\x13", SIGNS), 0));
	CHECK(SIGNS_AT(KEY("\x01") UID LIMITED("\x13", SIGNS), 0));
	CHECK(!SIGNS_AT(KEY("\x01") UID SIG("\x13", CERTIFIES), 0));
	CHECK(!SIGNS_AT(KEY("\x01") UID PLAIN("\x13"), 0));
	CHECK(!SIGNS_AT(WEAK("\x01") UID SIG("\x13", SIGNS), 0));
	CHECK(SIGNS_AT(KEY("\x01") UID SIG("\x13", SIGNS)
			       OTHERS("\x13", CERTIFIES),
		       0));
	/* Whoever passed it on may have written that. */
	CHECK(!SIGNS_AT(KEY("\x01") UID SIG("\x13", SIGNS)
				UNSURE("\x13", CERTIFIES),
			0));
	CHECK(!SIGNS_AT(KEY("\x01") UID SIG("\x13", SIGNS)
				SIG("\x13", CERTIFIES),
			0));
	CHECK(!SIGNS_AT(KEY("\x01") SIG("\x1f", CERTIFIES)
				UID SIG("\x13", SIGNS),
			0));
	CHECK(SIGNS_AT(KEY("\x01") UID SIG("\x13", CERTIFIES) SUBKEY("\x02")
			       SIG("\x18", SIGNS),
		       2));
	CHECK(!SIGNS_AT(KEY("\x01") UID SIG("\x13", CERTIFIES) SUBKEY("\x02"),
			2));
	CHECK(!SIGNS_AT(KEY("\x01") UID SIG("\x13", SIGNS) SUBKEY("\x02")
				SIG("\x13", SIGNS),
			2));
	CHECK(!SIGNS_AT(WEAK("\x01") UID SIG("\x13", CERTIFIES) SUBKEY("\x02")
				SIG("\x18", SIGNS),
			2));
	/* gpg would not say that the primary key has expired. */
	CHECK(!SIGNS_AT(KEY("\x01") UID LIMITED("\x13", CERTIFIES)
				SUBKEY("\x02") SIG("\x18", SIGNS),
			2));
}
