#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/unzipfd.h"
#include "tests/unit/tap.h"

/* "hello, world\n" a thousand times. */
static const unsigned char gzipped[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc7,
	0xb1, 0x09, 0x00, 0x20, 0x0c, 0x00, 0xb0, 0xdd, 0x2b, 0x3c, 0xc0, 0xb3,
	0x14, 0x3a, 0x14, 0x0a, 0x5d, 0x7c, 0xdf, 0x2b, 0xdc, 0x92, 0x2d, 0x71,
	0x32, 0x6b, 0xcd, 0x5b, 0x9d, 0x7b, 0x84, 0x88, 0x88, 0x88, 0x88, 0x88,
	0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88,
	0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0xc8, 0x9f, 0x3c, 0x24, 0x40,
	0x48, 0xfa, 0xc8, 0x32, 0x00, 0x00};

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* All that comes out of FD, or the error. */
static int pull(int fd, struct ac_buf *out, enum ac_zip *format,
		struct ac_err *err)
{
	AC_CLEANUP(ac_unzipfd_freep)
	struct ac_unzipfd *u = ac_unzipfd_new(fd, "test", NULL);
	const void *p;
	ssize_t n;

	while ((n = ac_unzipfd_source(u, &p, err)) > 0)
		ac_buf_add(out, p, (size_t)n);
	*format = ac_unzipfd_format(u);
	return (int)n;
}

TEST(gzip_comes_out_plain)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	AC_CLOSE int fd = file_of(gzipped, sizeof(gzipped));
	struct ac_err err = AC_ERR_INIT;
	enum ac_zip format;

	CHECK(pull(fd, &b, &format, &err) == 0);
	CHECK(format == AC_ZIP_GZIP && b.len == 13000);
	CHECK(memcmp(b.p + 12987, "hello, world\n", 13) == 0);
}

TEST(more_than_the_ring_holds_keeps_its_order)
{
	enum { WORDS = 2 << 20 };
	AC_CLEANUP(ac_buf_release) struct ac_buf in = AC_BUF_INIT(16 << 20);
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(16 << 20);
	struct ac_err err = AC_ERR_INIT;
	enum ac_zip format;

	for (uint32_t i = 0; i < WORDS; i++)
		ac_buf_add(&in, &i, sizeof(i));
	AC_CLOSE int fd = file_of(in.p, in.len);

	CHECK(pull(fd, &b, &format, &err) == 0);
	CHECK(format == AC_ZIP_NONE && b.len == in.len);
	CHECK(memcmp(b.p, in.p, in.len) == 0);
}

TEST(an_empty_file_is_an_empty_stream)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(16);
	AC_CLOSE int fd = file_of("", 0);
	struct ac_err err = AC_ERR_INIT;
	enum ac_zip format;

	CHECK(pull(fd, &b, &format, &err) == 0);
	CHECK(format == AC_ZIP_NONE && b.len == 0);
}

TEST(a_truncated_file_is_an_error)
{
	for (size_t n = 8; n < sizeof(gzipped); n += 7) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf b = AC_BUF_INIT(1 << 20);
		AC_CLOSE int fd = file_of(gzipped, n);
		struct ac_err err = AC_ERR_INIT;
		enum ac_zip format;

		CHECK(pull(fd, &b, &format, &err) < 0);
		CHECK(err.code == AC_E_INVALID);
	}
}

TEST(a_file_that_cannot_be_read_is_an_error)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	AC_CLOSE int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ac_err err = AC_ERR_INIT;
	enum ac_zip format;

	CHECK(pull(fd, &b, &format, &err) < 0);
	CHECK(err.code == AC_E_SYS);
}

TEST(can_be_left_in_the_middle)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf in = AC_BUF_INIT(16 << 20);
	struct ac_err err = AC_ERR_INIT;
	const void *p;

	for (size_t i = 0; i < 8 << 20; i += 64)
		ac_buf_addf(&in, "%64zu", i);
	AC_CLOSE int fd = file_of(in.p, in.len);

	for (int reads = 0; reads < 3; reads++) {
		struct ac_unzipfd *u = ac_unzipfd_new(fd, "test", NULL);

		for (int i = 0; i < reads; i++)
			CHECK(ac_unzipfd_source(u, &p, &err) > 0);
		ac_unzipfd_free(u);
		CHECK(lseek(fd, 0, SEEK_SET) == 0);
	}
	ac_unzipfd_free(NULL);
}
