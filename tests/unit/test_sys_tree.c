/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"

TEST(remove_anything)
{
	SCRATCH s = scratch_make();
	struct ac_err err = AC_ERR_INIT;

	scratch_write(s.fd, "keep", "kept");
	CHECK(mkdirat(s.fd, "d", 0755) == 0 && mkdirat(s.fd, "d/e", 0) == 0);
	CHECK(symlinkat("../keep", s.fd, "d/out") == 0);
	CHECK(symlinkat("..", s.fd, "d/up") == 0);
	CHECK(mkfifoat(s.fd, "d/fifo", 0600) == 0);
	scratch_write(s.fd, "d/f", "x");
	scratch_write(s.fd, "d/\n\xff", "x");
	CHECK(linkat(s.fd, "keep", s.fd, "d/hard", 0) == 0);
	CHECK(ac_tree_remove(s.fd, "d", &err) == 0);
	CHECK(scratch_missing(s.fd, "d"));
	CHECK(strcmp(scratch_read(s.fd, "keep"), "kept") == 0);

	CHECK(ac_tree_remove(s.fd, "d", &err) == 0); /* missing is fine */
	CHECK(symlinkat("keep", s.fd, "link") == 0);
	CHECK(ac_tree_remove(s.fd, "link", &err) == 0);
	CHECK(scratch_missing(s.fd, "link") && !scratch_missing(s.fd, "keep"));
	CHECK(ac_tree_remove(s.fd, "keep", &err) == 0);
	CHECK(ac_tree_remove(s.fd, "no/such/parent", &err) == 0);
	CHECK(ac_tree_remove(-1, "x", &err) < 0 && err.sys == EBADF);
}

TEST(remove_many_and_deep)
{
	SCRATCH s = scratch_make();
	struct ac_err err = AC_ERR_INIT;
	int at = dup(s.fd);

	for (int i = 0; i < 3000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%d", i);
		scratch_write(s.fd, name, "");
	}
	/* Deeper than any path is long, and than descriptors there are. */
	for (int i = 0; i < 6000; i++) {
		int next;

		CHECK(mkdirat(at, "dd", 0755) == 0);
		next = openat(at, "dd", O_DIRECTORY | O_CLOEXEC);
		CHECK(next >= 0 && close(at) == 0);
		at = next;
	}
	CHECK(close(at) == 0);
	CHECK(ac_tree_remove(s.fd, "dd", &err) == 0);
	CHECK(scratch_missing(s.fd, "dd"));
}

/* As nobody, who may not look into his own closed directories. */
TEST(remove_closed_directories)
{
	SCRATCH s = scratch_make();
	int status;
	pid_t pid;

	CHECK(chmod(s.path, 0777) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct ac_err err = AC_ERR_INIT;

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		if (mkdirat(s.fd, "a", 0700) < 0 ||
		    mkdirat(s.fd, "a/b", 0700) < 0 ||
		    mkdirat(s.fd, "a/b/c", 0) < 0 ||
		    symlinkat("/", s.fd, "a/b/l") < 0 ||
		    fchmodat(s.fd, "a/b", 0500, 0) < 0 ||
		    fchmodat(s.fd, "a", 0, 0) < 0)
			_exit(2);
		_exit(ac_tree_remove(s.fd, "a", &err) == 0 ? 0 : 3);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(scratch_missing(s.fd, "a"));
}

TEST(remove_stops_at_a_mount)
{
	SCRATCH s = scratch_make();
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		printf("# left out: mount needs root\n");
		return;
	}
	CHECK(mkdirat(s.fd, "a", 0755) == 0 && mkdirat(s.fd, "a/m", 0755) == 0);
	CHECK(mkdirat(s.fd, "other", 0755) == 0);
	scratch_write(s.fd, "other/precious", "data");
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct ac_err err = AC_ERR_INIT;

		if (fchdir(s.fd) < 0 || unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("other", "a/m", NULL, MS_BIND, NULL) < 0)
			_exit(1);
		_exit(ac_tree_remove(AT_FDCWD, "a", &err) < 0 &&
				      err.code == AC_E_BUSY &&
				      ac_tree_remove(AT_FDCWD, "a/m", &err) < 0
			      ? 0
			      : 2);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(strcmp(scratch_read(s.fd, "other/precious"), "data") == 0);
}
