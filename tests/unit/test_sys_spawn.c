/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "common/base/buf.h"
#include "common/sys/spawn.h"
#include "tests/unit/scratch.h"

static int sh(const char *script, struct ac_buf *out, struct ac_err *err)
{
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script),
			      NULL};
	int r = out != NULL ? ac_spawn_output(argv, out, err)
			    : ac_spawn_wait(argv, err);

	free(argv[2]);
	return r;
}

TEST(exit_codes)
{
	struct ac_err err = AC_ERR_INIT;
	char *const none[] = {(char[]){"ac-no-such-program"}, NULL};
	char *const dir[] = {(char[]){"/tmp"}, NULL};

	CHECK(sh("exit 0", NULL, &err) == 0);
	CHECK(sh("exit 254", NULL, &err) == 254);
	CHECK(sh("kill -TERM $$", NULL, &err) == 128 + SIGTERM);
	CHECK(ac_spawn_wait(none, &err) < 0 && err.code == AC_E_NOT_FOUND);
	CHECK(ac_spawn_wait(dir, &err) < 0 && err.code == AC_E_SYS);
	CHECK(err.sys == EACCES);
}

TEST(output)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(100);
	struct ac_err err = AC_ERR_INIT;

	CHECK(sh("printf 'a b'; printf c; exit 3", &b, &err) == 3);
	CHECK(strcmp(ac_buf_str(&b), "a bc") == 0);
	/* Too much, and never ending: it is stopped. */
	CHECK(sh("while :; do echo yes; done", &b, &err) < 0);
	CHECK(err.code == AC_E_LIMIT);
}

static int ask(const char *script, const char *text, unsigned int seconds,
	       struct ac_buf *out, struct ac_err *err)
{
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script),
			      NULL};
	int r;

	ac_buf_reset(out);
	r = ac_spawn_ask(argv, text, seconds, out, err);
	free(argv[2]);
	return r;
}

TEST(questions)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(100);
	struct ac_err err = AC_ERR_INIT;
	char *const none[] = {(char[]){"ac-no-such-program"}, NULL};
	char big[8192];

	CHECK(ask("cat; echo noise >&2; exit 3", "a line", 60, &b, &err) == 3);
	CHECK(strcmp(ac_buf_str(&b), "a line") == 0);
	CHECK(ask("true", "not read", 60, &b, &err) == 0 && b.len == 0);
	CHECK(ask("while :; do echo yes; done", "", 60, &b, &err) < 0);
	CHECK(err.code == AC_E_LIMIT);
	/* What hangs is killed, whether it still talks or not. */
	CHECK(ask("exec sleep 1000", "", 1, &b, &err) < 0);
	CHECK(err.code == AC_E_BUSY);
	CHECK(ask("exec >&-; exec sleep 1000", "", 1, &b, &err) < 0);
	CHECK(err.code == AC_E_BUSY);
	CHECK(ac_spawn_ask(none, "", 1, &b, &err) < 0);
	CHECK(err.code == AC_E_NOT_FOUND);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	CHECK(ask("cat", big, 60, &b, &err) < 0 && err.code == AC_E_LIMIT);
}

/* The child has signals as usual and no descriptor of ours. */
TEST(clean_start)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(4096);
	SCRATCH s = scratch_make();
	struct ac_err err = AC_ERR_INIT;
	sigset_t all;
	sigset_t before;

	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK(sigfillset(&all) == 0);
	CHECK(sigprocmask(SIG_BLOCK, &all, &before) == 0);
	CHECK(sh("kill -PIPE $$; exit 1", NULL, &err) == 128 + SIGPIPE);
	CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
	CHECK(sh("ls -l /proc/self/fd", &b, &err) == 0);
	CHECK(strstr(ac_buf_str(&b), s.path) == NULL);
}

TEST(sibling)
{
	AC_FREE char *self = ac_spawn_sibling("test_sys_spawn");
	AC_FREE char *other = ac_spawn_sibling("ac-no-such-program");

	CHECK(self[0] == '/' && access(self, X_OK) == 0);
	CHECK(strcmp(other, "ac-no-such-program") == 0);
}
