/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/pgp_packet.h"

#include "common/base/err.h"

/* The octets of a length, by its first one. */
static size_t length_size(const struct ac_pgp_packets *s, uint8_t first)
{
	if (s->old_form)
		return (size_t)1 << (s->head[0] & 3);
	if (first < 192 || (first >= 224 && first < 255))
		return 1;
	return first < 224 ? 2 : 5;
}

static uint64_t big_endian(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static int take_length(struct ac_pgp_packets *s, size_t n, struct ac_err *err)
{
	const uint8_t *p = s->head + 1;

	s->partial = false;
	if (s->old_form) {
		s->left = big_endian(p, n);
	} else if (n == 5) {
		s->left = big_endian(p + 1, 4);
	} else if (n == 2) {
		s->left = ((uint64_t)(p[0] - 192) << 8) + p[1] + 192;
	} else if (p[0] < 192) {
		s->left = p[0];
	} else {
		s->left = (uint64_t)1 << (p[0] & 31);
		s->partial = true;
	}
	/* Only what has data may come in parts. */
	if (s->partial && s->tag != AC_PGP_COMPRESSED && s->tag != AC_PGP_SED &&
	    s->tag != AC_PGP_LITERAL && s->tag != AC_PGP_SEIPD &&
	    s->tag != AC_PGP_AEAD)
		return ac_err_set(err, AC_E_INVALID,
				  "a packet of type %d comes in parts", s->tag);
	return 0;
}

static int end_part(struct ac_pgp_packets *s, struct ac_err *err)
{
	if (s->left != 0)
		return 0;
	s->in_body = false;
	s->n_head = s->partial ? 1 : 0;
	return s->partial ? 0 : s->end(s->ctx, err);
}

static int begin_body(struct ac_pgp_packets *s, bool first, struct ac_err *err)
{
	s->in_body = true;
	if (first && s->begin(s->ctx, s->tag, err) < 0)
		return -1;
	return end_part(s, err);
}

static int head_byte(struct ac_pgp_packets *s, uint8_t c, struct ac_err *err)
{
	bool first = !s->partial;
	size_t n;

	s->head[s->n_head++] = c;
	if (s->n_head > 1) {
		n = length_size(s, s->head[1]);
		if (s->n_head < 1 + n)
			return 0;
		return take_length(s, n, err) < 0 ? -1
						  : begin_body(s, first, err);
	}
	if ((c & 0x80) == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "no OpenPGP packet where one should be");
	s->old_form = (c & 0x40) == 0;
	s->tag = s->old_form ? (c >> 2) & 15 : c & 63;
	s->to_end = s->old_form && (c & 3) == 3;
	if (!s->to_end)
		return 0;
	s->left = UINT64_MAX;
	return begin_body(s, true, err);
}

int ac_pgp_packets_feed(struct ac_pgp_packets *s, const uint8_t *p, size_t n,
			struct ac_err *err)
{
	while (n != 0) {
		size_t step = n < s->left ? n : (size_t)s->left;

		if (!s->in_body) {
			if (head_byte(s, *p++, err) < 0)
				return -1;
			n--;
			continue;
		}
		if (s->body(s->ctx, p, step, err) < 0)
			return -1;
		p += step;
		n -= step;
		if (s->to_end)
			continue;
		s->left -= step;
		if (end_part(s, err) < 0)
			return -1;
	}
	return 0;
}

int ac_pgp_packets_finish(struct ac_pgp_packets *s, struct ac_err *err)
{
	if (s->in_body && s->to_end) {
		s->in_body = s->to_end = false;
		s->n_head = 0;
		return s->end(s->ctx, err);
	}
	if (s->in_body || s->n_head != 0)
		return ac_err_set(err, AC_E_INVALID, "it ends early");
	return 0;
}
