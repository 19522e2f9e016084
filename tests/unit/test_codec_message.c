/* SPDX-License-Identifier: Apache-2.0 */
/* What a signature is over, and that it does not change meanwhile. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/message.h"
#include "tests/unit/tap.h"

enum { SIZE = 700000 };

static struct ac_err err;

/* A file of SIZE bytes 'a' that has no name. */
static int make_file(void)
{
	int fd = memfd_create("message", MFD_CLOEXEC);
	AC_FREE char *a = ac_xmalloc(SIZE);

	memset(a, 'a', SIZE);
	CHECK(fd >= 0 && write(fd, a, SIZE) == SIZE);
	return fd;
}

static void count(void *ctx, const void *p, size_t n)
{
	size_t *total = ctx;

	(void)p;
	*total += n;
}

TEST(digests)
{
	AC_CLOSE int fd = make_file();
	AC_FREE char *a = ac_xmalloc(SIZE);
	static const enum ac_alg algs[] = {AC_SHA256, AC_SHA384, AC_SHA512};
	struct ac_message m;
	struct ac_message b;
	size_t total = 0;

	memset(a, 'a', SIZE);
	CHECK(ac_message_file(&m, fd, "x", &err) == 0);
	CHECK(ac_message_each(&m, count, &total, &err) == 0 && total == SIZE);
	ac_message_bytes(&b, a, SIZE);
	for (size_t i = 0; i < AC_LEN(algs); i++) {
		struct ac_digest of_file;
		struct ac_digest of_bytes;
		struct ac_digest of_memory;

		CHECK(ac_message_digest(&m, algs[i], &of_file, &err) == 0);
		CHECK(ac_message_digest(&b, algs[i], &of_bytes, &err) == 0);
		ac_digest_of(algs[i], a, SIZE, &of_memory);
		CHECK(ac_digest_equal(&of_file, &of_bytes));
		CHECK(ac_digest_equal(&of_file, &of_memory));
	}
	CHECK(ac_message_unchanged(&m, &err) == 0);
}

TEST(not_a_file)
{
	struct ac_message m;
	int p[2];

	CHECK(pipe2(p, O_CLOEXEC) == 0);
	CHECK(ac_message_file(&m, p[0], "x", &err) < 0);
	CHECK(err.code == AC_E_INVALID);
	(void)close(p[0]);
	(void)close(p[1]);
}

TEST(grown_and_cut)
{
	for (int way = 0; way < 2; way++) {
		struct ac_message m;
		AC_CLOSE int fd = make_file();
		struct ac_digest d;

		CHECK(ac_message_file(&m, fd, "x", &err) == 0);
		CHECK(ftruncate(fd, way == 0 ? SIZE + 1 : SIZE - 1) == 0);
		CHECK(ac_message_digest(&m, AC_SHA256, &d, &err) < 0);
		CHECK(err.code == AC_E_INVALID);
		CHECK(ac_message_unchanged(&m, &err) < 0);
	}
}
