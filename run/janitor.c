/* SPDX-License-Identifier: Apache-2.0 */
#include "run/janitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"

/* Nobody's signals are for it, and nobody waits for its end on a pipe: what is
 * left of the caller's standard streams is stderr, for warnings. */
static void stand_alone(void)
{
	AC_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "acrun-janitor");
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
	}
}

/* Until all writers are gone; what they write are processes to wait for. */
static void wait_for_end(int fd)
{
	AC_CLOSE int pidfd = -1;
	struct pollfd p = {.events = POLLIN};
	pid_t pid;
	ssize_t n;

	do {
		n = read(fd, &pid, sizeof(pid));
		if (n == (ssize_t)sizeof(pid) && pidfd < 0)
			pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	} while (n > 0 || (n < 0 && errno == EINTR));
	p.fd = pidfd;
	while (pidfd >= 0 && poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

int janitor_start(struct janitor *j, void (*fn)(void *ctx), void *ctx,
		  struct ac_err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "make a pipe");
	j->pid = fork();
	if (j->pid < 0) {
		int e = errno;

		(void)close(ends[0]);
		(void)close(ends[1]);
		return ac_err_sys(err, e, "start a process");
	}
	if (j->pid == 0) {
		(void)close(ends[1]);
		stand_alone();
		wait_for_end(ends[0]);
		fn(ctx);
		_exit(0);
	}
	(void)close(ends[0]);
	j->fd = ends[1];
	return 0;
}

void janitor_watch(const struct janitor *j, pid_t pid)
{
	(void)!write(j->fd, &pid, sizeof(pid));
}

void janitor_release(struct janitor *j)
{
	if (j->fd < 0)
		return;
	(void)close(j->fd);
	while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*j = JANITOR_INIT;
}
