/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/stamp.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static int make_file(const struct scratch *d)
{
	int fd =
		openat(d->fd, "f", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK(write(fd, "one", 3) == 3);
	return fd;
}

TEST(the_same_file)
{
	SCRATCH d = scratch_make();
	AC_CLOSE int fd = make_file(&d);
	struct ac_err err = AC_ERR_INIT;
	struct ac_stamp s;

	CHECK(ac_stamp_take(&s, fd, "f", &err) == 0);
	CHECK(ac_stamp_check(&s, fd, "f", &err) == 0);
}

TEST(a_change_whose_time_was_set_back)
{
	SCRATCH d = scratch_make();
	AC_CLOSE int fd = make_file(&d);
	struct ac_err err = AC_ERR_INIT;
	struct ac_stamp s;
	struct stat now;
	int tries = 0;

	CHECK(ac_stamp_take(&s, fd, "f", &err) == 0);
	/* Some kernels' clocks tick a hundred times a second only. */
	do {
		const struct timespec times[2] = {s.st.st_atim, s.st.st_mtim};

		CHECK(pwrite(fd, "two", 3, 0) == 3);
		CHECK(futimens(fd, times) == 0);
		CHECK(fstat(fd, &now) == 0);
	} while (now.st_ctim.tv_nsec == s.st.st_ctim.tv_nsec &&
		 ++tries < 1000000);
	CHECK(now.st_mtim.tv_nsec == s.st.st_mtim.tv_nsec);
	CHECK(ac_stamp_check(&s, fd, "f", &err) < 0);
	CHECK(err.code == AC_E_INVALID);
}

TEST(a_file_that_took_its_name)
{
	SCRATCH d = scratch_make();
	AC_CLOSE int fd = make_file(&d);
	AC_CLOSE int other = -1;
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *path = ac_xasprintf("%s/f", d.path);
	struct ac_stamp s;

	CHECK(ac_stamp_take(&s, fd, "f", &err) == 0);
	CHECK(ac_stamp_named(&s, path, &err) == 0);
	CHECK(unlinkat(d.fd, "f", 0) == 0);
	other = make_file(&d);
	CHECK(ac_stamp_named(&s, path, &err) < 0);
	CHECK(err.code == AC_E_INVALID);
}
