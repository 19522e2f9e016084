/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faulty [-c CLASS,...] [-n N] [-e ERRNO [-a]] [-k] [-d MICROSECONDS,SEED]
 *	[-x HOOK] [-o FILE] PROGRAM [ARGUMENT]...
 *
 * Run PROGRAM and do something to its N-th system call of these classes (all by
 * default): fail it with ERRNO (-a: and all that come after it, as a full disk
 * does), or kill the program before it (-k).  The calls of its threads and
 * children count too.  -d: each of the calls waits at random, as long as that
 * at most.  -x: before each of them the shell command HOOK is run, the program
 * standing still; $CALL is its name and $N its number.  -o: FILE gets one line:
 * how many calls there were, and the name and path of the N-th (or -).  The
 * exit code is the program's.
 *
 * The class "close" is only meant when it is named: close(2) of files that were
 * opened for writing.  When it fails, the descriptor is gone nevertheless (as
 * it is on Linux), and so is what was written and not flushed before: the file
 * is empty.  Network file systems and quotas do that.
 *
 * Calls on the standard descriptors do not count, nor what lies in the system's
 * directories or is no file.  It is done by seccomp's user notification: the
 * call itself is not made when it fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"

enum { MAX_FLUSHED = 4096, MAX_FD = 256 };

enum how {
	ALWAYS,
	FD,      /* the first argument is a descriptor */
	OPEN,    /* openat(2) */
	OPEN2,   /* openat2(2) */
	PATH_AT, /* the second argument is a path */
	CLOSE,   /* the first argument is a descriptor that could be written */
};

struct call {
	int nr;
	const char *name;
	const char *class;
	enum how how;
};

#define CALL(name, class, how)                \
	{                                     \
		SYS_##name, #name, class, how \
	}
static const struct call calls[] = {
	CALL(write, "write", FD),
	CALL(pwrite64, "write", FD),
	CALL(writev, "write", FD),
	CALL(pwritev, "write", FD),
	CALL(copy_file_range, "write", FD),
	CALL(sendfile, "write", FD),
	CALL(fallocate, "write", FD),
	CALL(ftruncate, "write", FD),
	CALL(read, "read", FD),
	CALL(pread64, "read", FD),
	CALL(getdents64, "read", FD),
	CALL(splice, "splice", FD),
	CALL(fsync, "sync", FD),
	CALL(fdatasync, "sync", FD),
	CALL(syncfs, "sync", FD),
	CALL(openat, "create", OPEN),
	CALL(openat2, "create", OPEN2),
	CALL(openat, "open", OPEN),
	CALL(openat2, "open", OPEN2),
	CALL(mkdirat, "name", PATH_AT),
	CALL(renameat2, "name", PATH_AT),
	CALL(linkat, "name", PATH_AT),
	CALL(symlinkat, "name", ALWAYS),
	CALL(mknodat, "name", PATH_AT),
	CALL(unlinkat, "unlink", PATH_AT),
#ifdef SYS_mkdir
	CALL(mkdir, "name", ALWAYS),
	CALL(rename, "name", ALWAYS),
	CALL(renameat, "name", PATH_AT),
	CALL(link, "name", ALWAYS),
	CALL(symlink, "name", ALWAYS),
	CALL(unlink, "unlink", ALWAYS),
	CALL(rmdir, "unlink", ALWAYS),
#endif
	CALL(fchown, "attr", FD),
	CALL(fchownat, "attr", PATH_AT),
	CALL(fchmod, "attr", FD),
	CALL(fchmodat, "attr", PATH_AT),
	CALL(utimensat, "attr", PATH_AT),
	CALL(fsetxattr, "attr", FD),
	CALL(lsetxattr, "attr", ALWAYS),
	CALL(setxattr, "attr", ALWAYS),
	CALL(flock, "lock", FD),
	CALL(clone3, "clone", ALWAYS),
	CALL(close, "close", CLOSE),
};

static const struct {
	const char *name;
	int value;
} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT},
	      {"EINTR", EINTR},   {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
	      {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN}, {"EROFS", EROFS},
	      {"EACCES", EACCES}, {"EPERM", EPERM},   {"EINVAL", EINVAL}};

static struct {
	const char *classes; /* NULL: all */
	uint64_t n;          /* 0: none */
	int error;
	bool after, kill;
	uint64_t delay, seed;
	const char *hook;
	const char *out;
} opt;

static uint64_t count;
static char *hit;
static pid_t program;

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "faulty: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* --- the filter --- */

static bool selected(const char *class)
{
	struct ac_str rest = ac_str(opt.classes);
	struct ac_str one;

	if (opt.classes == NULL)
		return strcmp(class, "close") != 0;
	while (rest.len != 0) {
		(void)ac_str_cut(&rest, ',', &one);
		if (ac_str_eq(one, class))
			return true;
	}
	return false;
}

/* Has the call to be looked at?  What is flushed matters when files close. */
static bool watched(const struct call *c)
{
	return selected(c->class) ||
	       (selected("close") && strcmp(c->class, "sync") == 0);
}

static int install(void)
{
	struct sock_filter code[2 * AC_LEN(calls) + 3];
	struct sock_fprog prog = {.filter = code};
	unsigned short n = 0;

	code[n++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < AC_LEN(calls); i++) {
		if (!watched(&calls[i]))
			continue;
		code[n++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						     (unsigned int)calls[i].nr,
						     0, 1);
		code[n++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						     SECCOMP_RET_USER_NOTIF);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						 SECCOMP_RET_ALLOW);
	prog.len = n;
	/* Root needs no promise, and keeps setuid programs working. */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("no_new_privs");
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

static void pass_fd(int sock, int fd)
{
	char byte = 0;
	struct iovec io = {.iov_base = &byte, .iov_len = 1};
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = {.room = {0}};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = u.room,
			   .msg_controllen = sizeof(u.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(sock, &m, 0) != 1)
		die("pass the listener");
}

static int take_fd(int sock)
{
	char byte;
	int fd = -1;
	struct iovec io = {.iov_base = &byte, .iov_len = 1};
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u;
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = u.room,
			   .msg_controllen = sizeof(u.room)};

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) == 1 &&
	    CMSG_FIRSTHDR(&m) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* --- the calls --- */

static bool peek(pid_t pid, uint64_t at, void *p, size_t n)
{
	struct iovec here = {.iov_base = p, .iov_len = n};
	struct iovec there = {.iov_base = (void *)(uintptr_t)at, // NOLINT
			      .iov_len = n};

	return process_vm_readv(pid, &here, 1, &there, 1, 0) > 0;
}

/* A path of the program; it may lie at the end of its memory. */
static void peek_path(pid_t pid, uint64_t at, char path[256])
{
	size_t first = 256 - (at & 255);

	memset(path, 0, 256);
	if (at == 0 || !peek(pid, at, path, first < 255 ? first : 255))
		return;
	if (strlen(path) == first && first < 255)
		(void)peek(pid, at + first, path + first, 255 - first);
}

/* Of an open file; pipes and sockets have a name there too. */
static void path_of(pid_t pid, uint64_t fd, char path[256])
{
	AC_FREE char *link = ac_xasprintf("/proc/%d/fd/%d", (int)pid, (int)fd);
	ssize_t n = readlink(link, path, 255);

	path[n > 0 ? n : 0] = '\0';
}

static bool of_system(const char *path)
{
	static const char *const dirs[] = {"/lib",  "/usr/",   "/etc/",
					   "/dev/", "/proc/",  "/sys/",
					   "pipe:", "socket:", "anon_inode:"};

	for (size_t i = 0; i < AC_LEN(dirs); i++)
		if (strncmp(path, dirs[i], strlen(dirs[i])) == 0)
			return true;
	return false;
}

/* The open file FD of the program: its device and inode, and whether it is a
 * regular one that can be written. */
static bool written(pid_t pid, uint64_t fd, struct stat *st)
{
	AC_FREE char *link = ac_xasprintf("/proc/%d/fd/%d", (int)pid, (int)fd);
	struct stat mode;

	/* The mode of the link is that of the descriptor. */
	return lstat(link, &mode) == 0 && (mode.st_mode & S_IWUSR) != 0 &&
	       stat(link, st) == 0 && S_ISREG(st->st_mode);
}

/* Files that were flushed. */
static struct stat flushed[MAX_FLUSHED];
static size_t n_flushed;

static bool is_flushed(const struct stat *st)
{
	for (size_t i = 0; i < n_flushed; i++)
		if (flushed[i].st_dev == st->st_dev &&
		    flushed[i].st_ino == st->st_ino)
			return true;
	return false;
}

static void note_flushed(pid_t pid, uint64_t fd)
{
	struct stat st;

	if (n_flushed < MAX_FLUSHED && written(pid, fd, &st))
		flushed[n_flushed++] = st;
}

/* REQ flushes a file, or all that there are: those that are open. */
static void note_sync(const struct seccomp_notif *req)
{
	pid_t pid = (pid_t)req->pid;

	if (req->data.nr == SYS_fsync || req->data.nr == SYS_fdatasync)
		note_flushed(pid, req->data.args[0]);
	for (uint64_t fd = 3; req->data.nr == SYS_syncfs && fd < MAX_FD; fd++)
		note_flushed(pid, fd);
}

/* Close the descriptor of REQ, and lose what was in no safe place yet. */
static void lose(int listener, const struct seccomp_notif *req)
{
	AC_FREE char *link = ac_xasprintf("/proc/%d/fd/%d", (int)req->pid,
					  (int)req->data.args[0]);
	AC_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct seccomp_notif_addfd to = {.id = req->id,
					 .flags = SECCOMP_ADDFD_FLAG_SETFD,
					 .srcfd = (unsigned int)null,
					 .newfd = (unsigned int)
							  req->data.args[0],
					 .newfd_flags = O_CLOEXEC};
	struct stat st;

	if (written((pid_t)req->pid, req->data.args[0], &st) &&
	    !is_flushed(&st) && truncate(link, 0) < 0)
		die("truncate what closes");
	if (null < 0 || ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &to) < 0)
		die("close for the program");
}

/* The call of REQ, when it is one that counts; PATH as far as there is one. */
static const struct call *matching(const struct seccomp_notif *req,
				   char path[256])
{
	const struct call *c = calls;
	uint64_t flags = req->data.args[2];
	uint64_t fd = req->data.args[0];
	struct stat st;

	path[0] = '\0';
	while (c->nr != req->data.nr)
		c++;
	if (c->how == CLOSE && !written((pid_t)req->pid, fd, &st))
		return NULL;
	if (c->how == FD || c->how == CLOSE) {
		path_of((pid_t)req->pid, fd, path);
		if (fd <= 2 || of_system(path))
			return NULL;
	}
	if (c->how == FD || c->how == CLOSE || c->how == ALWAYS)
		return selected(c->class) ? c : NULL;
	peek_path((pid_t)req->pid, req->data.args[1], path);
	if (c->how == PATH_AT)
		return selected(c->class) ? c : NULL;
	if (of_system(path))
		return NULL;
	if (c->how == OPEN2 &&
	    !peek((pid_t)req->pid, req->data.args[2], &flags, sizeof(flags)))
		return NULL;
	if ((flags & O_CREAT) != 0)
		return selected("create") ? c : NULL;
	return selected("open") ? c : NULL;
}

static void run_hook(const char *name)
{
	char n[24];
	int status = 0;
	pid_t pid;

	(void)snprintf(n, sizeof(n), "%ju", (uintmax_t)count);
	(void)setenv("N", n, 1);
	(void)setenv("CALL", name, 1);
	pid = fork();
	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", opt.hook, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("the hook");
	if (status != 0) {
		(void)fprintf(stderr,
			      "faulty: the hook failed at call %s: %s\n", n,
			      name);
		(void)kill(program, SIGKILL);
		exit(125);
	}
}

static void wait_at_random(void)
{
	struct timespec t = {.tv_sec = 0};

	opt.seed = opt.seed * 6364136223846793005U + 1442695040888963407U;
	t.tv_nsec = (long)((opt.seed >> 33) % (opt.delay * 1000));
	(void)nanosleep(&t, NULL);
}

/* What becomes of the call. */
static void decide(int listener, const struct seccomp_notif *req,
		   struct seccomp_notif_resp *resp)
{
	char path[256];
	const struct call *c = matching(req, path);

	resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (selected("close"))
		note_sync(req);
	if (c == NULL)
		return;
	count++;
	if (opt.delay != 0)
		wait_at_random();
	if (opt.hook != NULL)
		run_hook(c->name);
	if (opt.n == 0 || count < opt.n || (count > opt.n && !opt.after))
		return;
	if (hit == NULL)
		hit = ac_xasprintf("%s %s", c->name, path);
	if (opt.kill)
		(void)kill(program, SIGKILL);
	if (opt.error != 0) {
		if (c->how == CLOSE)
			lose(listener, req);
		resp->flags = 0;
		resp->error = -opt.error;
	}
}

static void serve(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	for (;;) {
		struct seccomp_notif req = {.id = 0};
		struct seccomp_notif_resp resp = {.id = 0};

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			die("poll");
		if ((p.revents & POLLIN) == 0) {
			if ((p.revents & (POLLHUP | POLLERR)) != 0)
				return; /* all have ended */
			continue;
		}
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
			continue; /* it has ended meanwhile */
		resp.id = req.id;
		decide(listener, &req, &resp);
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	}
}

static void start(char **argv, int sock)
{
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = install();
	if (fd < 0)
		die("seccomp");
	pass_fd(sock, fd);
	(void)close(fd);
	(void)close(sock);
	(void)execvp(argv[0], argv);
	die(argv[0]);
}

static int error_named(const char *name)
{
	for (size_t i = 0; i < AC_LEN(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].value;
	(void)fprintf(stderr, "faulty: no error '%s'\n", name);
	exit(125);
}

static uint64_t number(struct ac_str s)
{
	uint64_t v = 0;

	if (ac_num_u64(s, &v) < 0) {
		(void)fputs("faulty: not a number\n", stderr);
		exit(125);
	}
	return v;
}

static char **options(int argc, char **argv)
{
	struct ac_str rest;
	struct ac_str head;
	int c;

	while ((c = getopt(argc, argv, "+c:n:e:akd:x:o:")) != -1) {
		switch (c) {
		case 'c':
			opt.classes = optarg;
			break;
		case 'n':
			opt.n = number(ac_str(optarg));
			break;
		case 'e':
			opt.error = error_named(optarg);
			break;
		case 'a':
			opt.after = true;
			break;
		case 'k':
			opt.kill = true;
			break;
		case 'd':
			rest = ac_str(optarg);
			(void)ac_str_cut(&rest, ',', &head);
			opt.delay = number(head);
			opt.seed = number(rest);
			break;
		case 'x':
			opt.hook = optarg;
			break;
		case 'o':
			opt.out = optarg;
			break;
		default:
			exit(125);
		}
	}
	return argv + optind;
}

static void report(void)
{
	FILE *f = opt.out != NULL ? fopen(opt.out, "we") : NULL;

	if (opt.out == NULL)
		return;
	if (f == NULL)
		die(opt.out);
	(void)fprintf(f, "%ju %s\n", (uintmax_t)count, hit != NULL ? hit : "-");
	if (fclose(f) != 0)
		die(opt.out);
}

int main(int argc, char **argv)
{
	char **command = options(argc, argv);
	int status = 0;
	int pair[2];
	int listener;

	if (command[0] == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("usage: faulty [OPTION]... PROGRAM [ARGUMENT]...");
	program = fork();
	if (program < 0)
		die("fork");
	if (program == 0)
		start(command, pair[1]);
	(void)close(pair[1]);
	listener = take_fd(pair[0]);
	if (listener >= 0)
		serve(listener);
	if (waitpid(program, &status, 0) != program)
		die("wait");
	report();
	free(hit);
	if (WIFSIGNALED(status))
		(void)kill(getpid(), WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
