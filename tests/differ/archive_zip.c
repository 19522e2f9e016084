/* SPDX-License-Identifier: Apache-2.0 */
#include <bzlib.h>
#include <libdeflate.h>
#include <lzma.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "tests/differ/archive.h"

static void garbage(struct rng *r, struct ac_buf *b, size_t n)
{
	static const char zeros[64];
	bool zero = rng_chance(r, 40);

	while (n-- > 0)
		ac_buf_addc(b, zero ? zeros[0] : (char)rng_next(r));
}

/* A zero block or foreign bytes in the middle. */
static void push_in(struct rng *r, struct ac_buf *b, size_t at, size_t n)
{
	struct ac_buf out = AC_BUF_INIT(b->max);

	ac_buf_add(&out, ac_buf_str(b), at);
	garbage(r, &out, n);
	ac_buf_add(&out, ac_buf_str(b) + at, b->len - at);
	ac_buf_release(b);
	*b = out;
}

/* The right checksum, once bytes of a header have changed. */
static void seal(char *h)
{
	unsigned int sum = 0;

	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	for (int i = 5; i >= 0; i--, sum >>= 3)
		h[148 + i] = (char)('0' + (sum & 7));
	h[154] = '\0';
}

void tar_spoil(struct rng *r, struct ac_buf *tar)
{
	static const size_t some[] = {1, 511, 512, 513, 1024, 10240};
	size_t blocks = tar->len / 512;
	size_t at = rng_below(r, blocks) * 512;

	switch (rng_below(r, 10)) {
	case 0: /* no end */
		tar->len -= 1024;
		break;
	case 1: /* half an end */
		tar->len -= 512;
		break;
	case 2:
		garbage(r, tar, RNG_PICK(r, some));
		break;
	case 3: /* cut at a block */
		tar->len = at;
		break;
	case 4: /* cut anywhere */
		tar->len = rng_below(r, tar->len);
		break;
	case 5:
		push_in(r, tar, at, 512);
		break;
	case 6:
		push_in(r, tar, at, RNG_PICK(r, some));
		break;
	case 7: /* a byte, noticed */
		tar->p[at + rng_below(r, 512)] = (char)rng_next(r);
		break;
	case 8: /* a byte, its checksum right */
		tar->p[at + rng_below(r, 512)] = (char)rng_next(r);
		seal(tar->p + at);
		break;
	default: /* padded as tar does */
		while (tar->len % 10240 != 0)
			ac_buf_addc(tar, '\0');
	}
}

static void gzip(const char *p, size_t n, int level, struct ac_buf *out)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
	size_t max = libdeflate_gzip_compress_bound(c, n);
	char *room = ac_buf_room(out, max);

	if (room != NULL)
		out->len += libdeflate_gzip_compress(c, p, n, room, max);
	libdeflate_free_compressor(c);
}

/* With each of the header's optional parts: a header checksum, a comment, ...
 */
static void gzip_flags(struct rng *r, struct ac_buf *out)
{
	unsigned int flags = (unsigned int)rng_below(r, 64) & 0x3e;
	struct ac_buf b = AC_BUF_INIT(out->max);

	if (out->len < 10)
		return;
	out->p[3] = (char)flags;
	ac_buf_add(&b, out->p, 10);
	if ((flags & 4) != 0)
		ac_buf_add(&b, "\4\0abcd", 6);
	if ((flags & 8) != 0)
		ac_buf_add(&b, "name", 5);
	if ((flags & 16) != 0)
		ac_buf_add(&b, "comment", 8);
	if ((flags & 2) != 0) {
		uint32_t crc =
			libdeflate_crc32(0, b.p, b.len) + rng_chance(r, 20);

		ac_buf_addc(&b, (char)crc);
		ac_buf_addc(&b, (char)(crc >> 8));
	}
	ac_buf_add(&b, out->p + 10, out->len - 10);
	ac_buf_release(out);
	*out = b;
}

static void bzip2(const char *p, size_t n, struct ac_buf *out)
{
	unsigned int len = (unsigned int)(n + n / 100 + 600);
	char *room = ac_buf_room(out, len);

	if (room != NULL &&
	    BZ2_bzBuffToBuffCompress(room, &len, (char *)(uintptr_t)p,
				     (unsigned int)n, 1, 0, 0) == BZ_OK)
		out->len += len;
}

static void xz(const char *p, size_t n, lzma_check check, struct ac_buf *out)
{
	size_t max = lzma_stream_buffer_bound(n);
	size_t pos = 0;
	char *room = ac_buf_room(out, max);

	if (room != NULL &&
	    lzma_easy_buffer_encode(0, check, NULL, (const uint8_t *)p, n,
				    (uint8_t *)room, &pos, max) == LZMA_OK)
		out->len += pos;
}

static void squeeze(struct rng *r, size_t how, const char *p, size_t n,
		    struct ac_buf *out)
{
	static const lzma_check checks[] = {LZMA_CHECK_CRC64, LZMA_CHECK_CRC32,
					    LZMA_CHECK_NONE, LZMA_CHECK_SHA256};

	if (how < 50)
		gzip(p, n, rng_chance(r, 20) ? 0 : 6, out);
	else if (how < 70)
		bzip2(p, n, out);
	else
		xz(p, n, RNG_PICK(r, checks), out);
}

/* What can happen to a compressed file. */
static void damage(struct rng *r, size_t how, const struct ac_buf *tar,
		   struct ac_buf *out)
{
	size_t half = tar->len != 0 ? rng_below(r, tar->len) : 0;

	switch (rng_below(r, 9)) {
	case 0:
		out->len = rng_below(r, out->len + 1);
		break;
	case 1:
		if (out->len != 0)
			out->p[rng_below(r, out->len)] ^=
				(char)(1U << rng_below(r, 8));
		break;
	case 2:
		garbage(r, out, 1 + rng_below(r, 40));
		break;
	case 3: /* two members or streams */
	case 4:
		ac_buf_reset(out);
		squeeze(r, how, ac_buf_str(tar), half, out);
		if (rng_chance(r, 20))
			garbage(r, out, 4 * (1 + rng_below(r, 3)));
		squeeze(r, how, ac_buf_str(tar) + half, tar->len - half, out);
		break;
	case 5: /* one more, empty or not */
		squeeze(r, how, "more", 4 * rng_below(r, 2), out);
		break;
	case 6: /* another format behind it */
		squeeze(r, rng_below(r, 100), "", 0, out);
		break;
	case 7:
		if (how < 50)
			gzip_flags(r, out);
		break;
	default: /* the check at the end */
		if (out->len > 8)
			out->p[out->len - 1 - rng_below(r, 8)] ^= 1;
	}
}

void tar_pack(struct rng *r, const struct ac_buf *tar, struct ac_buf *out)
{
	size_t how = rng_below(r, 100);

	if (rng_chance(r, 40)) {
		ac_buf_add(out, ac_buf_str(tar), tar->len);
		return;
	}
	squeeze(r, how, ac_buf_str(tar), tar->len, out);
	if (rng_chance(r, 30))
		damage(r, how, tar, out);
	if (rng_chance(r, 1)) {
		struct ac_buf twice = AC_BUF_INIT(out->max);

		gzip(ac_buf_str(out), out->len, 6, &twice);
		ac_buf_release(out);
		*out = twice;
	}
}
