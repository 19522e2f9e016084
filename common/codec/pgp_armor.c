/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/base64.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/codec/pgp_packet.h"

#define BEGIN "-----BEGIN PGP MESSAGE-----"
#define END   "-----END PGP MESSAGE-----"

enum { IN_BEGIN, IN_HEADERS, IN_DATA, BEHIND };

bool ac_pgp_is_armor(const void *p, size_t n)
{
	return n >= strlen(BEGIN) && memcmp(p, BEGIN, strlen(BEGIN)) == 0;
}

static int broken(struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID, "its armour is damaged");
}

static int flush(struct ac_pgp_armor *a, struct ac_err *err)
{
	size_t n = a->n_out;

	a->n_out = 0;
	return n != 0 ? a->sink(a->ctx, a->out, n, err) : 0;
}

static int data_line(struct ac_pgp_armor *a, struct ac_str s,
		     struct ac_err *err)
{
	for (size_t i = 0; i < s.len; i++) {
		int v = ac_base64_digit(s.p[i]);

		if (s.p[i] == '=') {
			a->padded = true;
			continue;
		}
		if (v < 0 || a->padded)
			return broken(err);
		a->bits = a->bits << 6 | (uint32_t)v;
		a->n_bits += 6;
		if (a->n_bits < 8)
			continue;
		a->n_bits -= 8;
		a->out[a->n_out++] = (uint8_t)(a->bits >> a->n_bits);
		if (a->n_out == sizeof(a->out) && flush(a, err) < 0)
			return -1;
	}
	return 0;
}

static int take_line(struct ac_pgp_armor *a, struct ac_err *err)
{
	struct ac_str s = ac_str_trim(ac_strn(a->line, a->n_line));

	a->n_line = 0;
	switch (a->state) {
	case IN_BEGIN:
		if (!ac_str_eq(s, BEGIN))
			return broken(err);
		a->state = IN_HEADERS;
		return 0;
	case IN_HEADERS:
		if (s.len == 0)
			a->state = IN_DATA;
		else if (memchr(s.p, ':', s.len) == NULL)
			return broken(err);
		return 0;
	case IN_DATA:
		if (ac_str_eq(s, END)) {
			a->state = BEHIND;
			return flush(a, err);
		}
		/* The checksum. */
		if (s.len == 5 && s.p[0] == '=') {
			a->padded = true;
			return 0;
		}
		return data_line(a, s, err);
	default:
		if (s.len == 0)
			return 0;
		return ac_err_set(err, AC_E_INVALID,
				  "something follows the encrypted data");
	}
}

int ac_pgp_armor_feed(struct ac_pgp_armor *a, const void *p, size_t n,
		      struct ac_err *err)
{
	const char *c = p;

	for (; n != 0; n--, c++) {
		if (*c == '\n') {
			if (take_line(a, err) < 0)
				return -1;
			continue;
		}
		if (a->n_line == sizeof(a->line))
			return broken(err);
		a->line[a->n_line++] = *c;
	}
	return 0;
}

int ac_pgp_armor_finish(struct ac_pgp_armor *a, struct ac_err *err)
{
	if (a->n_line != 0 && take_line(a, err) < 0)
		return -1;
	if (a->state != BEHIND)
		return ac_err_set(err, AC_E_INVALID, "it ends early");
	return 0;
}
