/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/err.h"
#include "common/codec/tar_fmt.h"

/* Bytes from the source, in place where they are, and what is read from them
 * for sparse files. */

int ac_tar_stream_fill(struct ac_tar_stream *s, struct ac_err *err)
{
	const void *p = NULL;
	ssize_t n;

	if (s->n != 0)
		return 1;
	if (s->eof)
		return 0;
	n = s->source(s->ctx, &p, err);
	if (n < 0)
		return -1;
	s->p = p;
	s->n = (size_t)n;
	s->total += (size_t)n;
	s->eof = n == 0;
	return n != 0;
}

int ac_tar_stream_skip(struct ac_tar_stream *s, uint64_t n, struct ac_err *err)
{
	if (s->seek != NULL && n > s->n) {
		n -= s->n;
		s->n = 0;
		s->total += n;
		return s->seek(s->ctx, n, err);
	}
	while (n != 0) {
		int ret = ac_tar_stream_fill(s, err);
		size_t step = s->n < n ? s->n : (size_t)n;

		if (ret <= 0)
			return ret;
		s->p += step;
		s->n -= step;
		n -= step;
	}
	return 1;
}

ssize_t ac_tar_stream_read(struct ac_tar_stream *s, char *out, size_t n,
			   struct ac_err *err)
{
	size_t got = 0;

	while (got < n) {
		int ret = ac_tar_stream_fill(s, err);
		size_t step = s->n < n - got ? s->n : n - got;

		if (ret < 0)
			return -1;
		if (ret == 0)
			break;
		memcpy(out + got, s->p, step);
		s->p += step;
		s->n -= step;
		got += step;
	}
	return (ssize_t)got;
}

ssize_t ac_tar_stream_block(struct ac_tar_stream *s, const char **p,
			    struct ac_err *err)
{
	int ret = ac_tar_stream_fill(s, err);

	if (ret <= 0)
		return ret;
	if (s->n >= AC_TAR_BLOCK) {
		*p = s->p;
		s->p += AC_TAR_BLOCK;
		s->n -= AC_TAR_BLOCK;
		return AC_TAR_BLOCK;
	}
	*p = s->block;
	return ac_tar_stream_read(s, s->block, sizeof(s->block), err);
}

/* Numbers in lines, at the front of a file's data. */
struct lines {
	struct ac_tar_stream *in;
	uint64_t *stored;
	const char *p; /* what is left of a block */
	size_t left;
};

/* A decimal line of the sparse map in format 1.0. */
static int next_line(struct lines *l, uint64_t *out, struct ac_err *err)
{
	uint64_t v = 0;

	for (size_t digits = 0; digits < 20; digits++) {
		char c;

		if (l->left == 0) {
			ssize_t got = 0;

			if (*l->stored >= AC_TAR_BLOCK)
				got = ac_tar_stream_block(l->in, &l->p, err);
			if (got < 0)
				return -1;
			if (got < AC_TAR_BLOCK)
				break;
			*l->stored -= AC_TAR_BLOCK;
			l->left = AC_TAR_BLOCK;
		}
		c = *l->p++;
		l->left--;
		if (c == '\n' && digits != 0) {
			*out = v;
			return 0;
		}
		if (c < '0' || c > '9' || v > INT64_MAX / 10 - 1)
			break;
		v = v * 10 + (uint64_t)(c - '0');
	}
	return ac_err_set(err, AC_E_INVALID, "broken sparse map");
}

int ac_tar_map_in_data(struct ac_tar_map *m, struct ac_tar_stream *in,
		       uint64_t *stored, struct ac_err *err)
{
	struct lines l = {.in = in, .stored = stored};
	uint64_t n = 0;
	uint64_t off = 0;
	uint64_t len = 0;

	if (next_line(&l, &n, err) < 0)
		return -1;
	for (; n != 0; n--)
		if (next_line(&l, &off, err) < 0 ||
		    next_line(&l, &len, err) < 0 ||
		    ac_tar_map_add(m, off, len, err) < 0)
			return -1;
	return 0;
}

/* N pairs at P of GNU's old format; an empty offset ends them. */
static int old_pairs(struct ac_tar_map *m, const char *p, size_t n,
		     struct ac_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct ac_tar_sparse *s =
			(const void *)(p + i * sizeof(*s));
		int64_t off;
		int64_t len;

		if (s->off[0] == '\0')
			break;
		if (ac_tar_number(s->off, sizeof(s->off), &off) < 0 ||
		    ac_tar_number(s->len, sizeof(s->len), &len) < 0 ||
		    off < 0 || len < 0)
			return ac_err_set(err, AC_E_INVALID,
					  "broken sparse map");
		if (ac_tar_map_add(m, (uint64_t)off, (uint64_t)len, err) < 0)
			return -1;
	}
	return 0;
}

int ac_tar_map_old(struct ac_tar_map *m, struct ac_tar_stream *in,
		   const struct ac_tar_raw *h, uint64_t *size,
		   struct ac_err *err)
{
	const char *p = (const char *)h;
	char more = p[AC_TAR_SPARSE_MORE];
	int64_t n;

	if (ac_tar_number(p + AC_TAR_SPARSE_SIZE, 12, &n) < 0 || n < 0)
		return ac_err_set(err, AC_E_INVALID, "impossible size");
	*size = (uint64_t)n;
	if (old_pairs(m, p + AC_TAR_SPARSE_AT, 4, err) < 0)
		return -1;
	while (more != '\0') {
		ssize_t got = ac_tar_stream_block(in, &p, err);

		if (got < 0)
			return -1;
		if (got < AC_TAR_BLOCK)
			return ac_err_set(
				err, AC_E_INVALID,
				"the archive stops within the sparse map");
		if (old_pairs(m, p, AC_TAR_SPARSE_EXT, err) < 0)
			return -1;
		more = p[AC_TAR_SPARSE_EXT_MORE];
	}
	return 0;
}
