/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/codec/pgp_sigfile.h"

enum { LINE = 48 }; /* bytes in a line of 64 characters */

#define SIGNATURE "SIGNATURE"
#define KEY       "PUBLIC KEY BLOCK"

/* CRC-24 (RFC 9580, 6.1.1). */
static uint32_t crc24(const unsigned char *p, size_t n)
{
	uint32_t crc = 0xb704ce;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint32_t)p[i] << 16;
		for (int b = 0; b < 8; b++) {
			crc <<= 1;
			if ((crc & 0x1000000) != 0)
				crc ^= 0x1864cfb;
		}
	}
	return crc & 0xffffff;
}

static void armour(const char *kind, const char *p, size_t len,
		   struct ac_buf *out)
{
	const unsigned char *b = (const unsigned char *)p;
	uint32_t crc = crc24(b, len);
	unsigned char sum[3] = {crc >> 16 & 0xff, crc >> 8 & 0xff, crc & 0xff};

	ac_buf_addf(out, "-----BEGIN PGP %s-----\n\n", kind);
	for (size_t i = 0; i < len; i += LINE) {
		ac_base64_encode(out, b + i, len - i < LINE ? len - i : LINE);
		ac_buf_addc(out, '\n');
	}
	ac_buf_addc(out, '=');
	ac_base64_encode(out, sum, sizeof(sum));
	ac_buf_addf(out, "\n-----END PGP %s-----\n", kind);
}

void ac_pgp_armour(const char *p, size_t len, struct ac_buf *out)
{
	armour(SIGNATURE, p, len, out);
}

void ac_pgp_armour_key(const char *p, size_t len, struct ac_buf *out)
{
	armour(KEY, p, len, out);
}

/* One line of base64; *BITS and *N are what is left over from before. */
static int add_line(struct ac_str line, uint32_t *bits, unsigned int *n,
		    struct ac_buf *out)
{
	for (size_t i = 0; i < line.len; i++) {
		int d = ac_base64_digit(line.p[i]);

		if (line.p[i] == '=')
			continue;
		if (d < 0 || (i > 0 && line.p[i - 1] == '='))
			return -1;
		*bits = (*bits << 6 | (uint32_t)d) & 0xffffff;
		*n += 6;
		if (*n >= 8) {
			*n -= 8;
			ac_buf_addc(out, (char)(*bits >> *n & 0xff));
		}
	}
	return 0;
}

static int wrong(struct ac_err *err, const char *why)
{
	return ac_err_set(err, AC_E_INVALID, "not an OpenPGP signature: %s",
			  why);
}

static int damaged(struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID, "its armour is damaged");
}

/* "abcd" behind "=": is it the checksum of what was added to OUT behind START?
 */
static bool sum_is(struct ac_str line, const struct ac_buf *out, size_t start)
{
	struct ac_buf sum = AC_BUF_INIT(16);
	const unsigned char *p = (const unsigned char *)ac_buf_str(out);
	uint32_t bits = 0;
	unsigned int n = 0;
	uint32_t want = 0;
	bool ok = add_line(line, &bits, &n, &sum) == 0 && sum.len == 3;

	for (size_t i = 0; ok && i < 3; i++)
		want = want << 8 | (unsigned char)sum.p[i];
	ac_buf_release(&sum);
	return ok && want == crc24(p + start, out->len - start);
}

static int check_kind(struct ac_str line, struct ac_err *err)
{
	if (ac_str_eq(line, "-----BEGIN PGP " SIGNATURE "-----"))
		return 0;
	if (ac_str_eq(line, "-----BEGIN PGP SIGNED MESSAGE-----"))
		return wrong(err, "a clear-signed text, not a detached one");
	if (ac_str_eq(line, "-----BEGIN PGP MESSAGE-----"))
		return wrong(err, "a message with its content, not a detached "
				  "one");
	if (ac_str_eq(line, "-----BEGIN PGP " KEY "-----"))
		return wrong(err, "a public key");
	return wrong(err, "armour of another kind");
}

/* The rest of a block whose first line is behind us, to the line END. */
static int read_block(struct ac_str *rest, const char *end, struct ac_buf *out,
		      struct ac_err *err)
{
	size_t start = out->len;
	bool headers = true;
	bool summed = false;
	uint32_t bits = 0;
	unsigned int n = 0;

	while (rest->len != 0) {
		struct ac_str line;

		(void)ac_str_cut(rest, '\n', &line);
		line = ac_str_trim(line);
		if (headers) {
			headers = line.len != 0;
			if (ac_str_starts(line, "-----"))
				break;
			continue;
		}
		if (ac_str_eq(line, end))
			return 0;
		if (line.len == 0)
			continue;
		if (summed)
			break;
		summed = line.p[0] == '=' && line.len == 5;
		if (summed) {
			if (!sum_is(ac_strn(line.p + 1, 4), out, start))
				return ac_err_set(err, AC_E_INVALID,
						  "the checksum of its armour "
						  "is wrong");
		} else if (add_line(line, &bits, &n, out) < 0) {
			break;
		}
	}
	return damaged(err);
}

static const char begin[] = "-----BEGIN PGP ";

int ac_pgp_dearmour(const char *text, size_t len, struct ac_buf *out,
		    struct ac_err *err)
{
	struct ac_str rest = ac_strn(text, len);
	struct ac_str line;
	bool found = false;

	if (memmem(text, len, begin, sizeof(begin) - 1) == NULL) {
		ac_buf_add(out, text, len);
		return ac_buf_check(out, "the signature", err);
	}
	while (rest.len != 0) {
		(void)ac_str_cut(&rest, '\n', &line);
		line = ac_str_trim(line);
		if (!ac_str_starts(line, begin))
			continue;
		found = true;
		if (check_kind(line, err) < 0)
			return -1;
		if (read_block(&rest, "-----END PGP " SIGNATURE "-----", out,
			       err) < 0)
			return ac_err_ctx(err, "not an OpenPGP signature");
	}
	if (!found)
		return wrong(err, "its armour is damaged");
	return ac_buf_check(out, "the signature", err);
}

int ac_pgp_dearmour_keys(const char *text, size_t len, struct ac_buf *out,
			 struct ac_err *err)
{
	struct ac_str rest = ac_strn(text, len);
	struct ac_str line;

	if (memmem(text, len, begin, sizeof(begin) - 1) == NULL)
		ac_buf_add(out, text, len);
	else
		while (rest.len != 0) {
			(void)ac_str_cut(&rest, '\n', &line);
			if (ac_str_eq(ac_str_trim(line),
				      "-----BEGIN PGP " KEY "-----") &&
			    read_block(&rest, "-----END PGP " KEY "-----", out,
				       err) < 0)
				return -1;
		}
	return ac_buf_check(out, "the keys", err);
}
