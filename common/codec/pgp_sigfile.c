/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_sigfile.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/codec/pgp_in.h"

enum subpacket {
	SUB_CREATED = 2,
	SUB_KEY_EXPIRES = 9,
	SUB_ISSUER = 16,
	SUB_KEY_FLAGS = 27,
	SUB_FINGERPRINT = 33,
};

static void set_issuer(struct ac_pgp_sigpacket *s, const unsigned char *p,
		       size_t n, bool hashed)
{
	/* A fingerprint says more than an id. */
	if (n * 2 >= sizeof(s->issuer) || n * 2 <= strlen(s->issuer))
		return;
	ac_hex_encode(s->issuer, p, n);
	s->issuer_signed = hashed;
}

static void take_subpackets(struct ac_pgp_in area, struct ac_pgp_sigpacket *s,
			    bool hashed)
{
	struct ac_pgp_in sub;
	size_t len;
	size_t type;
	size_t v;

	while (ac_pgp_take_length(&area, false, &len) &&
	       ac_pgp_take(&area, len, &sub) &&
	       ac_pgp_take_number(&sub, 1, &type)) {
		type &= 0x7f; /* the bit "critical" */
		if (type == SUB_CREATED && hashed && sub.len == 4 &&
		    ac_pgp_take_number(&sub, 4, &v))
			s->created = (int64_t)v;
		else if (type == SUB_KEY_EXPIRES && hashed)
			s->key_expires = true;
		else if (type == SUB_KEY_FLAGS && hashed && sub.len != 0)
			s->key_flags =
				sub.p[0] &
				(s->key_flags >= 0 ? s->key_flags : 0xff);
		else if (type == SUB_ISSUER && sub.len == 8)
			set_issuer(s, sub.p, sub.len, hashed);
		/* gpg reads it nowhere else. */
		else if (type == SUB_FINGERPRINT && hashed &&
			 (sub.len == 21 || sub.len == 33))
			set_issuer(s, sub.p + 1, sub.len - 1, hashed);
	}
}

static bool read_old(struct ac_pgp_in body, struct ac_pgp_sigpacket *s)
{
	struct ac_pgp_in id;
	size_t v;

	if (!ac_pgp_take_number(&body, 1, &v) || v != 5 ||
	    !ac_pgp_take_number(&body, 1, &v))
		return false;
	s->type = (uint8_t)v;
	if (!ac_pgp_take_number(&body, 4, &v) || !ac_pgp_take(&body, 8, &id))
		return false;
	s->created = (int64_t)v;
	set_issuer(s, id.p, id.len, false);
	/* The key's algorithm is behind the id, then the digest. */
	if (!ac_pgp_take(&body, 1, &id) || !ac_pgp_take_number(&body, 1, &v))
		return false;
	s->hash = (uint8_t)v;
	return true;
}

bool ac_pgp_sigpacket_read(struct ac_pgp_in body, struct ac_pgp_sigpacket *s)
{
	size_t width;
	size_t v;
	struct ac_pgp_in area;

	s->created = -1;
	s->key_flags = -1;
	if (!ac_pgp_take_number(&body, 1, &v))
		return false;
	s->version = (uint8_t)v;
	if (v == 3)
		return read_old(body, s);
	if (v < 4 || v > 6)
		return true;
	width = v == 6 ? 4 : 2;
	if (!ac_pgp_take_number(&body, 1, &v))
		return false;
	s->type = (uint8_t)v;
	if (!ac_pgp_take(&body, 1, &area) || !ac_pgp_take_number(&body, 1, &v))
		return false;
	s->hash = (uint8_t)v;
	for (int i = 0; i < 2; i++) {
		if (!ac_pgp_take_number(&body, width, &v) ||
		    !ac_pgp_take(&body, v, &area))
			return false;
		take_subpackets(area, s, i == 0);
	}
	return true;
}

static const char *foreign(unsigned int tag)
{
	switch (tag) {
	case TAG_ONE_PASS:
	case TAG_COMPRESSED:
	case TAG_LITERAL:
		return "not an OpenPGP signature: a message with its content, "
		       "not a detached one";
	case 1:
	case 3:
	case TAG_ENCRYPTED:
	case TAG_ENCRYPTED_2:
	case TAG_ENCRYPTED_3:
		return "not an OpenPGP signature: an encrypted message";
	case TAG_SECRET_KEY:
	case TAG_PUBLIC_KEY:
		return "not an OpenPGP signature: a key";
	default:
		return "not an OpenPGP signature";
	}
}

static bool known(const struct ac_pgp_sigfile *all, const unsigned char *p,
		  size_t len)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].len == len && memcmp(all->v[i].p, p, len) == 0)
			return true;
	return false;
}

int ac_pgp_sigfile_read(const char *p, size_t len, struct ac_pgp_sigfile *out,
			struct ac_err *err)
{
	struct ac_pgp_in in = {(const unsigned char *)p, len};

	out->n = 0;
	while (in.len != 0) {
		const unsigned char *start = in.p;
		struct ac_pgp_sigpacket s = {.p = start};
		unsigned int tag = 0;
		struct ac_pgp_in body;

		if (!ac_pgp_take_packet(&in, &tag, &body))
			return ac_err_set(err, AC_E_INVALID, "%s",
					  out->n == 0 ? foreign(tag)
						      : "damaged behind its "
							"first signature");
		if (tag == TAG_MARKER || tag == TAG_PADDING)
			continue;
		s.len = (size_t)(in.p - start);
		if (tag != TAG_SIGNATURE)
			return ac_err_set(err, AC_E_INVALID, "%s",
					  foreign(tag));
		if (!ac_pgp_sigpacket_read(body, &s))
			return ac_err_set(err, AC_E_INVALID,
					  "a damaged OpenPGP signature");
		if (known(out, s.p, s.len))
			continue;
		if (out->n == AC_PGP_MAX_SIGNATURES)
			return ac_err_set(err, AC_E_LIMIT,
					  "more than %d signatures in one file",
					  AC_PGP_MAX_SIGNATURES);
		out->v[out->n++] = s;
	}
	return out->n != 0 ? 0
			   : ac_err_set(err, AC_E_INVALID,
					"not an OpenPGP signature");
}
