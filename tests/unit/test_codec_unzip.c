#include <bzlib.h>
#include <libdeflate.h>
#include <lzma.h>
#include <zstd.h>

#include "common/base/alloc.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/unzip.h"
#include "tests/unit/tap.h"

#define BUF AC_CLEANUP(ac_buf_release) struct ac_buf

enum { MAX = 80 << 20 };

static struct ac_err err;

static const enum ac_zip all[] = {AC_ZIP_NONE, AC_ZIP_GZIP, AC_ZIP_BZIP2,
				  AC_ZIP_XZ,   AC_ZIP_ZSTD, AC_ZIP_ZLIB};

/* Append N bytes at P, compressed by the formats' own libraries. */
static void add(struct ac_buf *b, enum ac_zip z, const void *p, size_t n)
{
	size_t cap = n + n / 8 + 4096;
	char *to = ac_buf_room(b, cap);
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
	unsigned int small = (unsigned int)cap;
	size_t at = 0;

	CHECK(to != NULL && c != NULL);
	switch (z) {
	case AC_ZIP_GZIP:
		at = libdeflate_gzip_compress(c, p, n, to, cap);
		break;
	case AC_ZIP_ZLIB:
		at = libdeflate_zlib_compress(c, p, n, to, cap);
		break;
	case AC_ZIP_BZIP2:
		CHECK(BZ2_bzBuffToBuffCompress(to, &small, (char *)(uintptr_t)p,
					       (unsigned int)n, 1, 0,
					       0) == BZ_OK);
		at = small;
		break;
	case AC_ZIP_XZ:
		CHECK(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, p, n,
					      (uint8_t *)to, &at,
					      cap) == LZMA_OK);
		break;
	case AC_ZIP_ZSTD: {
		ZSTD_CCtx *cctx = ZSTD_createCCtx();

		(void)ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
		at = ZSTD_compress2(cctx, to, cap, p, n);
		CHECK(!ZSTD_isError(at));
		(void)ZSTD_freeCCtx(cctx);
		break;
	}
	default:
		memcpy(to, p, n);
		at = n;
	}
	libdeflate_free_compressor(c);
	CHECK(at != 0 || n == 0);
	b->len += at;
}

/* Text that is neither all alike nor random. */
static void make_text(struct ac_buf *b, size_t n)
{
	unsigned int x = 1;

	while (b->len < n) {
		x = x * 1664525 + 1013904223;
		ac_buf_addf(b, "%u line of %u\n", x >> 20, x >> 28);
	}
	b->len = n;
}

static int collect(void *ctx, const void *p, size_t n, struct ac_err *e)
{
	(void)e;
	CHECK(n != 0);
	ac_buf_add(ctx, p, n);
	return 0;
}

static char slot[1000];

static void *lend(void *ctx, size_t *cap, struct ac_err *e)
{
	(void)ctx;
	(void)e;
	*cap = sizeof(slot);
	return slot;
}

/* Decompress N bytes at P, STEP at a time. */
static int unzip(const void *p, size_t n, size_t step, enum ac_zip told,
		 const struct ac_unzip_limits *l, bool lent, struct ac_buf *out)
{
	struct ac_unzip *u = ac_unzip_new(l, collect, out);
	int ret = 0;

	ac_buf_reset(out);
	if (told != AC_ZIP_NONE)
		ac_unzip_expect(u, told);
	if (lent)
		ac_unzip_lend(u, lend);
	for (size_t i = 0; i < n && ret == 0; i += step) {
		/* A copy of its own size, for the sanitizers to watch. */
		size_t k = n - i < step ? n - i : step;
		AC_FREE void *copy = ac_xmemdup((const char *)p + i, k);

		ret = ac_unzip_feed(u, copy, k, &err);
	}
	if (ret == 0)
		ret = ac_unzip_finish(u, &err);
	ac_unzip_free(u);
	return ret;
}

static enum ac_zip told(enum ac_zip z)
{
	return z == AC_ZIP_ZLIB ? z : AC_ZIP_NONE;
}

static bool same(const struct ac_buf *a, const struct ac_buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

TEST(every_format_in_every_step)
{
	static const size_t sizes[] = {0, 1, 5, 999, 1000, 300000};
	static const size_t steps[] = {1, 7, 4096, MAX};

	for (size_t i = 0; i < AC_LEN(all) * AC_LEN(sizes); i++) {
		enum ac_zip z = all[i % AC_LEN(all)];
		BUF text = AC_BUF_INIT(MAX);
		BUF packed = AC_BUF_INIT(MAX);
		BUF out = AC_BUF_INIT(MAX);

		make_text(&text, sizes[i / AC_LEN(all)]);
		add(&packed, z, ac_buf_str(&text), text.len);
		for (size_t j = 0; j < AC_LEN(steps) * 2; j++) {
			CHECK(unzip(packed.p, packed.len, steps[j / 2], told(z),
				    NULL, j % 2 == 0, &out) == 0);
			CHECK(same(&text, &out));
		}
	}
}

TEST(members_padding_and_garbage)
{
	for (size_t i = 1; i < AC_LEN(all); i++) {
		enum ac_zip z = all[i];
		BUF packed = AC_BUF_INIT(MAX);
		BUF out = AC_BUF_INIT(MAX);
		size_t n;

		add(&packed, z, "one ", 4);
		if (z != AC_ZIP_ZLIB) {
			add(&packed, z, "", 0);
			add(&packed, z, "two ", 4);
			add(&packed, z, "three", 5);
		}
		n = packed.len;
		for (size_t step = 1; step < 100; step += 98) {
			packed.len = n;
			CHECK(unzip(packed.p, packed.len, step, told(z), NULL,
				    false, &out) == 0);
			CHECK(strcmp(ac_buf_str(&out),
				     z == AC_ZIP_ZLIB ? "one "
						      : "one two three") == 0);
			ac_buf_add(&packed, "\0\0\0\0\0", 5);
			CHECK(unzip(packed.p, packed.len, step, told(z), NULL,
				    false, &out) == 0);
			/* Zeros, and then something. */
			add(&packed, z, "four", 4);
			CHECK(unzip(packed.p, packed.len, step, told(z), NULL,
				    false, &out) < 0);
			CHECK(err.code == AC_E_INVALID);
			packed.len = n;
			ac_buf_adds(&packed, "garbage");
			CHECK(unzip(packed.p, packed.len, step, told(z), NULL,
				    false, &out) < 0);
			CHECK(err.code == AC_E_INVALID);
			/* Another member's first byte only. */
			packed.len = n;
			ac_buf_add(&packed, packed.p, 1);
			CHECK(unzip(packed.p, packed.len, step, told(z), NULL,
				    false, &out) < 0);
			CHECK(err.code == AC_E_INVALID);
		}
	}
}

TEST(truncated_anywhere)
{
	for (size_t i = 1; i < AC_LEN(all); i++) {
		BUF text = AC_BUF_INIT(MAX);
		BUF packed = AC_BUF_INIT(MAX);
		BUF out = AC_BUF_INIT(MAX);

		make_text(&text, 500);
		add(&packed, all[i], text.p, text.len);
		for (size_t n = 1; n < packed.len; n++) {
			CHECK(unzip(packed.p, n, MAX, all[i], NULL, false,
				    &out) < 0);
			CHECK(err.code == AC_E_INVALID);
			CHECK(strstr(err.msg, "ends early") != NULL);
		}
	}
}

TEST(a_wrong_bit_anywhere)
{
	for (size_t i = 1; i < AC_LEN(all); i++) {
		BUF text = AC_BUF_INIT(MAX);
		BUF packed = AC_BUF_INIT(MAX);
		BUF out = AC_BUF_INIT(MAX);

		make_text(&text, 200);
		add(&packed, all[i], text.p, text.len);
		for (size_t n = 0; n < packed.len * 8; n++) {
			packed.p[n / 8] ^= (char)(1 << n % 8);
			/* Times, flags and the like may change nothing. */
			CHECK(unzip(packed.p, packed.len, MAX, all[i], NULL,
				    false, &out) < 0 ||
			      same(&text, &out));
			packed.p[n / 8] ^= (char)(1 << n % 8);
		}
	}
}

TEST(gzip_checks)
{
	BUF packed = AC_BUF_INIT(MAX);
	BUF out = AC_BUF_INIT(MAX);

	add(&packed, AC_ZIP_GZIP, "plain", 5);
	for (size_t i = 1; i <= 8; i++) {
		packed.p[packed.len - i] ^= 1;
		CHECK(unzip(packed.p, packed.len, 1, AC_ZIP_NONE, NULL, false,
			    &out) < 0);
		CHECK(err.code == AC_E_INVALID);
		CHECK(strstr(err.msg, "checksum or size") != NULL);
		packed.p[packed.len - i] ^= 1;
	}
}

/* All the optional fields of a gzip header. */
TEST(gzip_header_fields)
{
	static const char head[] = "\x1f\x8b\x08\x1c\x01\x02\x03\x04\x02\x03"
				   "\x04\x00xtrafile name\0a comment";
	BUF plain = AC_BUF_INIT(MAX);
	BUF packed = AC_BUF_INIT(MAX);
	BUF out = AC_BUF_INIT(MAX);

	add(&plain, AC_ZIP_GZIP, "text", 4);
	ac_buf_add(&packed, head, sizeof(head));
	ac_buf_add(&packed, plain.p + 10, plain.len - 10);
	for (size_t step = 1; step < 64; step++) {
		CHECK(unzip(packed.p, packed.len, step, AC_ZIP_NONE, NULL,
			    false, &out) == 0);
		CHECK(strcmp(ac_buf_str(&out), "text") == 0);
	}
}

TEST(limits)
{
	size_t n = 70 << 20;
	AC_FREE void *zeros = ac_xcalloc(n, 1);

	for (size_t i = 0; i < AC_LEN(all); i++) {
		struct ac_unzip_limits exact = {.max_out = 100000};
		struct ac_unzip_limits less = {.max_out = 99999};
		BUF packed = AC_BUF_INIT(MAX);
		BUF out = AC_BUF_INIT(MAX);

		add(&packed, all[i], zeros, 100000);
		CHECK(unzip(packed.p, packed.len, MAX, told(all[i]), &exact,
			    false, &out) == 0);
		CHECK(unzip(packed.p, packed.len, MAX, told(all[i]), &less,
			    false, &out) < 0);
		CHECK(err.code == AC_E_LIMIT && out.len <= 99999);
	}
	for (size_t i = 1; i < AC_LEN(all); i++) {
		struct ac_unzip_limits ratio = {.max_ratio = 200};
		struct ac_unzip_limits lax = {.max_ratio = 1 << 20};
		BUF packed = AC_BUF_INIT(MAX);
		BUF out = AC_BUF_INIT(MAX);

		if (all[i] == AC_ZIP_BZIP2 || all[i] == AC_ZIP_XZ)
			continue; /* slow, and the same code */
		add(&packed, all[i], zeros, n);
		CHECK(unzip(packed.p, packed.len, MAX, told(all[i]), &ratio,
			    false, &out) < 0);
		CHECK(err.code == AC_E_LIMIT);
		CHECK(strstr(err.msg, "200 times") != NULL);
		CHECK(unzip(packed.p, packed.len, MAX, told(all[i]), &lax,
			    false, &out) == 0);
		CHECK(out.len == n);
	}
}

static void zstd_window(struct ac_buf *b, int log)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {.src = "text", .size = 4};
	ZSTD_outBuffer out = {.dst = ac_buf_room(b, 4096), .size = 4096};

	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 1);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, log);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_hashLog, 6);
	/* Two calls: in one it would know the size, and shrink the window. */
	CHECK(!ZSTD_isError(ZSTD_compressStream2(c, &out, &in, ZSTD_e_flush)));
	CHECK(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end) == 0);
	b->len += out.pos;
	(void)ZSTD_freeCCtx(c);
}

TEST(zstd_windows_and_frames)
{
	static const char skippable[] = "\x53\x2a\x4d\x18\x05\0\0\0hello";
	BUF out = AC_BUF_INIT(MAX);
	BUF ok = AC_BUF_INIT(MAX);
	BUF big = AC_BUF_INIT(MAX);
	BUF skips = AC_BUF_INIT(MAX);

	zstd_window(&ok, 27);
	CHECK(unzip(ok.p, ok.len, 3, AC_ZIP_NONE, NULL, false, &out) == 0);
	CHECK(strcmp(ac_buf_str(&out), "text") == 0);
	zstd_window(&big, 28);
	CHECK(unzip(big.p, big.len, 3, AC_ZIP_NONE, NULL, false, &out) < 0);
	CHECK(err.code == AC_E_LIMIT);

	ac_buf_add(&skips, skippable, sizeof(skippable) - 1);
	add(&skips, AC_ZIP_ZSTD, "a", 1);
	ac_buf_add(&skips, skippable, sizeof(skippable) - 1);
	add(&skips, AC_ZIP_ZSTD, "b", 1);
	ac_buf_add(&skips, skippable, sizeof(skippable) - 1);
	for (size_t step = 1; step < 40; step++) {
		CHECK(unzip(skips.p, skips.len, step, AC_ZIP_NONE, NULL, false,
			    &out) == 0);
		CHECK(strcmp(ac_buf_str(&out), "ab") == 0);
	}
}

TEST(xz_dictionaries)
{
	BUF packed = AC_BUF_INIT(MAX);
	BUF out = AC_BUF_INIT(MAX);

	add(&packed, AC_ZIP_XZ, "text", 4);
	/* Behind the stream's header (12): size, flags, sizes, LZMA2, its
	 * options' size, the dictionary, padding, CRC32. */
	for (char dict = 30; dict <= 31; dict++) {
		uint8_t *block = (uint8_t *)packed.p + 12;
		size_t n = (size_t)block[0] * 4;
		uint32_t crc;

		uint8_t *lzma2 = memmem(block + 2, n, "\x21\x01", 2);

		CHECK(lzma2 != NULL);
		lzma2[2] = (uint8_t)dict;
		crc = lzma_crc32(block, n, 0);
		for (size_t i = 0; i < 4; i++)
			block[n + i] = (uint8_t)(crc >> 8 * i);
		CHECK(unzip(packed.p, packed.len, MAX, AC_ZIP_NONE, NULL, false,
			    &out) == (dict == 30 ? 0 : -1));
	}
	CHECK(err.code == AC_E_LIMIT);
}

TEST(detect)
{
	static const struct {
		const char *p;
		size_t n;
		enum ac_zip z;
	} t[] = {
		{"\x1f\x8b\x08\0\0\0", 6, AC_ZIP_GZIP},
		{"\x1f\x8b\x07\0\0\0", 6, AC_ZIP_NONE},
		{"BZh91AY&SY", 10, AC_ZIP_BZIP2},
		{"BZh9\x17\x72", 6, AC_ZIP_BZIP2},
		{"BZhell", 6, AC_ZIP_NONE},
		{"BZh91A", 3, AC_ZIP_NONE},
		{"\xfd"
		 "7zXZ\0",
		 6, AC_ZIP_XZ},
		{"\x28\xb5\x2f\xfd\x24\0", 6, AC_ZIP_ZSTD},
		{"\x5f\x2a\x4d\x18\0\0", 6, AC_ZIP_ZSTD},
		{"\x78\x9c", 2, AC_ZIP_NONE},
		{"", 0, AC_ZIP_NONE},
	};

	for (size_t i = 0; i < AC_LEN(t); i++)
		CHECK(ac_zip_detect(t[i].p, t[i].n) == t[i].z);
	CHECK(strcmp(ac_zip_name(AC_ZIP_XZ), "xz") == 0);
}

static int refuse(void *ctx, const void *p, size_t n, struct ac_err *e)
{
	(void)ctx;
	(void)p;
	(void)n;
	return ac_err_set(e, AC_E_SYS, "disk full");
}

TEST(the_sink_ends_the_work)
{
	for (size_t i = 0; i < AC_LEN(all); i++) {
		BUF packed = AC_BUF_INIT(MAX);
		struct ac_unzip *u = ac_unzip_new(NULL, refuse, NULL);

		add(&packed, all[i], "some text", 9);
		ac_unzip_expect(u, all[i]);
		CHECK(ac_unzip_feed(u, packed.p, packed.len, &err) < 0);
		CHECK(strcmp(err.msg, "disk full") == 0);
		ac_unzip_free(u);
	}
	ac_unzip_free(NULL);
}
