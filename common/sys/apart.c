/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/apart.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/confine.h"
#include "common/sys/io.h"
#include "common/sys/spawn.h"
#include "common/sys/spawn_priv.h"

/* What comes through the pipe: this, and behind it what is in OUT. */
struct answer {
	int ret;
	struct ac_err err;
};

/* --- the child --- */

static bool has(const int *v, size_t n, int fd)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == fd)
			return true;
	return false;
}

static void close_unless_kept(int fd, int also, const int *keep, size_t n)
{
	int flags = fd > STDERR_FILENO ? fcntl(fd, F_GETFD) : -1;

	if (flags >= 0 && (flags & FD_CLOEXEC) != 0 && fd != also &&
	    !has(keep, n, fd))
		(void)close(fd);
}

/* As an execve would, but for WR and KEEP. */
static int close_ours(int wr, const struct ac_apart *how, struct ac_err *err)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	uint64_t fd;

	if (d == NULL)
		return ac_err_sys(err, errno, "open '/proc/self/fd'");
	while ((e = readdir(d)) != NULL)
		if (ac_num_max(ac_str(e->d_name), INT32_MAX, &fd) == 0 &&
		    (int)fd != dirfd(d))
			close_unless_kept((int)fd, wr, how->keep, how->n_keep);
	(void)closedir(d);
	return 0;
}

struct job {
	const struct ac_apart *how;
	ac_apart_fn fn;
	void *ctx;
	struct ac_buf *out;
};

static int work(const struct job *j, int wr, struct ac_err *err)
{
	int r;

	ac_buf_reset(j->out);
	if (close_ours(wr, j->how, err) < 0 ||
	    ac_confine_enter(j->how->confine, j->how->flags, err) < 0)
		return -1;
	r = j->fn(j->ctx, j->out, err);
	return r >= 0 && ac_buf_check(j->out, "the answer", err) < 0 ? -1 : r;
}

static AC_NORETURN void be_child(const struct job *j, int wr, pid_t parent)
{
	/* All of it goes through the pipe. */
	static struct answer a;
	struct ac_err lost = AC_ERR_INIT;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* Who reads may be gone. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (getppid() != parent)
		_exit(1);
	a.ret = work(j, wr, &a.err);
	if (ac_io_write(wr, &a, sizeof(a), "a pipe", &lost) < 0 ||
	    (a.ret >= 0 &&
	     ac_io_write(wr, j->out->p, j->out->len, "a pipe", &lost) < 0))
		_exit(1);
	exit(0);
}

/* --- the parent --- */

static void end_text(char *text, size_t size)
{
	text[size - 1] = '\0';
}

/* What was sent is a failure; the sender may have been taken over. */
static int failure(const struct answer *a, struct ac_err *err)
{
	*err = a->err;
	if ((int)err->code <= AC_OK || (int)err->code > AC_E_UNSUPPORTED)
		err->code = AC_E_INVALID;
	end_text(err->rule, sizeof(err->rule));
	end_text(err->path, sizeof(err->path));
	end_text(err->fix, sizeof(err->fix));
	end_text(err->msg, sizeof(err->msg));
	return -1;
}

static int died(const char *what, int status, struct ac_err *err)
{
	if (status > 128)
		return ac_err_set(err, AC_E_INVALID,
				  "%s: the process that reads it was ended by "
				  "signal %d (%s)",
				  what, status - 128, strsignal(status - 128));
	return ac_err_set(err, AC_E_INVALID,
			  "%s: the process that reads it ended without an "
			  "answer",
			  what);
}

static int hear(int rd, pid_t pid, const char *what, struct ac_buf *out,
		struct ac_err *err)
{
	struct answer a;
	struct ac_err heard = AC_ERR_INIT;
	ssize_t n;
	int status;

	ac_spawn_await(rd, pid);
	n = ac_io_read(rd, &a, sizeof(a), what, &heard);
	if (n == (ssize_t)sizeof(a) && a.ret >= 0 &&
	    ac_io_slurp(rd, out, what, &heard) < 0)
		n = -1;
	/* It must not wait for us to read on. */
	if (n < 0)
		(void)kill(pid, SIGKILL);
	status = ac_spawn_finish(pid, what, err);
	if (status < 0)
		return -1;
	if (n < 0) {
		*err = heard;
		return -1;
	}
	if (n != (ssize_t)sizeof(a))
		return died(what, status, err);
	if (a.ret < 0)
		return failure(&a, err);
	return status == 0 ? a.ret : died(what, status, err);
}

int ac_apart(const struct ac_apart *how, ac_apart_fn fn, void *ctx,
	     struct ac_buf *out, struct ac_err *err)
{
	const struct job job = {.how = how, .fn = fn, .ctx = ctx, .out = out};
	AC_CLOSE int rd = -1;
	AC_CLOSE int wr = -1;
	pid_t parent = getpid();
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "make a pipe");
	rd = p[0];
	wr = p[1];
	/* The child would print it again. */
	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		return ac_err_sys(err, errno, "fork");
	if (pid == 0)
		be_child(&job, wr, parent);
	(void)close(ac_steal_fd(&wr));
	return hear(rd, pid, how->what, out, err);
}
