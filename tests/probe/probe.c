/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What an app may not do, tried from inside a pod (tests/cli/acrun-*.bats).
 * Static, so that it runs in an image of its own.
 *
 *	probe calls		system calls by number: "name ERRNO"
 *	probe tiocsti		type into the terminal on stdin
 *	probe device B|C MAJ MIN FILE
 *	probe abstract NAME	connect to an abstract socket
 *	probe listen NAME	listen on one, say "ready", wait
 *	probe socket PATH	leave a socket there
 *	probe foreign		enter the kernel as i386
 *	probe hog MIB		use memory
 *	probe spin		use a processor for ever
 *	probe trap		say what signals come; end on the second
 *	probe scopes		0 when Landlock has scopes
 *	probe fork N		have N children at once: how many there were
 *	probe flood		fill our user's queue of signals, say so, wait
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned long number(const char *s)
{
	unsigned long v = 0;

	while (*s >= '0' && *s <= '9')
		v = v * 10 + (unsigned long)(*s++ - '0');
	return v;
}

static const char *name_of(long r)
{
	return r >= 0 ? "allowed" : strerrorname_np(errno);
}

static int calls(void)
{
	static const struct {
		const char *name;
		long nr;
		long a, b, c;
	} table[] = {
		{"unshare-user", SYS_unshare, CLONE_NEWUSER, 0, 0},
		{"unshare-ns", SYS_unshare, CLONE_NEWNS, 0, 0},
		{"unshare-net", SYS_unshare, CLONE_NEWNET, 0, 0},
		{"clone-user", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0},
		{"clone3", 435, 0, 0, 0},
		{"setns", SYS_setns, -1, 0, 0},
		{"mount", SYS_mount, 0, 0, 0},
		{"umount2", SYS_umount2, 0, 0, 0},
		{"pivot_root", SYS_pivot_root, 0, 0, 0},
		{"open_tree", 428, -1, 0, 0},
		{"move_mount", 429, -1, 0, 0},
		{"fsopen", 430, 0, 0, 0},
		{"fsconfig", 431, -1, 0, 0},
		{"fsmount", 432, -1, 0, 0},
		{"mount_setattr", 442, -1, 0, 0},
		{"io_uring_setup", 425, 1, 0, 0},
		{"userfaultfd", SYS_userfaultfd, 0, 0, 0},
		{"bpf", SYS_bpf, 0, 0, 0},
		{"perf_event_open", SYS_perf_event_open, 0, 0, 0},
		{"keyctl", SYS_keyctl, 0, 0, 0},
		{"add_key", SYS_add_key, 0, 0, 0},
		{"request_key", SYS_request_key, 0, 0, 0},
		{"ptrace", SYS_ptrace, 0, 0, 0},
		{"process_vm_readv", SYS_process_vm_readv, 1, 0, 0},
		{"pidfd_getfd", 438, -1, 0, 0},
		{"kcmp", SYS_kcmp, 1, 1, 0},
		{"open_by_handle_at", SYS_open_by_handle_at, -1, 0, 0},
		{"kexec_load", SYS_kexec_load, 0, 0, 0},
		{"init_module", SYS_init_module, 0, 0, 0},
		{"finit_module", SYS_finit_module, -1, 0, 0},
		{"delete_module", SYS_delete_module, 0, 0, 0},
		{"swapon", SYS_swapon, 0, 0, 0},
		{"swapoff", SYS_swapoff, 0, 0, 0},
		{"reboot", SYS_reboot, 0, 0, 0},
		{"quotactl", SYS_quotactl, 0, 0, 0},
		{"acct", SYS_acct, 0, 0, 0},
		{"syslog", SYS_syslog, 0, 0, 0},
		{"settimeofday", SYS_settimeofday, 0, 0, 0},
		{"clock_settime", SYS_clock_settime, 0, 0, 0},
		{"sethostname", SYS_sethostname, 0, 0, 0},
		{"vhangup", SYS_vhangup, 0, 0, 0},
		{"move_pages", SYS_move_pages, 0, 0, 0},
		{"personality-odd", SYS_personality, 0x0040000, 0, 0},
		{"unknown-call", 9999, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		long r = syscall(table[i].nr, table[i].a, table[i].b,
				 table[i].c);

		if (r == 0 && strncmp(table[i].name, "clone", 5) == 0 &&
		    getpid() != getpgrp())
			_exit(0);
		printf("%s %s\n", table[i].name, name_of(r));
	}
	return 0;
}

static int tiocsti(void)
{
	unsigned long high = TIOCSTI | 1UL << 32;

	printf("%s\n", name_of(syscall(SYS_ioctl, 0, TIOCSTI, "x")));
	printf("%s\n", name_of(syscall(SYS_ioctl, 0, high, "x")));
	printf("%s\n", name_of(syscall(SYS_ioctl, 0, TIOCLINUX, "x")));
	return 0;
}

static int device(char **argv)
{
	mode_t type = argv[0][0] == 'B' ? S_IFBLK : S_IFCHR;
	unsigned int major = (unsigned int)number(argv[1]);
	unsigned int minor = (unsigned int)number(argv[2]);

	printf("mknod %s\n",
	       name_of(mknod(argv[3], type | 0666, makedev(major, minor))));
	printf("open %s\n", name_of(open(argv[3], O_RDONLY | O_NONBLOCK)));
	return 0;
}

static int abstract(const char *name, int listening)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t n = strlen(name);
	socklen_t len;

	memcpy(a.sun_path + 1, name, n);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
	if (!listening) {
		printf("%s\n",
		       name_of(connect(fd, (struct sockaddr *)&a, len)));
		return 0;
	}
	if (bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 1) < 0)
		return 1;
	printf("ready\n");
	fflush(stdout);
	return accept(fd, NULL, NULL) < 0;
}

/* getpid by the 32-bit door. */
static int foreign(void)
{
#if defined(__x86_64__)
	long r = 20;

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory");
	printf("%ld\n", r);
#else
	raise(SIGSYS);
#endif
	return 0;
}

static int hog(const char *mib)
{
	size_t n = number(mib) << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	memset(p, 1, n);
	printf("had %s MiB\n", mib);
	return 0;
}

static volatile sig_atomic_t got;

static void note(int sig)
{
	got = sig;
}

static int trap(void)
{
	static const int sigs[] = {SIGTERM, SIGINT,  SIGHUP,
				   SIGQUIT, SIGUSR1, SIGUSR2};
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], note);
	printf("ready\n");
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		got = 0;
		while (got == 0)
			sigsuspend(&none);
		printf("%s\n", sigabbrev_np(got));
		fflush(stdout);
	}
	return 7;
}

static int forks(const char *text)
{
	unsigned long n = number(text);
	unsigned long i = 0;

	for (; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			pause();
		if (pid < 0)
			break;
	}
	printf("%lu\n", i);
	return 0;
}

static int flood(void)
{
	union sigval none = {.sival_int = 0};
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	while (sigqueue(getpid(), SIGRTMAX, none) == 0)
		;
	puts("full");
	return pause();
}

static int leave_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(a.sun_path))
		return 2;
	memcpy(a.sun_path, path, strlen(path));
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setlinebuf(stdout);
	if (strcmp(what, "calls") == 0)
		return calls();
	if (strcmp(what, "tiocsti") == 0)
		return tiocsti();
	if (strcmp(what, "device") == 0 && argc == 6)
		return device(argv + 2);
	if (strcmp(what, "abstract") == 0 && argc == 3)
		return abstract(argv[2], 0);
	if (strcmp(what, "listen") == 0 && argc == 3)
		return abstract(argv[2], 1);
	if (strcmp(what, "socket") == 0 && argc == 3)
		return leave_socket(argv[2]);
	if (strcmp(what, "foreign") == 0)
		return foreign();
	if (strcmp(what, "hog") == 0 && argc == 3)
		return hog(argv[2]);
	if (strcmp(what, "spin") == 0)
		for (;;)
			;
	if (strcmp(what, "trap") == 0)
		return trap();
	if (strcmp(what, "scopes") == 0)
		return syscall(444, NULL, 0, 1) < 6;
	if (strcmp(what, "fork") == 0 && argc == 3)
		return forks(argv[2]);
	if (strcmp(what, "flood") == 0)
		return flood();
	return 2;
}
