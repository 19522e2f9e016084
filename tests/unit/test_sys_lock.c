/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/lock.h"
#include "tests/unit/tap.h"

static int scratch(char *dir)
{
	int fd;

	CHECK(mkdtemp(dir) != NULL);
	fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

/* What another process gets: 0, or its error's code. */
static int other(int dirfd, enum ac_lock_mode mode)
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0) {
		struct ac_err err = AC_ERR_INIT;
		int fd = ac_lock_file(dirfd, "lock", mode, false, &err);

		_exit(fd >= 0 ? 0 : (int)err.code);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(two_processes)
{
	char dir[] = "/tmp/ac-unit-XXXXXX";
	AC_CLOSE int d = scratch(dir);
	struct ac_err err = AC_ERR_INIT;
	int fd = ac_lock_file(d, "lock", AC_LOCK_EXCLUSIVE, false, &err);

	CHECK(fd >= 0);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(other(d, AC_LOCK_EXCLUSIVE) == AC_E_BUSY);
	CHECK(other(d, AC_LOCK_SHARED) == AC_E_BUSY);
	CHECK(close(fd) == 0);
	CHECK(other(d, AC_LOCK_EXCLUSIVE) == 0);

	fd = ac_lock_file(d, "lock", AC_LOCK_SHARED, true, &err);
	CHECK(fd >= 0);
	CHECK(other(d, AC_LOCK_SHARED) == 0);
	CHECK(other(d, AC_LOCK_EXCLUSIVE) == AC_E_BUSY);
	CHECK(close(fd) == 0);
	CHECK(unlinkat(d, "lock", 0) == 0 && rmdir(dir) == 0);
}

/* The holder removes the file while another waits for it: the waiter must end
 * with the lock of the file that then has the name. */
TEST(file_removed_while_waiting)
{
	char dir[] = "/tmp/ac-unit-XXXXXX";
	AC_CLOSE int d = scratch(dir);
	struct ac_err err = AC_ERR_INIT;
	int fd = ac_lock_file(d, "lock", AC_LOCK_EXCLUSIVE, true, &err);
	int status;
	pid_t pid;

	CHECK(fd >= 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct stat a;
		struct stat b;
		int w;

		(void)close(fd);
		w = ac_lock_file(d, "lock", AC_LOCK_EXCLUSIVE, true, &err);
		_exit(w >= 0 && fstat(w, &a) == 0 &&
				      fstatat(d, "lock", &b, 0) == 0 &&
				      a.st_ino == b.st_ino
			      ? 0
			      : 1);
	}
	(void)usleep(20000); /* whether it waits already or not, it must hold */
	CHECK(unlinkat(d, "lock", 0) == 0);
	CHECK(close(fd) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(unlinkat(d, "lock", 0) == 0 && rmdir(dir) == 0);
}

TEST(directories_and_links)
{
	char dir[] = "/tmp/ac-unit-XXXXXX";
	AC_CLOSE int d = scratch(dir);
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_lock_fd(d, AC_LOCK_EXCLUSIVE, false, dir, &err) == 0);
	CHECK(symlinkat("/tmp/elsewhere", d, "lock") == 0);
	CHECK(ac_lock_file(d, "lock", AC_LOCK_SHARED, false, &err) < 0);
	CHECK(err.code == AC_E_SYS && err.sys == ELOOP);
	CHECK(unlinkat(d, "lock", 0) == 0 && rmdir(dir) == 0);
}
