/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "common/sys/spawn_priv.h"

enum { POLL_MS = 200 };

/* Signals as a program expects them: none blocked, SIGPIPE not ignored,
 * whatever we have done for ourselves. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none;
	sigset_t defaults;
	int e;

	(void)sigemptyset(&none);
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGPIPE);
	e = posix_spawnattr_setsigmask(attr, &none);
	if (e == 0)
		e = posix_spawnattr_setsigdefault(attr, &defaults);
	if (e == 0)
		e = posix_spawnattr_setflags(attr,
					     POSIX_SPAWN_SETSIGMASK |
						     POSIX_SPAWN_SETSIGDEF);
	return e;
}

static int not_run(const char *name, int e, struct ac_err *err)
{
	if (e == ENOENT)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "run '%s': there is no such program; is it "
				  "installed?",
				  name);
	return ac_err_sys(err, e, "run '%s'", name);
}

pid_t ac_spawn_start(char *const argv[], const struct ac_spawn_fd *map,
		     size_t n, struct ac_err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	pid_t pid = -1;
	int e = posix_spawn_file_actions_init(&actions);

	if (e != 0)
		return ac_err_sys(err, e, "run '%s'", argv[0]);
	e = posix_spawnattr_init(&attr);
	if (e == 0) {
		e = set_signals(&attr);
		for (size_t i = 0; e == 0 && i < n; i++)
			e = posix_spawn_file_actions_adddup2(&actions,
							     map[i].from,
							     map[i].to);
		if (e == 0)
			e = posix_spawnp(&pid, argv[0], &actions, &attr, argv,
					 environ);
		(void)posix_spawnattr_destroy(&attr);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return e != 0 ? not_run(argv[0], e, err) : pid;
}

int ac_spawn_finish(pid_t pid, const char *name, struct ac_err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ac_err_sys(err, errno, "wait for '%s'", name);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

void ac_spawn_await(int fd, pid_t pid)
{
	/* A signal may come between the look and the wait: look again. */
	while (fd >= 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, POLL_MS) > 0)
			return;
		if (ac_interrupt_code() != 0) {
			(void)kill(pid, SIGTERM);
			return;
		}
	}
}

int ac_spawn_wait(char *const argv[], struct ac_err *err)
{
	pid_t pid = ac_spawn_start(argv, NULL, 0, err);

	if (pid < 0)
		return -1;
	return ac_spawn_finish(pid, argv[0], err);
}

int ac_spawn_fds(char *const argv[], const struct ac_spawn_fd *map, size_t n,
		 struct ac_err *err)
{
	pid_t pid = ac_spawn_start(argv, map, n, err);
	AC_CLOSE int pidfd = -1;

	if (pid < 0)
		return -1;
	pidfd = pidfd_open(pid, 0);
	ac_spawn_await(pidfd, pid);
	return ac_spawn_finish(pid, argv[0], err);
}

int ac_spawn_output(char *const argv[], struct ac_buf *out, struct ac_err *err)
{
	return ac_spawn_output_with(argv, NULL, 0, out, err);
}

int ac_spawn_output_with(char *const argv[], const struct ac_spawn_fd *more,
			 size_t n, struct ac_buf *out, struct ac_err *err)
{
	AC_CLOSE int rd = -1;
	AC_CLOSE int wr = -1;
	struct ac_spawn_fd map[1 + AC_SPAWN_MORE] = {{.to = STDOUT_FILENO}};
	struct ac_err waited = AC_ERR_INIT;
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "run '%s'", argv[0]);
	rd = p[0];
	wr = p[1];
	/* A dup2 to itself would leave it close-on-exec. */
	if (wr == STDOUT_FILENO) {
		wr = fcntl(p[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		(void)close(p[1]);
		if (wr < 0)
			return ac_err_sys(err, errno, "run '%s'", argv[0]);
	}
	map[0].from = wr;
	for (size_t i = 0; i < n; i++)
		map[1 + i] = more[i];
	pid = ac_spawn_start(argv, map, 1 + n, err);
	if (pid < 0)
		return -1;
	(void)close(ac_steal_fd(&wr));
	ac_spawn_await(rd, pid);
	if (ac_io_slurp(rd, out, argv[0], err) < 0) {
		/* It must not wait for us to read on. */
		(void)kill(pid, SIGKILL);
		(void)ac_spawn_finish(pid, argv[0], &waited);
		return ac_err_ctx(err, "output of '%s'", argv[0]);
	}
	return ac_spawn_finish(pid, argv[0], err);
}

/* --- a question --- */

/* Read all of FD, until DEADLINE. */
static int listen_to(int fd, const char *name, int64_t deadline,
		     struct ac_buf *out, struct ac_err *err)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - ac_clock_ms();
		char part[4096];
		ssize_t n;

		if (ac_interrupt_check(err) < 0)
			return -1;
		if (left <= 0)
			return ac_err_set(err, AC_E_BUSY,
					  "'%s' does not answer in time", name);
		if (poll(&p, 1, left < POLL_MS ? (int)left : POLL_MS) <= 0)
			continue;
		n = read(fd, part, sizeof(part));
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return ac_err_sys(err, errno, "output of '%s'", name);
		if (n > 0)
			ac_buf_add(out, part, (size_t)n);
		explicit_bzero(part, sizeof(part));
		if (ac_buf_check(out, "its output", err) < 0)
			return ac_err_ctx(err, "'%s'", name);
	}
}

/* Wait for PID until DEADLINE; 0 when it has ended. */
static int wait_for_end(pid_t pid, const char *name, int64_t deadline,
			struct ac_err *err)
{
	AC_CLOSE int fd = pidfd_open(pid, 0);

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - ac_clock_ms();

		if (fd < 0)
			return ac_err_sys(err, errno, "wait for '%s'", name);
		if (ac_interrupt_check(err) < 0)
			return -1;
		if (left <= 0)
			return ac_err_set(err, AC_E_BUSY,
					  "'%s' does not end in time", name);
		if (poll(&p, 1, left < POLL_MS ? (int)left : POLL_MS) > 0)
			return 0;
	}
}

/* Above the standard ones, where they are given to the child. */
static int high_pipe(int *rd, int *wr)
{
	int p[2];
	int e = 0;

	if (pipe2(p, O_CLOEXEC) < 0)
		return errno;
	*rd = fcntl(p[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (*rd < 0)
		e = errno;
	*wr = fcntl(p[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (*wr < 0)
		e = errno;
	(void)close(p[0]);
	(void)close(p[1]);
	return e;
}

static int converse(char *const argv[], const struct ac_spawn_fd map[3],
		    int *wr, int rd, unsigned int seconds, struct ac_buf *out,
		    struct ac_err *err)
{
	int64_t deadline = ac_clock_ms() + (int64_t)seconds * 1000;
	struct ac_err waited = AC_ERR_INIT;
	pid_t pid = ac_spawn_start(argv, map, 3, err);

	if (pid < 0)
		return -1;
	(void)close(ac_steal_fd(wr));
	if (listen_to(rd, argv[0], deadline, out, err) < 0 ||
	    wait_for_end(pid, argv[0], deadline, err) < 0) {
		(void)kill(pid, SIGKILL);
		(void)ac_spawn_finish(pid, argv[0], &waited);
		return -1;
	}
	return ac_spawn_finish(pid, argv[0], err);
}

int ac_spawn_ask(char *const argv[], const char *text, unsigned int seconds,
		 struct ac_buf *out, struct ac_err *err)
{
	AC_CLOSE int in_rd = -1;
	AC_CLOSE int in_wr = -1;
	AC_CLOSE int out_rd = -1;
	AC_CLOSE int out_wr = -1;
	AC_CLOSE int null = -1;
	int e = high_pipe(&in_rd, &in_wr);

	if (e == 0)
		e = high_pipe(&out_rd, &out_wr);
	if (e == 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		e = null < 0 ? errno : 0;
	}
	if (e != 0)
		return ac_err_sys(err, e, "run '%s'", argv[0]);
	/* The pipe holds it: nobody need read yet. */
	if (strlen(text) > PIPE_BUF)
		return ac_err_set(err, AC_E_LIMIT,
				  "run '%s': a question of "
				  "more than %d bytes",
				  argv[0], PIPE_BUF);
	if (ac_io_write(in_wr, text, strlen(text), "a pipe", err) < 0)
		return -1;
	(void)close(ac_steal_fd(&in_wr));
	return converse(argv,
			(struct ac_spawn_fd[]){{in_rd, STDIN_FILENO},
					       {out_wr, STDOUT_FILENO},
					       {null, STDERR_FILENO}},
			&out_wr, out_rd, seconds, out, err);
}

int ac_spawn_become(char *const argv[], struct ac_err *err)
{
	(void)execvp(argv[0], argv);
	return not_run(argv[0], errno, err);
}

char *ac_spawn_sibling(const char *name)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	AC_FREE char *path = NULL;
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash != NULL) {
			*slash = '\0';
			path = ac_xasprintf("%s/%s", self, name);
			if (access(path, X_OK) == 0)
				return ac_steal_ptr(&path);
		}
	}
	return ac_xstrdup(name);
}
