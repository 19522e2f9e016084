#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/out.h"
#include "tests/unit/tap.h"

static char dir[] = "/tmp/ac-unit-XXXXXX";

static void enter(void)
{
	CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0);
}

static void leave(void)
{
	/* Nothing but what a test removed itself was left in it. */
	CHECK(rmdir(dir) == 0);
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
}

static void put(const char *path, bool overwrite, const char *text)
{
	AC_CLEANUP(ac_out_release) struct ac_out o = AC_OUT_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_out_open(&o, path, overwrite, &err) == 0);
	CHECK(write(o.fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(ac_out_commit(&o, &err) == 0);
}

TEST(appears_whole_with_the_users_mask)
{
	struct stat st;

	enter();
	(void)umask(027);
	put("f", false, "one");
	(void)umask(022);
	CHECK(stat("f", &st) == 0 && st.st_size == 3);
	CHECK((st.st_mode & 0777) == 0640);
	CHECK(unlink("f") == 0);
	leave();
}

TEST(keeps_what_is_there)
{
	AC_CLEANUP(ac_out_release) struct ac_out o = AC_OUT_INIT;
	struct ac_err err = AC_ERR_INIT;
	struct stat st;

	enter();
	put("f", false, "one");
	CHECK(ac_out_open(&o, "f", false, &err) < 0);
	CHECK(err.code == AC_E_EXISTS);
	ac_out_release(&o);
	/* Begun and not committed: the old one stays, nothing beside it. */
	CHECK(ac_out_open(&o, "f", true, &err) == 0);
	CHECK(write(o.fd, "longer", 6) == 6);
	ac_out_release(&o);
	CHECK(stat("f", &st) == 0 && st.st_size == 3);
	put("f", true, "longer");
	CHECK(stat("f", &st) == 0 && st.st_size == 6);
	CHECK(unlink("f") == 0);
	leave();
}

/* Two begin, when nothing is there: the second to end replaces nothing. */
TEST(replaces_nothing_that_came_meanwhile)
{
	AC_CLEANUP(ac_out_release) struct ac_out first = AC_OUT_INIT;
	AC_CLEANUP(ac_out_release) struct ac_out second = AC_OUT_INIT;
	struct ac_err err = AC_ERR_INIT;
	struct stat st;

	enter();
	CHECK(ac_out_open(&first, "f", false, &err) == 0);
	CHECK(ac_out_open(&second, "f", false, &err) == 0);
	CHECK(write(second.fd, "longer", 6) == 6);
	CHECK(ac_out_commit(&first, &err) == 0);
	CHECK(ac_out_commit(&second, &err) < 0);
	CHECK(err.code == AC_E_EXISTS);
	ac_out_release(&second);
	CHECK(stat("f", &st) == 0 && st.st_size == 0);
	CHECK(unlink("f") == 0);
	leave();
}

TEST(never_replaces_other_things)
{
	static const char *const paths[] = {"d",  "p",  "/dev/null", "d/",
					    "ld", "lp", ""};
	struct ac_err err = AC_ERR_INIT;

	enter();
	CHECK(mkdir("d", 0755) == 0 && mkfifo("p", 0600) == 0);
	CHECK(symlink("d", "ld") == 0 && symlink("p", "lp") == 0);
	for (size_t i = 0; i < AC_LEN(paths); i++) {
		AC_CLEANUP(ac_out_release) struct ac_out o = AC_OUT_INIT;

		CHECK(ac_out_open(&o, paths[i], true, &err) < 0);
		CHECK(err.code == AC_E_INVALID);
	}
	CHECK(unlink("ld") == 0 && unlink("lp") == 0);
	CHECK(rmdir("d") == 0 && unlink("p") == 0);
	leave();
}

TEST(replace_keeps_the_mode_and_follows_links)
{
	AC_CLEANUP(ac_out_release) struct ac_out o = AC_OUT_INIT;
	struct ac_err err = AC_ERR_INIT;
	struct stat st;

	enter();
	put("f", false, "one");
	CHECK(chmod("f", 0604) == 0 && symlink("f", "l") == 0);
	CHECK(ac_out_replace(&o, "l", &err) == 0);
	CHECK(write(o.fd, "longer", 6) == 6);
	CHECK(ac_out_commit(&o, &err) == 0);
	CHECK(stat("f", &st) == 0 && st.st_size == 6);
	CHECK((st.st_mode & 0777) == 0604);
	CHECK(lstat("l", &st) == 0 && S_ISLNK(st.st_mode));
	ac_out_release(&o);
	CHECK(ac_out_replace(&o, "none", &err) < 0 && err.sys == ENOENT);
	CHECK(unlink("f") == 0 && unlink("l") == 0);
	leave();
}
