/* SPDX-License-Identifier: Apache-2.0 */
#include "run/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

void quit(int code)
{
	for (;;)
		(void)SYS1(SYS_exit_group, code);
}

static void add_text(struct plan_event *e, va_list ap)
{
	size_t at = 0;
	const char *s;

	while ((s = va_arg(ap, const char *)) != NULL)
		at = str_add(e->text, sizeof(e->text), at, s);
}

void say(const struct pod *p, enum plan_event_kind kind, const struct app *a,
	 int32_t status, long sys, ...)
{
	struct plan_event e;
	va_list ap;

	memset(&e, 0, sizeof(e));
	e.kind = kind;
	e.app = a != NULL ? a->index : PLAN_NO_APP;
	e.status = status;
	e.sys = (int32_t)-sys;
	e.stage = a != NULL ? (uint32_t)a->state : 0;
	va_start(ap, sys);
	add_text(&e, ap);
	va_end(ap);
	(void)SYS3(SYS_write, p->plan->event_fd, &e, sizeof(e));
}

void die(const struct pod *p, const struct app *a, long sys, const char *what,
	 const char *which)
{
	say(p, PLAN_EV_FAILED, a, 0, sys, what, which, NULL);
	if (a != NULL)
		p->shared->failed[a->index] = -1;
	quit(PLAN_EXIT_SETUP);
}

/* Die with the process that started us: it holds the only reading end of the
 * event pipe, so a parent that died before the prctl is seen there. */
static void follow_parent(const struct pod *p)
{
	struct pollfd fd = {.fd = p->plan->event_fd};
	struct timespec zero = {0, 0};

	if ((p->plan->flags & PLAN_PARENT_DIES) == 0)
		return;
	(void)SYS2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (SYS5(SYS_ppoll, &fd, 1, &zero, NULL, 8) == 1 &&
	    (fd.revents & POLLERR) != 0)
		quit(PLAN_EXIT_SETUP);
}

/* Nothing reaches us but what the loop takes; a session of our own keeps the
 * terminal's signals away, which acrun forwards. */
static void stand_alone(const struct pod *p)
{
	static const uint64_t dfl[4]; /* the kernel's struct sigaction */
	uint64_t all = ~0ULL;

	(void)SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	/* Ignored, as a caller may have left it, children would vanish
	 * unseen. */
	(void)SYS4(SYS_rt_sigaction, SIGCHLD, dfl, NULL, 8);
	(void)SYS2(SYS_prctl, PR_SET_DUMPABLE, 0);
	(void)SYS2(SYS_prctl, PR_SET_NAME, "acinit");
	(void)SYS1(SYS_setsid, 0);
	(void)SYS2(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	(void)SYS1(SYS_umask, 0);
	follow_parent(p);
}

/* A single-threaded process moves itself by "0" into a v1 tasks file without
 * the grace period that a write to cgroup.procs costs. */
static void join_cgroups(const struct pod *p)
{
	const int32_t *fds = pod_at(p, p->plan->tasks.at);
	long r;

	for (uint32_t i = 0; i < p->plan->tasks.n; i++) {
		r = SYS3(SYS_write, fds[i], "0", 1);
		if (r < 0)
			die(p, NULL, r, "join the pod's cgroup", "");
		(void)SYS1(SYS_close, fds[i]);
	}
	if ((p->plan->flags & PLAN_CGROUP_NS) == 0)
		return;
	r = SYS1(SYS_unshare, CLONE_NEWCGROUP);
	if (r < 0)
		die(p, NULL, r, "make a cgroup namespace", "");
}

static void loopback(const struct pod *p)
{
	struct ifreq ifr;
	long fd;
	long r;

	if ((p->plan->flags & PLAN_LOOPBACK) == 0)
		return;
	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, "lo", 3);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	fd = SYS3(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r = fd < 0 ? fd : SYS3(SYS_ioctl, fd, SIOCSIFFLAGS, &ifr);
	if (r < 0)
		die(p, NULL, r, "bring the loopback interface up", "");
	(void)SYS1(SYS_close, fd);
}

/* acrun may run in a chroot.  A pivot there would leave the tree around it in
 * our namespace, one ".." away.  Who enters a mount namespace, even his own,
 * stands at its real root, and that is what the pivot then replaces. */
static void find_real_root(const struct pod *p)
{
	long fd = SYS2(SYS_pidfd_open, 1, 0);
	long r = fd < 0 ? fd : SYS2(SYS_setns, fd, CLONE_NEWNS);

	if (r < 0)
		die(p, NULL, r, "find the root of the mount namespace", "");
	(void)SYS1(SYS_close, fd);
}

static void hostname(const struct pod *p)
{
	const char *name = pod_str(p, p->plan->hostname);
	long r;

	if (p->plan->hostname == 0)
		return;
	r = SYS2(SYS_sethostname, name, strlen(name));
	if (r < 0)
		die(p, NULL, r, "set the hostname to ", name);
}

static int fresh(const struct pod *p, const char *type, uint32_t attr)
{
	long fd = SYS2(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */);
	long r = fd;

	if (r >= 0)
		r = SYS5(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		r = SYS3(SYS_fsmount, fd, FSMOUNT_CLOEXEC, attr);
	if (r < 0)
		die(p, NULL, r, "mount a fresh ", type);
	(void)SYS1(SYS_close, fd);
	return (int)r;
}

/* A user namespace that shares the host's network may not have a sysfs of its
 * own: then it is the host's, read-only. */
static int fresh_sys(const struct pod *p, uint32_t attr)
{
	struct mount_attr set = {.attr_set = attr};
	int borrowed = (p->plan->flags & PLAN_ROOTLESS) != 0 &&
		       (p->plan->flags & PLAN_LOOPBACK) == 0;
	long fd;
	long r;

	if (!borrowed)
		return fresh(p, "sysfs", attr);
	fd = SYS3(SYS_open_tree, AT_FDCWD, "/sys",
		  OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);
	r = fd < 0 ? fd
		   : SYS5(SYS_mount_setattr, fd, "",
			  AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof(set));
	if (r < 0)
		die(p, NULL, r, "bind the host's ", "/sys");
	return (int)fd;
}

/* Each app gets a /proc and a /sys of its own.  They are made before the host's
 * tree goes: in a user namespace the kernel asks for a full one in sight. */
static void open_api(struct pod *p)
{
	uint32_t attr =
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	int handlers = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		struct app *a = &p->apps[i];

		a->proc_fd = fresh(p, "proc", attr);
		a->sys_fd = fresh_sys(p, attr | MOUNT_ATTR_RDONLY);
		handlers |= a->plan->argv[PLAN_PRE_START].n != 0 ||
			    a->plan->argv[PLAN_POST_STOP].n != 0;
	}
	p->proc_fd = handlers ? fresh(p, "proc", attr) : -1;
}

/* Offsets become pointers, once. */
static void link_strings(const struct pod *p, struct plan_list list)
{
	uint64_t *v = pod_at(p, list.at);

	for (uint32_t i = 0; list.at != 0 && i < list.n; i++)
		v[i] += (uint64_t)(uintptr_t)p->base;
}

static void read_plan(struct pod *p, int fd)
{
	const struct plan *plan;
	const struct plan_app *apps;
	long size = SYS3(SYS_lseek, fd, 0, 2 /* SEEK_END */);
	long at = SYS6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE, fd, 0);
	long shared =
		SYS6(SYS_mmap, NULL, sizeof(struct shared),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (size < (long)sizeof(*plan) || (at < 0 && at > -4096) ||
	    (shared < 0 && shared > -4096))
		quit(PLAN_EXIT_SETUP);
	p->base = (char *)(uintptr_t)at;
	p->shared = (struct shared *)(uintptr_t)shared;
	plan = p->plan = (const struct plan *)(const void *)p->base;
	if (plan->magic != PLAN_MAGIC || plan->size != (uint64_t)size ||
	    plan->apps.n > PLAN_MAX_APPS)
		quit(PLAN_EXIT_SETUP);
	(void)SYS1(SYS_close, fd);
	apps = pod_at(p, plan->apps.at);
	p->n = plan->apps.n;
	p->grace = plan->grace_ms;
	for (uint32_t i = 0; i < p->n; i++) {
		struct app *a = &p->apps[i];

		a->plan = &apps[i];
		a->index = i;
		a->ns_fd = -1;
		link_strings(p, apps[i].env);
		for (int s = 0; s < PLAN_STAGES; s++)
			link_strings(p, apps[i].argv[s]);
	}
}

/* All that came to us is for us alone. */
static void close_on_exec(void)
{
	(void)SYS3(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
}

__attribute__((noreturn, used)) void init_start(long *stack);
void init_start(long *stack)
{
	static struct pod pod;
	char **argv = (char **)(stack + 1);
	uint64_t fd;

	if (stack[0] != 2 || !str_dec(argv[1], strlen(argv[1]), 1 << 20, &fd))
		quit(PLAN_EXIT_SETUP);
	read_plan(&pod, (int)fd);
	close_on_exec();
	stand_alone(&pod);
	join_cgroups(&pod);
	loopback(&pod);
	hostname(&pod);
	open_api(&pod);
	find_real_root(&pod);
	root_pod(&pod);
	priv_scope(&pod);
	quit(loop_run(&pod));
}

#if defined(__x86_64__)
__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	"	endbr64\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call init_start\n"
	"	hlt\n");
#else
__asm__(".text\n"
	".globl _start\n"
	".type _start, %function\n"
	"_start:\n"
	"	bti c\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	and sp, x0, #-16\n"
	"	bl init_start\n"
	"	brk #0\n");
#endif
