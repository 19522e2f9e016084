/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_sigfile.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/hex.h"

/* Bytes that are not read yet. */
struct in {
	const unsigned char *p;
	size_t len;
};

enum tag {
	TAG_ONE_PASS = 4,
	TAG_SIGNATURE = 2,
	TAG_SECRET_KEY = 5,
	TAG_PUBLIC_KEY = 6,
	TAG_COMPRESSED = 8,
	TAG_ENCRYPTED = 9,
	TAG_MARKER = 10,
	TAG_LITERAL = 11,
	TAG_ENCRYPTED_2 = 18,
	TAG_ENCRYPTED_3 = 20,
	TAG_PADDING = 21,
};
enum subpacket { SUB_CREATED = 2, SUB_ISSUER = 16, SUB_FINGERPRINT = 33 };

/* The next N bytes (at most 4) as a number. */
static bool take_number(struct in *in, size_t n, size_t *out)
{
	size_t v = 0;

	if (in->len < n)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | in->p[i];
	in->p += n;
	in->len -= n;
	*out = v;
	return true;
}

/* The next N bytes. */
static bool take(struct in *in, size_t n, struct in *out)
{
	if (in->len < n)
		return false;
	*out = (struct in){in->p, n};
	in->p += n;
	in->len -= n;
	return true;
}

/* A length as packets and subpackets have it; partial ones are refused in
 * packets, and in subpackets the same bytes are of two-byte lengths. */
static bool take_length(struct in *in, bool packet, size_t *out)
{
	size_t first;
	size_t second;

	if (!take_number(in, 1, &first))
		return false;
	if (first == 255)
		return take_number(in, 4, out);
	if (first >= 224 && packet)
		return false;
	*out = first;
	if (first < 192)
		return true;
	if (!take_number(in, 1, &second))
		return false;
	*out = ((first - 192) << 8) + second + 192;
	return true;
}

/* The next packet: its tag and its body. */
static bool take_packet(struct in *in, unsigned int *tag, struct in *body)
{
	static const size_t sizes[] = {1, 2, 4};
	size_t head;
	size_t len;

	if (!take_number(in, 1, &head) || (head & 0x80) == 0)
		return false;
	if ((head & 0x40) != 0) {
		*tag = head & 0x3f;
		return take_length(in, true, &len) && take(in, len, body);
	}
	*tag = head >> 2 & 0xf;
	return (head & 3) != 3 && take_number(in, sizes[head & 3], &len) &&
	       take(in, len, body);
}

static void set_issuer(struct ac_pgp_sigpacket *s, const unsigned char *p,
		       size_t n)
{
	/* A fingerprint says more than an id. */
	if (n * 2 < sizeof(s->issuer) && n * 2 > strlen(s->issuer))
		ac_hex_encode(s->issuer, p, n);
}

static void take_subpackets(struct in area, struct ac_pgp_sigpacket *s,
			    bool hashed)
{
	struct in sub;
	size_t len;
	size_t type;
	size_t v;

	while (take_length(&area, false, &len) && take(&area, len, &sub) &&
	       take_number(&sub, 1, &type)) {
		type &= 0x7f; /* the bit "critical" */
		if (type == SUB_CREATED && hashed && sub.len == 4 &&
		    take_number(&sub, 4, &v))
			s->created = (int64_t)v;
		else if (type == SUB_ISSUER && sub.len == 8)
			set_issuer(s, sub.p, sub.len);
		else if (type == SUB_FINGERPRINT &&
			 (sub.len == 21 || sub.len == 33))
			set_issuer(s, sub.p + 1, sub.len - 1);
	}
}

static bool read_old(struct in body, struct ac_pgp_sigpacket *s)
{
	struct in id;
	size_t v;

	if (!take_number(&body, 1, &v) || v != 5 || !take_number(&body, 1, &v))
		return false;
	s->type = (uint8_t)v;
	if (!take_number(&body, 4, &v) || !take(&body, 8, &id))
		return false;
	s->created = (int64_t)v;
	set_issuer(s, id.p, id.len);
	/* The key's algorithm is behind the id, then the digest. */
	if (!take(&body, 1, &id) || !take_number(&body, 1, &v))
		return false;
	s->hash = (uint8_t)v;
	return true;
}

/* What the signature packet BODY says. */
static bool read_signature(struct in body, struct ac_pgp_sigpacket *s)
{
	size_t width;
	size_t v;
	struct in area;

	s->created = -1;
	if (!take_number(&body, 1, &v))
		return false;
	s->version = (uint8_t)v;
	if (v == 3)
		return read_old(body, s);
	if (v < 4 || v > 6)
		return true;
	width = v == 6 ? 4 : 2;
	if (!take_number(&body, 1, &v))
		return false;
	s->type = (uint8_t)v;
	if (!take(&body, 1, &area) || !take_number(&body, 1, &v))
		return false;
	s->hash = (uint8_t)v;
	for (int i = 0; i < 2; i++) {
		if (!take_number(&body, width, &v) || !take(&body, v, &area))
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
	struct in in = {(const unsigned char *)p, len};

	out->n = 0;
	while (in.len != 0) {
		const unsigned char *start = in.p;
		struct ac_pgp_sigpacket s = {.p = start};
		unsigned int tag = 0;
		struct in body;

		if (!take_packet(&in, &tag, &body))
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
		if (!read_signature(body, &s))
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
