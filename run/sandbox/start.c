/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "run/sandbox/device.h"
#include "run/sandbox/engine.h"
#include "run/sandbox/plan.h"
#include "run/sandbox/tree.h"
#include "run/sandbox/tty.h"

enum { MAX_PLAN = 64 << 20 };

static const int FORWARDED[] = {SIGTERM, SIGINT,  SIGHUP,  SIGQUIT,
				SIGUSR1, SIGUSR2, SIGWINCH};

int fd_list_add(struct fd_list *l, int fd)
{
	if (fd < 0)
		return fd;
	l->v = ac_xrealloc(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = fd;
	return fd;
}

void fd_list_release(struct fd_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		(void)close(l->v[i]);
	free(l->v);
	*l = (struct fd_list){NULL, 0};
}

static void start_release(struct start *s)
{
	fd_list_release(&s->fds);
	for (size_t i = 0; s->apps != NULL && i < s->pod->n_apps; i++)
		free(s->apps[i].mounts);
	free(s->apps);
}

static int open_mount(struct start *s, const struct sb_mount *m,
		      unsigned int flags, struct ac_err *err)
{
	/* What comes from the host is data, whatever its bits say. */
	flags |= TREE_NO_SUID | (m->device ? 0 : TREE_NO_DEVICES) |
		 (m->read_only ? TREE_READ_ONLY : 0) |
		 (m->recursive ? TREE_RECURSIVE : 0);
	return fd_list_add(&s->fds, tree_bind(m->source, m->what, flags, err));
}

int sb_root(const struct sb_app *a, bool rootless, bool no_devices,
	    struct ac_err *err)
{
	unsigned int flags = no_devices ? TREE_NO_DEVICES : 0;

	if (a->in_place)
		return tree_bind(a->layers[0], "the root", flags, err);
	flags |= (rootless ? TREE_ROOTLESS : 0) |
		 (a->upper < 0 ? TREE_READ_ONLY : 0);
	return tree_overlay(a->layers, a->n_layers, a->upper, a->work, flags,
			    err);
}

static int open_app(struct start *s, size_t i, struct ac_err *err)
{
	const struct sb_app *a = &s->pod->apps[i];
	struct opened *o = &s->apps[i];

	/* Without a guard on devices no node of an image may be opened. */
	o->root =
		fd_list_add(&s->fds, sb_root(a, s->pod->rootless,
					     !s->groups->devices_guarded, err));
	if (o->root < 0)
		return ac_err_ctx(err, "app '%s'", a->name);
	o->mounts = ac_xcalloc(a->n_mounts + 1, sizeof(*o->mounts));
	for (size_t m = 0; m < a->n_mounts; m++) {
		o->mounts[m] = open_mount(s, &a->mounts[m], 0, err);
		if (o->mounts[m] < 0)
			return ac_err_ctx(err, "app '%s'", a->name);
	}
	return 0;
}

/* The writing ends go to the init, the reading ends to sb_wait. */
static int open_pipes(struct start *s, struct sb_live *live, size_t i,
		      struct ac_err *err)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	s->apps[i].stdio[0] = fd_list_add(&s->fds, null);
	for (int to = 1; to <= 2; to++) {
		struct sb_out *out = &live->outs[live->n_outs];
		int ends[2];

		if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
			return ac_err_sys(err, errno, "make a pipe");
		s->apps[i].stdio[to] = fd_list_add(&s->fds, ends[1]);
		out->fd = ends[0];
		out->app = i;
		out->to = to;
		live->n_outs++;
	}
	return 0;
}

static int open_stdio(struct start *s, struct sb_live *live, struct ac_err *err)
{
	const struct sb_pod *pod = s->pod;

	live->outs = ac_xcalloc(pod->n_apps * 2, sizeof(*live->outs));
	for (size_t i = 0; i < pod->n_apps; i++) {
		int ends[2];

		for (int f = 0; f < 3; f++)
			s->apps[i].stdio[f] = f;
		if (pod->apps[i].io == SB_IO_PREFIX &&
		    open_pipes(s, live, i, err) < 0)
			return -1;
		if (pod->apps[i].io != SB_IO_TTY || s->tty_fd >= 0)
			continue;
		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
			return ac_err_sys(err, errno, "make a socket");
		s->tty_fd = fd_list_add(&s->fds, ends[1]);
		live->tty = tty_new(ends[0]);
	}
	return 0;
}

/* Devices among the mounts are opened to the pod, as asked for. */
static size_t device_rules(const struct sb_pod *pod, struct device_rule *rules,
			   size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < pod->n_apps; i++) {
		for (size_t m = 0; m < pod->apps[i].n_mounts && n < max; m++) {
			const struct sb_mount *mount = &pod->apps[i].mounts[m];
			struct stat st;

			if (!mount->device || fstat(mount->source, &st) < 0)
				continue;
			rules[n++] = (struct device_rule){
				.block = S_ISBLK(st.st_mode),
				.major = major(st.st_rdev),
				.minor = minor(st.st_rdev),
				.read_only = mount->read_only,
			};
		}
	}
	return n;
}

/* A user namespace may not make device nodes; it may bind those there are. */
static int open_nodes(struct start *s, struct ac_err *err)
{
	static const char nodes[][16] = {
		"/dev/null",   "/dev/zero",    "/dev/full",
		"/dev/random", "/dev/urandom", "/dev/tty",
	};

	for (size_t i = 0; s->pod->rootless && i < AC_LEN(nodes); i++) {
		AC_CLOSE int fd = open(nodes[i], O_PATH | O_CLOEXEC);

		if (fd < 0)
			return ac_err_sys(err, errno, "open '%s'", nodes[i]);
		s->nodes[i] =
			fd_list_add(&s->fds, tree_bind(fd, nodes[i], 0, err));
		if (s->nodes[i] < 0)
			return -1;
		s->n_nodes++;
	}
	return 0;
}

static int memory_file(const char *name, const void *p, size_t n,
		       unsigned int flags, struct ac_err *err)
{
	/* MFD_EXEC, which says what older kernels imply. */
	const unsigned int executable = 0x10;
	AC_CLOSE int fd = memfd_create(name, flags | executable);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		return ac_err_sys(err, errno, "make a file in memory");
	return ac_steal_fd(&fd);
}

/* The init's program: nobody can change it, and no file of the host is behind
 * /proc/1/exe. */
static int open_init(struct ac_err *err)
{
	size_t n;
	const void *blob = init_blob(&n);
	AC_CLOSE int fd = memory_file("acinit", blob, n,
				      MFD_CLOEXEC | MFD_ALLOW_SEALING, err);

	if (fd >= 0 &&
	    fcntl(fd, F_ADD_SEALS,
		  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return ac_err_sys(err, errno, "seal the init's program");
	return ac_steal_fd(&fd);
}

/* The pod's own v2 group is entered by clone3 already. */
static void keep_groups(const struct cgroup_place *p, bool v2)
{
	if (v2 && p->v2 >= 0)
		(void)fcntl(p->v2, F_SETFD, 0);
	for (int k = 0; k < CGROUP_V1_KINDS; k++)
		if (p->tasks[k] >= 0)
			(void)fcntl(p->tasks[k], F_SETFD, 0);
}

static AC_NORETURN void become_init(const struct start *s, int init, int plan,
				    const char *number)
{
	char *argv[] = {(char[]){"acinit"}, (char *)(uintptr_t)number, NULL};
	char *env[] = {NULL};
	struct plan_event e = {
		.kind = PLAN_EV_FAILED,
		.app = PLAN_NO_APP,
		.text = "start the pod's init",
	};

	for (size_t i = 0; i < s->fds.n; i++)
		(void)fcntl(s->fds.v[i], F_SETFD, 0);
	(void)fcntl(plan, F_SETFD, 0);
	keep_groups(&s->groups->pod, false);
	for (size_t i = 0; i < s->groups->n_apps; i++)
		keep_groups(&s->groups->apps[i], true);
	(void)syscall(SYS_execveat, init, "", argv, env, AT_EMPTY_PATH);
	e.sys = errno;
	(void)!write(s->event_fd, &e, sizeof(e));
	_exit(PLAN_EXIT_SETUP);
}

static int clone_init(const struct start *s, struct sb_live *live, int init,
		      int plan, struct ac_err *err)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID |
			 CLONE_NEWIPC | CLONE_NEWUTS,
		.pidfd = (uint64_t)(uintptr_t)&live->pidfd,
		.exit_signal = SIGCHLD,
	};
	char number[16];
	long pid;

	(void)snprintf(number, sizeof(number), "%d", plan);
	if (s->pod->net == SB_NET_NONE)
		args.flags |= CLONE_NEWNET;
	if (s->groups->pod.v2 >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)s->groups->pod.v2;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		become_init(s, init, plan, number);
	if (pid < 0)
		return ac_err_sys(err, errno, "make the pod's namespaces%s",
				  errno == EPERM ? " (root is needed)" : "");
	live->pid = (pid_t)pid;
	return 0;
}

static int run_init(struct start *s, struct sb_live *live, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_PLAN);
	AC_CLOSE int init = open_init(err);
	AC_CLOSE int plan = -1;
	int ends[2];

	if (init < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ac_err_sys(err, errno, "make a pipe");
	live->events = ends[0];
	s->event_fd = fd_list_add(&s->fds, ends[1]);
	if (plan_write(s, &b, err) < 0)
		return -1;
	plan = memory_file("plan", b.p, b.len, MFD_CLOEXEC, err);
	if (plan < 0)
		return -1;
	return clone_init(s, live, init, plan, err);
}

/* The signals are ours from before the pod begins: one that comes in between
 * waits in the queue. */
static int take_signals(struct sb_live *live, struct ac_err *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < AC_LEN(FORWARDED); i++)
		(void)sigaddset(&set, FORWARDED[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	/* A caller that ignores SIGCHLD would leave us no status to wait for; a
	 * reader of our output that goes away is no reason to end the pod. */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	live->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return live->signals >= 0 ? 0
				  : ac_err_sys(err, errno, "receive signals");
}

int sb_prepare(struct sb_live *live, const struct sb_pod *pod,
	       struct ac_err *err)
{
	if (pod->n_apps > PLAN_MAX_APPS)
		return ac_err_set(err, AC_E_LIMIT,
				  "%zu apps in a pod, at most %d", pod->n_apps,
				  PLAN_MAX_APPS);
	live->pod = pod;
	live->groups = cgroup_find(pod, &live->cgroups, err);
	return live->groups != NULL ? 0 : -1;
}

int sb_start(struct sb_live *live, const struct sb_pod *pod, struct ac_err *err)
{
	AC_CLEANUP(start_release)
	struct start s = {
		.pod = pod,
		.groups = live->groups,
		.event_fd = -1,
		.tty_fd = -1,
	};
	struct device_rule rules[64];
	size_t n = device_rules(pod, rules, AC_LEN(rules));

	s.apps = ac_xcalloc(pod->n_apps, sizeof(*s.apps));
	if (cgroup_make(live->groups, pod, rules, n, &live->warnings, err) < 0)
		return -1;
	if (pod->strict && live->warnings.n != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED, "%s",
				  live->warnings.v[0]);
	for (size_t i = 0; i < pod->n_apps; i++)
		if (open_app(&s, i, err) < 0)
			return -1;
	if (open_nodes(&s, err) < 0 || open_stdio(&s, live, err) < 0 ||
	    take_signals(live, err) < 0 || run_init(&s, live, err) < 0)
		return -1;
	cgroup_close(live->groups);
	return 0;
}
