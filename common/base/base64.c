/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/base64.h"

#include "common/base/buf.h"

void ac_base64_encode(struct ac_buf *out, const void *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
				     "opqrstuvwxyz0123456789+/";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)b[i] << 16 |
			     (i + 1 < n ? (uint32_t)b[i + 1] << 8 : 0) |
			     (i + 2 < n ? b[i + 2] : 0);

		ac_buf_addc(out, digits[v >> 18]);
		ac_buf_addc(out, digits[v >> 12 & 63]);
		ac_buf_addc(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		ac_buf_addc(out, i + 2 < n ? digits[v & 63] : '=');
	}
}

int ac_base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

int ac_base64_decode_bare(const char *text, size_t len, uint8_t *out, size_t *n)
{
	uint32_t bits = 0;
	unsigned int have = 0;
	size_t to = 0;

	for (int i = 0; i < 2 && len != 0 && text[len - 1] == '='; i++)
		len--;
	if (len % 4 == 1)
		return -1;
	for (size_t i = 0; i < len; i++) {
		int d = ac_base64_digit(text[i]);

		if (d < 0)
			return -1;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[to++] = (uint8_t)(bits >> have);
			bits &= (1U << have) - 1;
		}
	}
	*n = to;
	return bits == 0 ? 0 : -1;
}

int ac_base64_decode(const char *text, size_t len, uint8_t *out, size_t *n)
{
	return len % 4 == 0 ? ac_base64_decode_bare(text, len, out, n) : -1;
}
