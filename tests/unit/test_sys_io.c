/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/io.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static int file_of(size_t n)
{
	int fd = memfd_create("io", MFD_CLOEXEC);

	CHECK(fd >= 0);
	for (size_t i = 0; i < n; i++)
		CHECK(write(fd, &"0123456789"[i % 10], 1) == 1);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

TEST(slurp_at_and_over_the_maximum)
{
	static const struct {
		size_t size, max;
		int ok;
	} t[] = {{0, 0, 1}, {0, 5, 1}, {5, 5, 1},
		 {6, 5, 0}, {1, 0, 0}, {7, 100, 1}};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_CLEANUP(ac_buf_release)
		struct ac_buf b = AC_BUF_INIT(t[i].max);
		AC_CLOSE int fd = file_of(t[i].size);
		struct ac_err err = AC_ERR_INIT;
		int r = ac_io_slurp(fd, &b, "f", &err);

		CHECK((r == 0) == (t[i].ok != 0));
		if (r == 0)
			CHECK(b.len == t[i].size);
		else
			CHECK(err.code == AC_E_LIMIT);
	}
}

TEST(slurp_a_pipe)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_err err = AC_ERR_INIT;
	int p[2];

	CHECK(pipe2(p, O_CLOEXEC) == 0);
	CHECK(ac_io_write(p[1], "one", 3, "p", &err) == 0);
	CHECK(ac_io_write(p[1], "two", 3, "p", &err) == 0);
	CHECK(close(p[1]) == 0);
	ac_buf_adds(&b, ">");
	CHECK(ac_io_slurp(p[0], &b, "p", &err) == 0);
	CHECK(strcmp(ac_buf_str(&b), ">onetwo") == 0);
	CHECK(close(p[0]) == 0);
}

TEST(read_is_short_only_at_the_end)
{
	AC_CLOSE int fd = file_of(25);
	struct ac_err err = AC_ERR_INIT;
	char p[20];

	CHECK(ac_io_read(fd, p, 20, "f", &err) == 20);
	CHECK(ac_io_read(fd, p, 20, "f", &err) == 5);
	CHECK(ac_io_read(fd, p, 20, "f", &err) == 0);
	CHECK(ac_io_read(-1, p, 20, "f", &err) < 0 && err.sys == EBADF);
}

TEST(write_reports)
{
	AC_CLOSE int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	AC_CLOSE int mem = file_of(3);
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_io_write(fd, "x", 1, "full", &err) < 0);
	CHECK(err.code == AC_E_SYS && err.sys == ENOSPC);
	CHECK(ac_io_pwrite(mem, "X", 1, 1, "f", &err) == 0);
	CHECK(pread(mem, (char[3]){0}, 3, 0) == 3);
}

TEST(read_file)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_io_read_file(AT_FDCWD, "/proc/self/status", &b, &err) == 0);
	CHECK(strstr(ac_buf_str(&b), "Pid:") != NULL);
	CHECK(ac_io_read_file(AT_FDCWD, "/no/such", &b, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(ac_io_read_file(AT_FDCWD, "/", &b, &err) < 0);
	CHECK(err.code == AC_E_SYS && err.sys == EISDIR);
}

/* A FIFO without a writer is not waited for, and nothing is read of a device.
 */
TEST(read_regular)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	struct ac_err err = AC_ERR_INIT;
	static const char *const others[] = {"fifo", "link", "dir"};
	SCRATCH s = scratch_make();

	CHECK(mkfifoat(s.fd, "fifo", 0600) == 0);
	CHECK(symlinkat("/dev/zero", s.fd, "link") == 0);
	CHECK(mkdirat(s.fd, "dir", 0700) == 0);
	for (size_t i = 0; i < AC_LEN(others); i++) {
		CHECK(ac_io_read_regular(s.fd, others[i], &b, &err) < 0);
		CHECK(err.code == AC_E_INVALID);
	}
	CHECK(ac_io_read_regular(s.fd, "none", &b, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	scratch_write(s.fd, "f", "text");
	CHECK(symlinkat("f", s.fd, "good") == 0);
	CHECK(ac_io_read_regular(s.fd, "good", &b, &err) == 0);
	CHECK(strcmp(ac_buf_str(&b), "text") == 0);
}
