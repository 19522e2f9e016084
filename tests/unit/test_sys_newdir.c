/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>

#include "common/sys/newdir.h"
#include "tests/unit/scratch.h"

static struct scratch dir;

static void enter(void)
{
	dir = scratch_make();
	CHECK(fchdir(dir.fd) == 0);
}

static void leave(void)
{
	CHECK(chdir("/") == 0);
	scratch_remove(&dir);
}

/* How many names there are in PATH. */
static int names(const char *path)
{
	DIR *d = opendir(path);
	int n = -2; /* . and .. */

	CHECK(d != NULL);
	while (readdir(d) != NULL)
		n++;
	CHECK(closedir(d) == 0);
	return n;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK(stat(path, &st) == 0);
	return st.st_mode & 07777;
}

/* Make PATH with a file and a directory that is closed to us. */
static int put(const char *path, bool overwrite, bool keep, bool commit,
	       struct ac_err *err)
{
	AC_CLEANUP(ac_newdir_release) struct ac_newdir d = AC_NEWDIR_INIT;

	if (ac_newdir_open(&d, path, overwrite, err) < 0)
		return -1;
	scratch_write(d.fd, "manifest", "text");
	CHECK(mkdirat(d.fd, "rootfs", 0555) == 0);
	CHECK(!keep || fchmod(d.fd, 0510) == 0);
	return commit ? ac_newdir_commit(&d, keep, err) : 0;
}

TEST(a_new_one_appears_when_committed)
{
	struct ac_err err = AC_ERR_INIT;
	mode_t mask = umask(027);

	enter();
	CHECK(put("d", false, false, false, &err) == 0 && names(".") == 0);
	CHECK(put("d/", false, false, true, &err) == 0 && names(".") == 1);
	CHECK(mode_of("d") == 0750 && names("d") == 2);
	CHECK(put("kept", false, true, true, &err) == 0);
	CHECK(mode_of("kept") == 0510);
	(void)umask(mask);
	leave();
}

TEST(an_empty_one_is_filled)
{
	struct ac_err err = AC_ERR_INIT;

	enter();
	CHECK(mkdir("d", 0705) == 0 && symlink("d", "link") == 0);
	CHECK(put("link", false, false, false, &err) == 0 && names("d") == 0);
	CHECK(put("link", false, false, true, &err) == 0 && names("d") == 2);
	CHECK(mode_of("d") == 0705 && mode_of("d/rootfs") == 0555);
	CHECK(mkdir("e", 0705) == 0);
	CHECK(put("e", true, true, true, &err) == 0 && names("e") == 2);
	CHECK(mode_of("e") == 0510);
	CHECK(mkdir("here", 0755) == 0 && chdir("here") == 0);
	CHECK(put(".", false, false, true, &err) == 0 && names(".") == 2);
	leave();
}

TEST(one_with_files_is_replaced_when_asked)
{
	struct ac_err err = AC_ERR_INIT;

	enter();
	CHECK(mkdir("d", 0755) == 0 && symlink("d", "link") == 0);
	scratch_write(dir.fd, "d/old", "x");
	CHECK(put("d", false, false, true, &err) < 0 &&
	      err.code == AC_E_EXISTS);
	CHECK(put("link", true, false, false, &err) == 0);
	CHECK(names("d") == 1 && names(".") == 2);
	CHECK(put("link", true, false, true, &err) == 0);
	CHECK(names("d") == 2 && names(".") == 2);
	CHECK(put(".", true, false, true, &err) < 0 && err.code == AC_E_USAGE);
	leave();
}

TEST(what_is_no_directory_stays)
{
	struct ac_err err = AC_ERR_INIT;

	enter();
	scratch_write(dir.fd, "f", "x");
	CHECK(put("f", true, false, true, &err) < 0 &&
	      err.code == AC_E_INVALID);
	CHECK(put("none/d", true, false, true, &err) < 0 && err.sys == ENOENT);
	CHECK(put("", true, false, true, &err) < 0 && err.code == AC_E_USAGE);
	CHECK(names(".") == 1);
	leave();
}
