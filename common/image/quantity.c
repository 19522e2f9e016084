/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"

/* Wide enough for 17 digits times 2^60 times 1000. */
__extension__ typedef unsigned __int128 wide;

struct number {
	wide m;    /* significant digits */
	int exp10; /* value = m * 10^exp10 * 2^exp2 */
	int exp2;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int bad_form(const char *s, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "quantities must match the regular expression "
			  "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', not "
			  "'%.100s'",
			  s);
}

static int bad_suffix(const char *s, struct ac_err *err)
{
	return ac_err_set(err, AC_E_INVALID,
			  "unable to parse quantity's suffix '%.100s'; known "
			  "are n u m k M G T P E, Ki Mi Gi Ti Pi Ei and "
			  "e<number>",
			  s);
}

/* Of "12.50": keep MAX significant digits, round up what is cut off. */
static bool parse_digits(struct ac_str s, int max, struct number *out)
{
	bool dot = false;
	bool cut = false;
	int kept = 0;

	*out = (struct number){.m = 0};
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '.') {
			if (dot)
				return false;
			dot = true;
			continue;
		}
		if (kept < max) {
			out->m = out->m * 10 + (wide)(s.p[i] - '0');
			kept += out->m != 0;
			out->exp10 -= dot;
		} else {
			cut = cut || s.p[i] != '0';
			out->exp10 += !dot;
		}
	}
	out->m += cut;
	return true;
}

/* "e3", "E-2"; more than 64 bits of it is no exponent. */
static bool parse_exponent(const char *s, struct number *out)
{
	const char *digits = s + (s[1] == '-' || s[1] == '+' ? 2 : 1);
	int64_t v;

	if (!is_digit(*digits) ||
	    ac_num_i64(ac_str(s[1] == '+' ? digits : s + 1), &v) < 0)
		return false;
	v = v < -100000 ? -100000 : v > 100000 ? 100000 : v;
	out->exp10 += (int)v;
	return true;
}

static bool parse_suffix(const char *s, struct number *out)
{
	static const struct {
		char text[3];
		int exp10, exp2;
	} table[] = {
		{"", 0, 0},    {"n", -9, 0},  {"u", -6, 0},  {"m", -3, 0},
		{"k", 3, 0},   {"K", 3, 0},   {"M", 6, 0},   {"G", 9, 0},
		{"T", 12, 0},  {"P", 15, 0},  {"E", 18, 0},  {"Ki", 0, 10},
		{"Mi", 0, 20}, {"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50},
		{"Ei", 0, 60},
	};

	for (size_t i = 0; i < AC_LEN(table); i++)
		if (strcmp(table[i].text, s) == 0) {
			out->exp10 += table[i].exp10;
			out->exp2 = table[i].exp2;
			return true;
		}
	return (s[0] == 'e' || s[0] == 'E') && parse_exponent(s, out);
}

/* Rounded up, and cut at the greatest there is. */
static int64_t to_milli(struct number q)
{
	bool rest = false;
	wide v;

	if (q.m == 0)
		return 0;
	v = (q.m << q.exp2) * 1000;
	for (; q.exp10 > 0 && v <= INT64_MAX; q.exp10--)
		v *= 10;
	for (; q.exp10 < 0 && v != 0; q.exp10++) {
		rest = rest || v % 10 != 0;
		v /= 10;
	}
	v += rest;
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int parse_trimmed(const char *s, int64_t *milli, struct ac_err *err)
{
	const char *p = s + (s[0] == '-' || s[0] == '+');
	size_t n = strspn(p, "0123456789.");
	const char *suffix = p + n;
	size_t letters = strspn(suffix, "eEinumkKMGTP");
	struct number q;
	int64_t v;
	bool binary = letters == 2 && suffix[1] == 'i';

	p = suffix + letters;
	p += *p == '-' || *p == '+';
	if (s[0] == '\0' || p[strspn(p, "0123456789")] != '\0' ||
	    !parse_digits(ac_strn(suffix - n, n), binary ? 17 : 19, &q))
		return bad_form(s, err);
	if (!parse_suffix(suffix, &q))
		return bad_suffix(suffix, err);
	v = to_milli(q);
	*milli = s[0] == '-' ? -v : v;
	return 0;
}

/* Spaces around it do not count. */
static int parse_text(const char *s, int64_t *milli, struct ac_err *err)
{
	struct ac_str trimmed = ac_str_trim(ac_str(s));
	AC_FREE char *copy = ac_xstrndup(trimmed.p, trimmed.len);

	return parse_trimmed(copy, milli, err);
}

int ac_quantity_parse(const struct ac_json *v, int64_t *milli,
		      struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(4096);
	enum ac_json_type t = ac_json_type(v);
	const char *s = ac_json_text(v, NULL);

	if (t == AC_JSON_INT || t == AC_JSON_REAL) {
		ac_json_write(v, 0, false, &b);
		s = ac_buf_str(&b);
	} else if (s == NULL) {
		return bad_form(ac_json_type_name(t), err);
	}
	return parse_text(s, milli, err);
}
