/* SPDX-License-Identifier: Apache-2.0 */
#include "run/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { MAX_PATH = 4096 };

static void need(const struct pod *p, const struct app *a, long r,
		 const char *what, const char *which)
{
	if (r < 0)
		die(p, a, r, what, which);
}

static void join_cgroups(const struct pod *p, const struct app *a)
{
	const int32_t *fds = pod_at(p, a->plan->tasks.at);

	for (uint32_t i = 0; i < a->plan->tasks.n; i++)
		need(p, a, SYS3(SYS_write, fds[i], "0", 1),
		     "join the app's cgroup", "");
	if ((a->plan->flags & PLAN_OWN_CGROUP) != 0)
		need(p, a, SYS1(SYS_unshare, CLONE_NEWCGROUP),
		     "make a cgroup namespace", "");
}

/* Through the procfs we made ourselves, while /proc is still reachable by
 * descriptor alone. */
static void set_oom(const struct pod *p, const struct app *a)
{
	char text[16];
	int32_t v = a->plan->oom_score_adj;
	size_t n = 0;
	long fd;
	long r;

	if (v == PLAN_OOM_KEEP)
		return;
	if (v < 0)
		n = str_add(text, sizeof(text), 0, "-");
	n = str_num(text, sizeof(text), n, (uint64_t)(v < 0 ? -v : v));
	fd = SYS4(SYS_openat, a->proc_fd, "self/oom_score_adj",
		  O_WRONLY | O_CLOEXEC, 0);
	r = fd < 0 ? fd : SYS3(SYS_write, fd, text, n);
	if (r < 0)
		say(p, PLAN_EV_WARNING, a, 0, r, "set oom_score_adj to ", text,
		    NULL);
	if (fd >= 0)
		(void)SYS1(SYS_close, fd);
}

/* Hand the master of the app's terminal to acrun, and wait until it has set its
 * size: an app may ask for that once, at its start. */
static void send_master(const struct pod *p, const struct app *a, int master)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte = 0;
	struct iovec v = {&byte, 1};
	struct msghdr m;

	memset(&control, 0, sizeof(control));
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	memcpy(control.space + CMSG_LEN(0), &master, sizeof(master));
	memset(&m, 0, sizeof(m));
	m.msg_iov = &v;
	m.msg_iovlen = 1;
	m.msg_control = &control;
	m.msg_controllen = sizeof(control);
	need(p, a, SYS3(SYS_sendmsg, p->plan->tty_fd, &m, 0),
	     "hand over the terminal", "");
	(void)SYS3(SYS_read, p->plan->tty_fd, &byte, 1);
}

/* A terminal of the app's own devpts, opened by its master, so that no name in
 * the image has a say. */
static void terminal(const struct pod *p, const struct app *a,
		     const struct who *w)
{
	int unlock = 0;
	long master = root_open(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY,
				RESOLVE_NO_SYMLINKS);
	long slave;

	need(p, a, master, "make a terminal", "");
	need(p, a, SYS3(SYS_ioctl, master, TIOCSPTLCK, &unlock),
	     "unlock the terminal", "");
	slave = SYS3(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	need(p, a, slave, "open the terminal", "");
	if ((p->plan->flags & PLAN_ROOTLESS) == 0)
		need(p, a, SYS3(SYS_fchown, slave, w->uid, -1),
		     "give the terminal to the app", "");
	need(p, a, SYS3(SYS_ioctl, slave, TIOCSCTTY, 0), "take the terminal",
	     "");
	send_master(p, a, (int)master);
	for (int i = 0; i < 3; i++)
		need(p, a, SYS3(SYS_dup3, slave, i, 0),
		     "set up standard input and output", "");
	(void)SYS1(SYS_close, master);
	(void)SYS1(SYS_close, slave);
}

static void stdio(const struct pod *p, const struct app *a, const struct who *w,
		  int handler)
{
	if (!handler && (a->plan->flags & PLAN_TTY) != 0) {
		terminal(p, a, w);
		return;
	}
	for (int i = 0; i < 3; i++)
		if (a->plan->stdio[i] != i)
			need(p, a, SYS3(SYS_dup3, a->plan->stdio[i], i, 0),
			     "set up standard input and output", "");
}

/* A working directory that is reached through /proc/self/fd, or that is not
 * below our root, would be a way out: no descriptor is left to lead there,
 * magic links are refused, and the kernel must have a name for where we are. */
static void enter_cwd(const struct pod *p, const struct app *a)
{
	const char *cwd = pod_str(p, a->plan->cwd);
	char name[MAX_PATH];
	struct open_how how;
	long fd;
	long r;

	if (str_eq(cwd, "/"))
		return;
	name[0] = '\0';
	memset(&how, 0, sizeof(how));
	how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	how.resolve = RESOLVE_NO_MAGICLINKS;
	fd = SYS4(SYS_openat2, AT_FDCWD, cwd, &how, sizeof(how));
	need(p, a, fd, "enter the working directory ", cwd);
	need(p, a, SYS1(SYS_fchdir, fd), "enter the working directory ", cwd);
	(void)SYS1(SYS_close, fd);
	r = SYS2(SYS_getcwd, name, sizeof(name));
	if (r < 0 || name[0] != '/')
		die(p, a, r < 0 ? r : -ENOENT, "enter the working directory ",
		    cwd);
}

static const char *path_of(const struct pod *p, const struct app *a)
{
	const uint64_t *env = pod_at(p, a->plan->env.at);

	for (uint32_t i = 0; i < a->plan->env.n; i++) {
		const char *e = (const char *)(uintptr_t)env[i];

		if (memcmp(e, "PATH=", 5) == 0)
			return e + 5;
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* Try NAME in each directory of PATH.  Returns the error that says most. */
static long exec_in_path(const char *path, char *const *argv, char *const *env)
{
	char file[MAX_PATH];
	size_t len = strlen(argv[0]);
	long error = -ENOENT;

	for (;;) {
		size_t n = 0;
		long r;

		while (path[n] != '\0' && path[n] != ':')
			n++;
		if (n + len + 2 <= sizeof(file)) {
			memcpy(file, n == 0 ? "." : path, n == 0 ? 1 : n);
			file[n == 0 ? 1 : n] = '/';
			memcpy(file + (n == 0 ? 2 : n + 1), argv[0], len + 1);
			r = SYS3(SYS_execve, file, argv, env);
			if (r != -ENOENT && r != -ENOTDIR)
				error = r;
			if (r != -ENOENT && r != -ENOTDIR && r != -EACCES)
				return r;
		}
		if (path[n] == '\0')
			return error;
		path += n + 1;
	}
}

static void reset_signals(void)
{
	struct {
		void (*handler)(int);
		unsigned long flags;
		void (*restorer)(void);
		uint64_t mask;
	} dfl = {SIG_DFL, 0, NULL, 0};
	uint64_t none = 0;

	/* What acrun's caller ignores, nohup for one, is not the app's
	 * business. */
	for (int s = 1; s <= 64; s++)
		(void)SYS4(SYS_rt_sigaction, s, &dfl, NULL, 8);
	(void)SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
}

__attribute__((noreturn)) static void child(struct pod *p, struct app *a,
					    enum plan_stage stage, int first)
{
	const struct plan_list *list = &a->plan->argv[stage];
	char *const *argv = pod_at(p, list->at);
	char *const *env = pod_at(p, a->plan->env.at);
	int handler = stage != PLAN_MAIN;
	struct who w = {0, 0};
	long r = 0;

	/* No app may look into this process while it is still one of us. */
	(void)SYS1(SYS_setsid, 0);
	join_cgroups(p, a);
	set_oom(p, a);
	if (first)
		root_app(p, a);
	else
		need(p, a, SYS2(SYS_setns, a->ns_fd, CLONE_NEWNS),
		     "enter the app's mounts", "");
	if (!handler)
		who_find(p, a, &w);
	stdio(p, a, &w, handler);
	enter_cwd(p, a);
	(void)SYS1(SYS_umask, 022);
	reset_signals();
	priv_drop(p, a, &w, handler);
	for (const char *c = argv[0]; *c != '\0'; c++)
		if (*c == '/')
			r = 1;
	r = r == 1 ? SYS3(SYS_execve, argv[0], argv, env)
		   : exec_in_path(path_of(p, a), argv, env);
	p->shared->failed[a->index] = (int32_t)-r;
	quit(PLAN_EXIT_SETUP);
}

int app_start(struct pod *p, struct app *a, enum plan_stage stage)
{
	struct clone_args args;
	int first = a->proc_fd >= 0;
	int again = p->proc_fd >= 0;
	char name[40];
	size_t n;
	long pid;

	memset(&args, 0, sizeof(args));
	/* The only app of a pod shares the init's mounts, which are its own:
	 * one namespace less to make and to take down. */
	args.flags = first && (again || p->n > 1) ? CLONE_NEWNS : 0;
	args.exit_signal = SIGCHLD;
	if (a->plan->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)a->plan->cgroup_fd;
	}
	pid = SYS2(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child(p, a, stage, first);
	need(p, a, pid, "start a process", "");
	if (!first)
		return (int)pid;
	/* Its namespace is there from birth; the handlers come back to it. */
	if (again) {
		n = str_num(name, sizeof(name), 0, (uint64_t)pid);
		(void)str_add(name, sizeof(name), n, "/ns/mnt");
		a->ns_fd = (int)SYS4(SYS_openat, p->proc_fd, name,
				     O_RDONLY | O_CLOEXEC, 0);
	}
	(void)SYS1(SYS_close, a->proc_fd);
	(void)SYS1(SYS_close, a->sys_fd);
	(void)SYS1(SYS_close, a->plan->root_fd);
	a->proc_fd = -1;
	return (int)pid;
}
