/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/num.h"

static int digits(struct ac_str s, unsigned int base, uint64_t *out)
{
	uint64_t v = 0;

	if (s.len == 0)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		unsigned int d = (unsigned int)(unsigned char)s.p[i] - '0';

		if (d >= base || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, d, &v))
			return -1;
	}
	*out = v;
	return 0;
}

int ac_num_u64(struct ac_str s, uint64_t *out)
{
	return digits(s, 10, out);
}

int ac_num_max(struct ac_str s, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (digits(s, 10, &v) < 0 || v > max)
		return -1;
	*out = v;
	return 0;
}

int ac_num_octal(struct ac_str s, uint64_t *out)
{
	return digits(s, 8, out);
}

int ac_num_i64(struct ac_str s, int64_t *out)
{
	bool neg = s.len != 0 && s.p[0] == '-';
	uint64_t v;

	if (neg)
		s = ac_strn(s.p + 1, s.len - 1);
	if (digits(s, 10, &v) < 0 || v > (uint64_t)INT64_MAX + neg)
		return -1;
	*out = (int64_t)(neg ? -v : v);
	return 0;
}

int ac_num_bool(struct ac_str s, bool *out)
{
	static const char *const words[2][6] = {
		{"false", "0", "f", "F", "FALSE", "False"},
		{"true", "1", "t", "T", "TRUE", "True"},
	};

	for (size_t yes = 0; yes < 2; yes++)
		for (size_t i = 0; i < AC_LEN(words[yes]); i++)
			if (ac_str_eq(s, words[yes][i])) {
				*out = yes == 1;
				return 0;
			}
	return -1;
}

int ac_num_size(struct ac_str s, uint64_t *out)
{
	static const char units[] = {'K', 'M', 'G', 'T'};
	unsigned int shift = 0;
	uint64_t v;

	for (unsigned int i = 0; s.len != 0 && i < sizeof(units); i++)
		if (s.p[s.len - 1] == units[i])
			shift = 10 * (i + 1);
	if (shift != 0)
		s.len--;
	if (digits(s, 10, &v) < 0 || v > UINT64_MAX >> shift)
		return -1;
	*out = v << shift;
	return 0;
}
