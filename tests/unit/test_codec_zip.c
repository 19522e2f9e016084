#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/unzip.h"
#include "common/codec/zip.h"
#include "tests/unit/tap.h"

#define BUF AC_CLEANUP(ac_buf_release) struct ac_buf

enum { MAX = 64 << 20 };

static struct ac_err err;

static int collect(void *ctx, const void *p, size_t n, struct ac_err *e)
{
	(void)e;
	CHECK(n != 0);
	ac_buf_add(ctx, p, n);
	return 0;
}

static void make_text(struct ac_buf *b, size_t n)
{
	unsigned int x = 1;

	while (b->len < n) {
		x = x * 1664525 + 1013904223;
		ac_buf_addf(b, "%u line of %u\n", x >> 20, x >> 28);
	}
	b->len = n;
}

/* Compress TEXT, fed STEP bytes at a time. */
static void zip(const struct ac_buf *text, enum ac_zip format, int level,
		unsigned int threads, size_t step, struct ac_buf *out)
{
	struct ac_zipper *z = ac_zipper_new(format, level, collect, out);

	ac_zipper_threads(z, threads);
	for (size_t i = 0; i < text->len; i += step)
		CHECK(ac_zipper_feed(z, text->p + i,
				     text->len - i < step ? text->len - i
							  : step,
				     &err) == 0);
	CHECK(ac_zipper_finish(z, &err) == 0);
	ac_zipper_free(z);
}

static void unzip(const void *p, size_t n, enum ac_zip format,
		  struct ac_buf *out)
{
	struct ac_unzip *u = ac_unzip_new(NULL, collect, out);

	CHECK(ac_unzip_feed(u, p, n, &err) == 0);
	CHECK(ac_unzip_finish(u, &err) == 0);
	CHECK(ac_unzip_format(u) == format);
	ac_unzip_free(u);
}

static bool same(const struct ac_buf *a, const struct ac_buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

TEST(round_trips)
{
	static const size_t sizes[] = {0, 1, 1 << 20, (1 << 20) + 1, 2500000};
	static const enum ac_zip formats[] = {AC_ZIP_NONE, AC_ZIP_GZIP,
					      AC_ZIP_BZIP2, AC_ZIP_XZ};

	for (size_t i = 0; i < AC_LEN(sizes) * AC_LEN(formats); i++) {
		enum ac_zip format = formats[i % AC_LEN(formats)];
		BUF text = AC_BUF_INIT(MAX);
		BUF packed = AC_BUF_INIT(MAX);
		BUF out = AC_BUF_INIT(MAX);

		make_text(&text, sizes[i / AC_LEN(formats)]);
		zip(&text, format, 1, 0, 300000, &packed);
		unzip(packed.p, packed.len, format, &out);
		CHECK(same(&text, &out));
	}
}

TEST(gzip_is_the_same_on_any_number_of_threads)
{
	BUF text = AC_BUF_INIT(MAX);
	BUF one = AC_BUF_INIT(MAX);

	make_text(&text, 7 << 20);
	zip(&text, AC_ZIP_GZIP, 0, 1, MAX, &one);
	/* No time, no name, no system: gzip members of a MiB. */
	CHECK(memcmp(one.p, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10) == 0);
	for (unsigned int threads = 2; threads <= 16; threads *= 2) {
		BUF many = AC_BUF_INIT(MAX);

		zip(&text, AC_ZIP_GZIP, 0, threads, 99999 * threads, &many);
		CHECK(same(&one, &many));
	}
}

TEST(cut_makes_a_member_of_its_own)
{
	for (unsigned int threads = 1; threads <= 4; threads += 3) {
		BUF text = AC_BUF_INIT(MAX);
		BUF packed = AC_BUF_INIT(MAX);
		BUF front = AC_BUF_INIT(MAX);
		BUF rest = AC_BUF_INIT(MAX);
		BUF alone = AC_BUF_INIT(MAX);
		struct ac_zipper *z =
			ac_zipper_new(AC_ZIP_GZIP, 6, collect, &packed);
		size_t n;

		make_text(&text, 3 << 20);
		ac_zipper_threads(z, threads);
		CHECK(ac_zipper_cut(z, &err) == 0);
		CHECK(packed.len == 0);
		CHECK(ac_zipper_feed(z, "manifest", 8, &err) == 0);
		CHECK(packed.len == 0);
		CHECK(ac_zipper_cut(z, &err) == 0);
		CHECK(ac_zipper_cut(z, &err) == 0);
		n = packed.len;
		CHECK(ac_zipper_feed(z, text.p, text.len, &err) == 0);
		CHECK(ac_zipper_finish(z, &err) == 0);
		ac_zipper_free(z);

		unzip(packed.p, n, AC_ZIP_GZIP, &front);
		CHECK(strcmp(ac_buf_str(&front), "manifest") == 0);
		unzip(packed.p + n, packed.len - n, AC_ZIP_GZIP, &rest);
		CHECK(same(&text, &rest));
		/* What follows does not depend on what stood in front. */
		zip(&text, AC_ZIP_GZIP, 6, threads, MAX, &alone);
		CHECK(alone.len == packed.len - n);
		CHECK(memcmp(alone.p, packed.p + n, alone.len) == 0);
	}
}

TEST(levels)
{
	BUF text = AC_BUF_INIT(MAX);
	BUF fast = AC_BUF_INIT(MAX);
	BUF usual = AC_BUF_INIT(MAX);
	BUF best = AC_BUF_INIT(MAX);

	make_text(&text, 2 << 20);
	zip(&text, AC_ZIP_GZIP, 1, 1, MAX, &fast);
	zip(&text, AC_ZIP_GZIP, 0, 1, MAX, &usual);
	zip(&text, AC_ZIP_GZIP, 12, 1, MAX, &best);
	CHECK(fast.len > usual.len && usual.len > best.len);
}

TEST(refused)
{
	static const struct {
		enum ac_zip format;
		int level;
		enum ac_code code;
	} t[] = {
		{AC_ZIP_ZSTD, 0, AC_E_UNSUPPORTED},
		{AC_ZIP_ZLIB, 0, AC_E_UNSUPPORTED},
		{AC_ZIP_GZIP, 13, AC_E_USAGE},
		{AC_ZIP_GZIP, -1, AC_E_USAGE},
		{AC_ZIP_XZ, 10, AC_E_USAGE},
		{AC_ZIP_BZIP2, 10, AC_E_USAGE},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		BUF out = AC_BUF_INIT(MAX);
		struct ac_zipper *z =
			ac_zipper_new(t[i].format, t[i].level, collect, &out);

		CHECK(ac_zipper_feed(z, "x", 1, &err) < 0);
		CHECK(err.code == t[i].code && out.len == 0);
		CHECK(ac_zipper_finish(z, &err) < 0);
		ac_zipper_free(z);
	}
	ac_zipper_free(NULL);
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
	static const enum ac_zip formats[] = {AC_ZIP_NONE, AC_ZIP_GZIP,
					      AC_ZIP_BZIP2, AC_ZIP_XZ};
	BUF text = AC_BUF_INIT(MAX);

	make_text(&text, 6 << 20);
	for (size_t i = 0; i < AC_LEN(formats) * 2; i++) {
		struct ac_zipper *z =
			ac_zipper_new(formats[i / 2], 1, refuse, NULL);
		int ret;

		ac_zipper_threads(z, i % 2 == 0 ? 1 : 4);
		text.len = formats[i / 2] == AC_ZIP_XZ ? 1 << 20 : 6 << 20;
		ret = ac_zipper_feed(z, text.p, text.len, &err);
		if (ret == 0)
			ret = ac_zipper_finish(z, &err);
		CHECK(ret < 0 && strcmp(err.msg, "disk full") == 0);
		ac_zipper_free(z); /* with blocks under way */
	}
}
