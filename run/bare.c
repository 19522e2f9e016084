/* SPDX-License-Identifier: Apache-2.0 */
#include "run/bare.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/sys/at.h"
#include "common/sys/io.h"
#include "run/sandbox/sandbox.h"
#include "run/sandbox/tree.h"

static const int FORWARDED[] = {SIGTERM, SIGINT,  SIGHUP,
				SIGQUIT, SIGUSR1, SIGUSR2};

int bare_enter(struct ac_err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return ac_err_sys(err, errno, "make a mount namespace%s",
				  errno == EPERM ? " (root is needed)" : "");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return ac_err_sys(err, errno, "part from the host's mounts");
	return 0;
}

static int attach(int tree, int fd, const char *path, const char *what,
		  struct ac_err *err)
{
	unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH;

	if (path[0] == '\0')
		flags |= MOVE_MOUNT_T_EMPTY_PATH;
	if (move_mount(tree, "", fd, path, flags) < 0)
		return ac_err_sys(err, errno, "mount '%s'", what);
	return 0;
}

static int bind_onto(int source, const char *what, unsigned int flags, int root,
		     const char *target, bool is_dir, struct ac_err *err)
{
	AC_CLOSE int tree = tree_bind(source, what, flags, err);
	AC_CLOSE int at = -1;

	if (tree < 0)
		return -1;
	at = ac_at_open(root, target, O_PATH | (is_dir ? O_DIRECTORY : 0), 0,
			err);
	if (at < 0)
		return ac_err_ctx(err, "mount point '%s'", target);
	return attach(tree, at, "", target, err);
}

static int mount_all(const struct sb_app *app, int root, struct ac_err *err)
{
	static const char host[][8] = {"/proc", "/sys", "/dev"};

	for (size_t i = 0; i < AC_LEN(host); i++) {
		AC_CLOSE int fd =
			open(host[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return ac_err_sys(err, errno, "open '%s'", host[i]);
		if (bind_onto(fd, host[i], TREE_RECURSIVE, root, host[i], true,
			      err) < 0)
			return -1;
	}
	for (size_t i = 0; i < app->n_mounts; i++) {
		const struct sb_mount *m = &app->mounts[i];

		if (bind_onto(m->source, m->what,
			      TREE_NO_SUID | TREE_NO_DEVICES |
				      (m->read_only ? TREE_READ_ONLY : 0),
			      root, m->target, m->is_dir, err) < 0)
			return -1;
	}
	return 0;
}

/* The child's part: errno comes back by FD. */
static AC_NORETURN void become(const struct sb_app *app, int root, bool outside,
			       int fd)
{
	sigset_t none;
	int e;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (outside ||
	    (fchdir(root) == 0 && chroot(".") == 0 && chdir(app->cwd) == 0)) {
		environ = (char **)(uintptr_t)app->env;
		(void)execvp(app->exec[0], app->exec);
	}
	e = errno;
	(void)!write(fd, &e, sizeof(e));
	_exit(254);
}

static int wait_for(pid_t pid, const sigset_t *set)
{
	int status;

	for (;;) {
		siginfo_t info;

		if (sigwaitinfo(set, &info) < 0)
			continue;
		/* What the terminal sends, the command got by itself. */
		if (info.si_signo != SIGCHLD && info.si_code == SI_USER)
			(void)kill(pid, info.si_signo);
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
						   : WEXITSTATUS(status);
	}
}

/* A child of ours that is not KEEP, or 0. */
static pid_t any_child(pid_t keep)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 20);
	AC_FREE char *name =
		ac_xasprintf("/proc/self/task/%d/children", (int)getpid());
	struct ac_err none = AC_ERR_INIT;
	struct ac_str rest;
	struct ac_str word;
	uint64_t n;

	if (ac_io_read_file(AT_FDCWD, name, &b, &none) < 0)
		return 0;
	rest = ac_str(ac_buf_str(&b));
	while (rest.len != 0) {
		(void)ac_str_cut(&rest, ' ', &word);
		if (ac_num_max(word, INT32_MAX, &n) == 0 && (pid_t)n != keep)
			return (pid_t)n;
	}
	return 0;
}

/* What the command left behind became ours (PR_SET_CHILD_SUBREAPER): it would
 * go on to write to the root. */
static void end_rest(pid_t keep)
{
	pid_t pid;

	while ((pid = any_child(keep)) > 0) {
		(void)kill(pid, SIGKILL);
		if (waitpid(pid, NULL, 0) < 0 && errno != EINTR)
			return;
	}
}

static int run(const struct sb_app *app, int root, bool outside, pid_t keep,
	       struct ac_err *err)
{
	AC_CLOSE int in = -1;
	sigset_t set;
	int ends[2];
	pid_t pid;
	int code;
	int e;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < AC_LEN(FORWARDED); i++)
		(void)sigaddset(&set, FORWARDED[i]);
	(void)sigaddset(&set, SIGCHLD);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "make a pipe");
	in = ends[0];
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0)
		become(app, root, outside, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return ac_err_sys(err, errno, "start a process");
	code = wait_for(pid, &set);
	end_rest(keep);
	if (read(in, &e, sizeof(e)) == (ssize_t)sizeof(e))
		return ac_err_sys(err, e, "execute '%s' in '%s'", app->exec[0],
				  outside ? "." : app->cwd);
	return code;
}

int bare_run(const struct sb_app *app, const char *at, bool outside, pid_t keep,
	     struct ac_err *err)
{
	AC_CLOSE int root = sb_root(app, false, false, err);

	if (root < 0 || attach(root, AT_FDCWD, at, at, err) < 0)
		return -1;
	if (!outside && mount_all(app, root, err) < 0)
		return -1;
	return run(app, root, outside, keep, err);
}
