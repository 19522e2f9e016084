/* SPDX-License-Identifier: Apache-2.0 */
#include "common/codec/tar_fmt.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"

static int base256(const char *field, size_t n, int64_t *out)
{
	unsigned int flip = (field[0] & 0x40) != 0 ? 0xff : 0;
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned int c = (unsigned char)field[i] ^ flip;

		if (i == 0)
			c &= 0x7f;
		if (v >> 55 != 0)
			return -1;
		v = v << 8 | c;
	}
	*out = flip != 0 ? (int64_t)~v : (int64_t)v;
	return 0;
}

int ac_tar_number(const char *field, size_t n, int64_t *out)
{
	int64_t v = 0;
	size_t i = 0;

	if ((field[0] & 0x80) != 0)
		return base256(field, n, out);
	while (i < n && (field[i] == ' ' || field[i] == '\0'))
		i++;
	for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
		v = v << 3 | (field[i] - '0');
	/* What stands behind the end of the number has no meaning. */
	if (i < n && field[i] != ' ' && field[i] != '\0')
		return -1;
	*out = v;
	return 0;
}

size_t ac_tar_text(const char *field, size_t n)
{
	return strnlen(field, n);
}

void ac_tar_sum(const struct ac_tar_raw *h, int64_t *as_unsigned,
		int64_t *as_signed)
{
	const unsigned char *p = (const unsigned char *)h;
	uint32_t u = 0;
	uint32_t high = 0;
	size_t from = offsetof(struct ac_tar_raw, sum);

	for (size_t i = 0; i < AC_TAR_BLOCK; i++) {
		u += p[i];
		high += p[i] >> 7;
	}
	for (size_t i = from; i < from + sizeof(h->sum); i++) {
		u += ' ' - (uint32_t)p[i];
		high -= p[i] >> 7;
	}
	*as_unsigned = u;
	*as_signed = (int64_t)u - 256 * (int64_t)high;
}

int ac_tar_map_add(struct ac_tar_map *m, uint64_t off, uint64_t len,
		   struct ac_err *err)
{
	if (off < m->end || off > INT64_MAX || len > INT64_MAX - off)
		return ac_err_set(err, AC_E_INVALID, "broken sparse map");
	m->end = off + len;
	if (len == 0)
		return 0;
	if (m->n == AC_TAR_MAX_EXTENTS)
		return ac_err_set(err, AC_E_LIMIT,
				  "sparse file of more than %d pieces",
				  AC_TAR_MAX_EXTENTS);
	if (m->n == m->cap) {
		m->cap = m->cap != 0 ? m->cap * 2 : 16;
		m->v = ac_xrealloc(m->v, m->cap, sizeof(*m->v));
	}
	m->v[m->n++] = (struct ac_extent){.off = off, .len = len};
	m->stored += len;
	return 0;
}

void ac_tar_map_reset(struct ac_tar_map *m)
{
	m->n = 0;
	m->stored = 0;
	m->end = 0;
}

void ac_tar_map_release(struct ac_tar_map *m)
{
	free(m->v);
	*m = (struct ac_tar_map){.v = NULL};
}
