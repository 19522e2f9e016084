#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/unzip.h"
#include "common/codec/zip.h"
#include "common/codec/zip_gzip.h"
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

static void check_digest(struct ac_zipper *z, const struct ac_buf *text)
{
	struct ac_digest want;
	struct ac_digest got;

	ac_digest_of(AC_SHA512, text->p, text->len, &want);
	ac_zipper_digest(z, &got);
	CHECK(ac_digest_equal(&got, &want));
}

/* Compress TEXT as zip does, but hashed, and half of it fed without copying. */
static void zip_hashed(const struct ac_buf *text, enum ac_zip format,
		       unsigned int threads, struct ac_buf *out)
{
	struct ac_zipper *z = ac_zipper_new(format, 1, collect, out);
	size_t at = 0;

	ac_zipper_threads(z, threads);
	ac_zipper_hash(z, AC_SHA512);
	for (unsigned int i = 0; at < text->len; i++) {
		size_t left = text->len - at;
		size_t cap = 77777;
		void *to = NULL;

		if (i % 2 != 0) {
			to = ac_zipper_lend(z, &cap, &err);
			CHECK(to != NULL && cap != 0);
		}
		cap = cap < left ? cap : left;
		if (to != NULL) {
			memcpy(to, text->p + at, cap);
			CHECK(ac_zipper_lent(z, cap, &err) == 0);
		} else {
			CHECK(ac_zipper_feed(z, text->p + at, cap, &err) == 0);
		}
		at += cap;
	}
	CHECK(ac_zipper_finish(z, &err) == 0);
	check_digest(z, text);
	ac_zipper_free(z);
}

TEST(hashed_on_the_way)
{
	static const size_t sizes[] = {0, 1, 1 << 20, (1 << 20) + 1, 9000000};
	static const enum ac_zip formats[] = {AC_ZIP_NONE, AC_ZIP_GZIP,
					      AC_ZIP_BZIP2, AC_ZIP_XZ};

	for (size_t i = 0; i < AC_LEN(sizes) * AC_LEN(formats); i++) {
		enum ac_zip format = formats[i % AC_LEN(formats)];
		BUF text = AC_BUF_INIT(MAX);
		BUF plain = AC_BUF_INIT(MAX);

		make_text(&text, sizes[i / AC_LEN(formats)]);
		/* The slow ones. */
		if (i % AC_LEN(formats) > 1 && text.len > 1100000)
			text.len = 1100000;
		zip(&text, format, 1, 1, 300000, &plain);
		for (unsigned int threads = 1; threads <= 4; threads += 3) {
			BUF hashed = AC_BUF_INIT(MAX);

			zip_hashed(&text, format, threads, &hashed);
			CHECK(same(&plain, &hashed));
		}
	}
}

/* Lent without anything to hash. */
TEST(lent)
{
	static const enum ac_zip formats[] = {AC_ZIP_NONE, AC_ZIP_GZIP,
					      AC_ZIP_BZIP2, AC_ZIP_XZ};
	BUF text = AC_BUF_INIT(MAX);

	make_text(&text, 1500000);
	for (size_t i = 0; i < AC_LEN(formats); i++) {
		BUF plain = AC_BUF_INIT(MAX);
		BUF out = AC_BUF_INIT(MAX);
		struct ac_zipper *z =
			ac_zipper_new(formats[i], 1, collect, &out);

		zip(&text, formats[i], 1, 2, MAX, &plain);
		for (size_t at = 0; at < text.len;) {
			size_t cap;
			void *to = ac_zipper_lend(z, &cap, &err);

			CHECK(to != NULL);
			cap = cap < text.len - at ? cap : text.len - at;
			memcpy(to, text.p + at, cap);
			CHECK(ac_zipper_lent(z, cap, &err) == 0);
			at += cap;
		}
		CHECK(ac_zipper_finish(z, &err) == 0);
		ac_zipper_free(z);
		CHECK(same(&plain, &out));
	}
}

/* Let nobody make a thread from here on. */
static void refuse_threads(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = AC_LEN(code), .filter = code};

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
}

static void *nothing(void *arg)
{
	return arg;
}

TEST(without_threads_the_caller_does_all)
{
	BUF text = AC_BUF_INIT(MAX);
	BUF plain = AC_BUF_INIT(MAX);
	int status;
	pid_t pid;

	make_text(&text, 9000000);
	zip(&text, AC_ZIP_GZIP, 1, 1, MAX, &plain);
	(void)fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		BUF out = AC_BUF_INIT(MAX);
		pthread_t t;

		refuse_threads();
		CHECK(pthread_create(&t, NULL, nothing, NULL) == EAGAIN);
		zip_hashed(&text, AC_ZIP_GZIP, 4, &out);
		CHECK(same(&plain, &out));
		ac_buf_reset(&out);
		zip_hashed(&text, AC_ZIP_NONE, 4, &out);
		CHECK(same(&text, &out));
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The library behind level 1 lets the address of its state shape what it makes
 * of some blocks; ours does not. */
TEST(the_same_wherever_the_memory_is)
{
	enum { N = 20000, SIZE = 16 << 10, ROOM = 2 * AC_BLOCK_SIZE };
	void *a = ac_gzip_packer.start(1);
	void *b = ac_gzip_packer.start(1);
	AC_FREE uint8_t *in = ac_xcalloc(1, SIZE);
	AC_FREE uint8_t *out = ac_xmalloc(ROOM);
	AC_FREE uint8_t *again = ac_xmalloc(ROOM);
	uint32_t x = 1;

	CHECK(ac_gzip_packer.room(a) <= ROOM);
	for (int i = 0; i < N; i++) {
		size_t n;

		/* What repeats the start, and what repeats it from the third
		 * byte. */
		for (int k = 0; k < 16; k++) {
			x = x * 1664525 + 1013904223;
			in[k] = (uint8_t)(x >> 24);
		}
		memcpy(in + 1000, in, 16);
		memcpy(in + 2000, in + 2, 14);
		n = ac_gzip_packer.pack(a, in, SIZE, out);
		CHECK(ac_gzip_packer.pack(b, in, SIZE, again) == n);
		CHECK(memcmp(out, again, n) == 0);
	}
	ac_gzip_packer.stop(a);
	ac_gzip_packer.stop(b);
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
		size_t cap;
		struct ac_zipper *z =
			ac_zipper_new(t[i].format, t[i].level, collect, &out);

		CHECK(ac_zipper_feed(z, "x", 1, &err) < 0);
		CHECK(err.code == t[i].code && out.len == 0);
		CHECK(ac_zipper_finish(z, &err) < 0);
		CHECK(ac_zipper_lend(z, &cap, &err) == NULL);
		CHECK(err.code == t[i].code);
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
	for (size_t i = 0; i < AC_LEN(formats) * 4; i++) {
		struct ac_zipper *z =
			ac_zipper_new(formats[i / 4], 1, refuse, NULL);
		int ret;

		ac_zipper_threads(z, i % 2 == 0 ? 1 : 4);
		if (i / 2 % 2 != 0)
			ac_zipper_hash(z, AC_SHA256);
		text.len = formats[i / 4] == AC_ZIP_XZ ? 1 << 20 : 6 << 20;
		ret = ac_zipper_feed(z, text.p, text.len, &err);
		if (ret == 0)
			ret = ac_zipper_finish(z, &err);
		CHECK(ret < 0 && strcmp(err.msg, "disk full") == 0);
		ac_zipper_free(z); /* with blocks under way */
	}
}
