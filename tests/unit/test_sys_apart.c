/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/apart.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/sys/confine.h"
#include "common/sys/interrupt.h"
#include "tests/unit/scratch.h"

/* What the child is to do, and how it comes back. */
static int run(ac_apart_fn fn, void *ctx, struct ac_buf *out,
	       struct ac_err *err)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;

	CHECK(unsetenv("ACUTILS_SANDBOX") == 0);
	return ac_apart(&(struct ac_apart){.confine = &c, .what = "'x'"}, fn,
			ctx, out, err);
}

static int say(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	int *ours = ctx;

	(void)err;
	*ours = 2;
	ac_buf_addf(out, "%d", (int)ac_confined());
	return 7;
}

TEST(the_answer_comes_back_and_nothing_else)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(100);
	struct ac_err err = AC_ERR_INIT;
	int ours = 1;

	CHECK(run(say, &ours, &out, &err) == 7);
	CHECK(strcmp(ac_buf_str(&out), "1") == 0);
	CHECK(ours == 1);
	CHECK(!ac_confined());
}

static int fail(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	(void)ctx;
	ac_buf_adds(out, "half of it");
	(void)ac_err_at(err, "A1", "app.ports[0]", "no port");
	(void)ac_err_fix(err, "give one");
	err->line = 3;
	err->code = AC_E_NOT_FOUND;
	return ac_err_ctx(err, "'x'");
}

TEST(a_failure_comes_back_whole)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(100);
	struct ac_err err = AC_ERR_INIT;

	CHECK(run(fail, NULL, &out, &err) == -1);
	CHECK(err.code == AC_E_NOT_FOUND);
	CHECK(strcmp(err.msg, "'x': app.ports[0]: no port; give one") == 0);
	CHECK(strcmp(err.rule, "A1") == 0);
	CHECK(strcmp(err.path, "app.ports[0]") == 0);
	CHECK(strcmp(err.fix, "give one") == 0);
	CHECK(err.line == 3);
	CHECK(out.len == 0);
}

static int fail_by_errno(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	(void)ctx;
	(void)out;
	return ac_err_sys(err, ENOSPC, "write '%s'", "x");
}

TEST(errno_comes_back)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(100);
	struct ac_err err = AC_ERR_INIT;

	CHECK(run(fail_by_errno, NULL, &out, &err) == -1);
	CHECK(err.code == AC_E_SYS && err.sys == ENOSPC);
}

static int die(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	const int *sig = ctx;

	(void)out;
	(void)err;
	if (*sig == 0)
		_exit(0);
	(void)raise(*sig);
	return 0;
}

TEST(a_child_that_dies_is_told)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(100);
	struct ac_err err = AC_ERR_INIT;
	int sig = SIGKILL;

	CHECK(run(die, &sig, &out, &err) == -1);
	CHECK(strstr(err.msg, "'x': the process that reads it was ended by "
			      "signal 9 (Killed)") != NULL);
	sig = 0;
	CHECK(run(die, &sig, &out, &err) == -1);
	CHECK(strstr(err.msg, "ended without an answer") != NULL);
}

static int say_much(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	const size_t *n = ctx;

	(void)err;
	for (size_t i = 0; i < *n; i++)
		ac_buf_addc(out, 'x');
	return 0;
}

TEST(an_answer_is_as_large_as_it_may_be)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(1 << 20);
	struct ac_err err = AC_ERR_INIT;
	size_t n = 1 << 20;

	CHECK(run(say_much, &n, &out, &err) == 0);
	CHECK(out.len == n);
	n++;
	CHECK(run(say_much, &n, &out, &err) == -1);
	CHECK(err.code == AC_E_LIMIT);
}

/* Descriptors: ours, the caller's, and one that is kept. */
struct fds {
	int own, given, kept;
};

static int look(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	const struct fds *f = ctx;

	(void)err;
	ac_buf_addf(out, "%d %d %d", fcntl(f->own, F_GETFD) >= 0,
		    fcntl(f->given, F_GETFD) >= 0,
		    fcntl(f->kept, F_GETFD) >= 0);
	return 0;
}

TEST(our_descriptors_are_closed)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(100);
	struct ac_err err = AC_ERR_INIT;
	struct fds f = {.own = open("/", O_RDONLY | O_CLOEXEC),
			.given = open("/", O_RDONLY),
			.kept = open("/", O_RDONLY | O_CLOEXEC)};
	struct ac_apart how = {.confine = &c, .keep = &f.kept, .n_keep = 1};

	CHECK(ac_apart(&how, look, &f, &out, &err) == 0);
	CHECK(strcmp(ac_buf_str(&out), "0 1 1") == 0);
	CHECK(close(f.own) == 0 && close(f.given) == 0 && close(f.kept) == 0);
}

/* Tell that it runs, and go on until it is told to end. */
static int wait_for_end(void *ctx, struct ac_buf *out, struct ac_err *err)
{
	const int *fd = ctx;

	(void)out;
	CHECK(write(*fd, "x", 1) == 1);
	while (ac_interrupt_check(err) == 0)
		(void)usleep(1000);
	CHECK(write(*fd, "y", 1) == 1);
	return -1;
}

/* A process that has a child work, which writes to FD. */
static pid_t start(int fd)
{
	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;
	AC_CLEANUP(ac_buf_release) struct ac_buf out = AC_BUF_INIT(100);
	struct ac_apart how = {.confine = &c, .keep = &fd, .n_keep = 1};
	struct ac_err err = AC_ERR_INIT;
	pid_t pid = fork();
	int r;

	CHECK(pid >= 0);
	if (pid != 0)
		return pid;
	(void)ac_interrupt_catch();
	r = ac_apart(&how, wait_for_end, &fd, &out, &err);
	_exit(r < 0 && err.sys == EINTR ? ac_interrupt_code() : 1);
}

static void ends_with(int sig, int expected)
{
	char c = '\0';
	int status;
	int p[2];
	pid_t pid;

	CHECK(pipe(p) == 0);
	pid = start(p[1]);
	CHECK(close(p[1]) == 0);
	CHECK(read(p[0], &c, 1) == 1 && c == 'x');
	CHECK(kill(pid, sig) == 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(status == expected);
	CHECK(read(p[0], &c, 1) == 1 && c == 'y');
	/* Nobody is left that could write. */
	CHECK(read(p[0], &c, 1) == 0);
	CHECK(close(p[0]) == 0);
}

TEST(it_ends_when_we_are_to_end)
{
	ends_with(SIGTERM, (128 + SIGTERM) << 8);
}

TEST(it_ends_when_we_are_killed)
{
	ends_with(SIGKILL, SIGKILL);
}
