/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sys/confine.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "common/base/alloc.h"
#include "common/sys/spawn.h"
#include "tests/unit/scratch.h"

/* An intruder: what code of an attacker could try in a process that is confined
 * as ours are.  inside/ is what may be written, outside/ is not. */
struct attack {
	struct scratch s;
	char *inside, *outside;
	long landlock; /* the kernel's ABI */
	bool root;     /* and may mount, before */
	pid_t parent;
};

#define FAILS(call, error)               \
	do {                             \
		errno = 0;               \
		CHECK((call) < 0);       \
		CHECK(errno == (error)); \
	} while (0)
#define DENIED(call)                                                         \
	do {                                                                 \
		errno = 0;                                                   \
		CHECK((call) < 0);                                           \
		CHECK(errno == EACCES || errno == EPERM || errno == EROFS || \
		      errno == EXDEV);                                       \
	} while (0)

static bool may_mount(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) == 0 ? 0 : 1);
	CHECK(waitpid(pid, &status, 0) == pid);
	return status == 0;
}

static struct attack prepare(void)
{
	struct attack a = {.s = scratch_make(), .parent = getpid()};

	CHECK(mkdirat(a.s.fd, "inside", 0755) == 0);
	CHECK(mkdirat(a.s.fd, "outside", 0755) == 0);
	a.inside = ac_xasprintf("%s/inside", a.s.path);
	a.outside = ac_xasprintf("%s/outside", a.s.path);
	scratch_write(a.s.fd, "outside/secret", "secret");
	scratch_write(a.s.fd, "inside/own", "own");
	a.landlock = syscall(444, NULL, 0, 1);
	a.root = geteuid() == 0 && may_mount();
	return a;
}

static void release(struct attack *a)
{
	free(a->inside);
	free(a->outside);
	scratch_remove(&a->s);
}

/* Run FN confined, in a child. */
static void confined(unsigned int flags, void (*fn)(const struct attack *))
{
	AC_CLEANUP(release) struct attack a = prepare();
	struct ac_confine c = AC_CONFINE_INIT;
	struct ac_err err = AC_ERR_INIT;
	int status;
	pid_t pid;

	CHECK(unsetenv("ACUTILS_SANDBOX") == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid != 0) {
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(status == 0);
		return;
	}
	ac_confine_write(&c, a.inside);
	CHECK(!ac_confined());
	CHECK(ac_confine_enter(&c, flags, &err) == 0);
	CHECK(ac_confined());
	fn(&a);
	exit(0);
}

static char *in(const struct attack *a, const char *name)
{
	return ac_xasprintf("%s/%s", a->s.path, name);
}

static int try_open(const struct attack *a, const char *name, int flags)
{
	AC_FREE char *path = in(a, name);
	AC_CLOSE int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : 0;
}

static void files(const struct attack *a)
{
	AC_FREE char *own = in(a, "inside/own");
	AC_FREE char *moved = in(a, "outside/own");
	AC_FREE char *secret = in(a, "outside/secret");
	AC_FREE char *copy = in(a, "inside/secret");
	AC_FREE char *new = in(a, "outside/new");

	CHECK(try_open(a, "inside/own", O_RDWR) == 0);
	CHECK(try_open(a, "inside/new", O_RDWR | O_CREAT) == 0);
	if (a->landlock < 2 && !a->root)
		return;
	DENIED(try_open(a, "outside/new", O_WRONLY | O_CREAT));
	DENIED(try_open(a, "outside/secret", O_WRONLY));
	DENIED(truncate(secret, 0));
	DENIED(unlink(secret));
	DENIED(rename(own, moved));
	DENIED(rename(secret, copy));
	DENIED(link(secret, copy));
	DENIED(mkdir(new, 0777));
	DENIED(symlink("x", new));
	DENIED(mknod(new, S_IFIFO | 0600, 0));
	DENIED(rmdir(a->outside));
	if (a->landlock < 2)
		return;
	DENIED(try_open(a, "outside/secret", O_RDONLY));
	DENIED(open("/etc/shadow", O_RDONLY | O_CLOEXEC));
	DENIED(open("/root/.profile", O_RDONLY | O_CLOEXEC));
	DENIED(open("/var/lib", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

TEST(files_are_written_inside_only)
{
	confined(AC_CONFINE_NET | AC_CONFINE_OWNERS, files);
	confined(0, files);
}

/* What Landlock does not look at: only mounts can refuse it. */
static void attributes(const struct attack *a)
{
	AC_FREE char *own = in(a, "inside/own");
	AC_FREE char *device = in(a, "inside/device");
	AC_FREE char *secret = in(a, "outside/secret");

	CHECK(chmod(own, 0600) == 0);
	if (!a->root)
		return;
	CHECK(chown(own, 1000, 1000) == 0);
	CHECK(setxattr(own, "trusted.overlay.opaque", "y", 1, 0) == 0);
	FAILS(chmod(secret, 0777), EROFS);
	FAILS(chmod("/etc/shadow", 0666), EROFS);
	FAILS(chown("/etc/passwd", 1000, 1000), EROFS);
	FAILS(setxattr(secret, "user.x", "y", 1, 0), EROFS);
	FAILS(utimes(secret, NULL), EROFS);
	/* A device can be made, as images have them, and not be opened: the
	 * kernel's memory would be in it. */
	CHECK(mknod(device, S_IFCHR | 0600, makedev(1, 1)) == 0);
	DENIED(open(device, O_RDWR | O_CLOEXEC));
}

TEST(modes_and_devices)
{
	confined(AC_CONFINE_NET | AC_CONFINE_OWNERS, attributes);
}

static void processes(const struct attack *a)
{
	AC_FREE char *root = ac_xasprintf("/proc/%d/root/etc", a->parent);
	AC_FREE char *mem = ac_xasprintf("/proc/%d/mem", a->parent);
	char byte = 0;
	struct iovec here = {&byte, 1};

	FAILS(ptrace(PTRACE_ATTACH, a->parent, NULL, NULL), EPERM);
	FAILS(ptrace(PTRACE_SEIZE, a->parent, NULL, NULL), EPERM);
	FAILS(process_vm_readv(a->parent, &here, 1, &here, 1, 0), EPERM);
	FAILS(process_vm_writev(a->parent, &here, 1, &here, 1, 0), EPERM);
	FAILS(syscall(SYS_kcmp, a->parent, a->parent, 0, 0, 0), EPERM);
	if (a->landlock < 2)
		return;
	DENIED(open(root, O_RDONLY | O_CLOEXEC));
	DENIED(open(mem, O_RDWR | O_CLOEXEC));
	if (a->landlock >= 6)
		FAILS(kill(a->parent, SIGCONT), EPERM);
}

TEST(other_processes)
{
	confined(AC_CONFINE_NET | AC_CONFINE_OWNERS, processes);
}

static void kernel(AC_UNUSED const struct attack *a)
{
	const struct timeval never = {.tv_sec = 1};
	union bpf_attr none = {.map_type = BPF_MAP_TYPE_ARRAY};
	char handle[64] = {0};

	FAILS(mount("none", "/mnt", "tmpfs", 0, NULL), EPERM);
	FAILS(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL), EPERM);
	FAILS(umount2("/", MNT_DETACH), EPERM);
	FAILS(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE), EPERM);
	FAILS(syscall(SYS_move_mount, 0, "", 0, "", 0), EPERM);
	FAILS(syscall(SYS_fsopen, "tmpfs", 0), EPERM);
	FAILS(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, NULL, 0), EPERM);
	FAILS(syscall(SYS_pivot_root, ".", "."), EPERM);
	FAILS(chroot("."), EPERM);
	FAILS(unshare(CLONE_NEWUSER), EPERM);
	FAILS(unshare(CLONE_NEWNS), EPERM);
	FAILS(setns(0, 0), EPERM);
	FAILS(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), EPERM);
	FAILS(syscall(SYS_clone3, NULL, 0), ENOSYS);
	FAILS(syscall(SYS_bpf, BPF_MAP_CREATE, &none, sizeof(none)), EPERM);
	FAILS(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0), EPERM);
	FAILS(syscall(SYS_add_key, "user", "x", "y", 1, 0), EPERM);
	FAILS(syscall(SYS_request_key, "user", "x", "y", 0), EPERM);
	FAILS(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, 0, 0), EPERM);
	FAILS(syscall(SYS_io_uring_setup, 1, NULL), ENOSYS);
	FAILS(syscall(SYS_userfaultfd, 0), EPERM);
	FAILS(syscall(SYS_open_by_handle_at, AT_FDCWD, handle, 0), EPERM);
	FAILS(syscall(SYS_init_module, NULL, 0, ""), EPERM);
	FAILS(syscall(SYS_kexec_load, 0, 0, NULL, 0), EPERM);
	FAILS(syscall(SYS_quotactl, 0, "", 0, NULL), EPERM);
	FAILS(swapon("/x", 0), EPERM);
	FAILS(reboot(RB_DISABLE_CAD), EPERM);
	FAILS(settimeofday(&never, NULL), EPERM);
	FAILS(personality(ADDR_NO_RANDOMIZE), EPERM);
	FAILS(acct("/x"), EPERM);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_SECCOMP) == 2);
}

TEST(the_kernel)
{
	confined(AC_CONFINE_NET | AC_CONFINE_OWNERS, kernel);
	confined(0, kernel);
}

static void ioctls(const struct attack *a)
{
	AC_CLOSE int fd = open(a->inside, O_RDONLY | O_CLOEXEC);
	char c = 'x';
	int flags;

	CHECK(fd >= 0);
	FAILS(ioctl(fd, FS_IOC_GETFLAGS, &flags), ENOTTY);
	FAILS(ioctl(fd, FIFREEZE, 0), ENOTTY);
	FAILS(ioctl(0, TIOCSTI, &c), EPERM);
}

static void net(const struct attack *a)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct addrinfo *found = NULL;
	AC_CLOSE int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	AC_CLOSE int unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	AC_CLOSE int route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);

	CHECK(tcp >= 0 && unix_fd >= 0 && route >= 0);
	FAILS(socket(AF_NETLINK, SOCK_RAW, 9), EAFNOSUPPORT);
	FAILS(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
	FAILS(socket(AF_VSOCK, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(socket(AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT);
	FAILS(socket(AF_BLUETOOTH, SOCK_RAW, 0), EAFNOSUPPORT);
	if (a->landlock >= 4)
		FAILS(bind(tcp, (struct sockaddr *)&any, sizeof(any)), EACCES);
	CHECK(getaddrinfo("localhost", "80", NULL, &found) == 0);
	freeaddrinfo(found);
	ioctls(a);
}

static void no_net(const struct attack *a)
{
	FAILS(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(socket(AF_INET6, SOCK_DGRAM, 0), EAFNOSUPPORT);
	FAILS(socket(AF_NETLINK, SOCK_RAW, 0), EAFNOSUPPORT);
	ioctls(a);
}

TEST(sockets)
{
	confined(AC_CONFINE_NET, net);
	confined(0, no_net);
}

static void *nothing(void *ctx)
{
	return ctx;
}

/* What our programs do must work as before. */
static void work(const struct attack *a)
{
	char *const argv[] = {(char[]){"true"}, NULL};
	AC_FREE char *own = in(a, "inside/own");
	AC_FREE char *link_path = in(a, "inside/link");
	AC_FREE char *dir = in(a, "inside/dir");
	AC_FREE char *to = in(a, "inside/dir/moved");
	AC_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	AC_CLOSE int tmp =
		open(a->inside, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	AC_FREE char *proc = ac_xasprintf("/proc/self/fd/%d", tmp);
	const char *t = getenv("TMPDIR");
	struct ac_err err = AC_ERR_INIT;
	struct rlimit core;
	pthread_t thread;
	char name[64];

	CHECK(null >= 0 && write(null, "x", 1) == 1);
	CHECK(tmp >= 0 && linkat(AT_FDCWD, proc, AT_FDCWD, link_path,
				 AT_SYMLINK_FOLLOW) == 0);
	CHECK(mkdir(dir, 0700) == 0 && rename(own, to) == 0);
	CHECK(link(to, own) == 0);
	CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(ac_spawn_wait(argv, &err) == 0);
	CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	CHECK(t != NULL && strstr(t, "/acutils-") != NULL);
	(void)snprintf(name, sizeof(name), "%s/x", t);
	CHECK(mkdir(name, 0700) == 0 && rmdir(name) == 0);
}

TEST(work_goes_on)
{
	confined(AC_CONFINE_NET | AC_CONFINE_OWNERS | AC_CONFINE_TMP, work);
	confined(AC_CONFINE_TMP, work);
}

/* In a Landlock domain without rules for files, as that of a pod, rules of our
 * own would refuse every rename between directories. */
TEST(work_goes_on_in_a_pod)
{
	static const uint64_t scopes[3] = {0, 0, 3};
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		int fd = (int)syscall(444, scopes, sizeof(scopes), 0);

		CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		if (fd >= 0)
			CHECK(syscall(446, fd, 0) == 0);
		confined(AC_CONFINE_OWNERS | AC_CONFINE_TMP, work);
		exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(status == 0);
}

TEST(turned_off)
{
	struct ac_confine c = AC_CONFINE_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(setenv("ACUTILS_SANDBOX", "off", 1) == 0);
	CHECK(ac_confine_enter(&c, AC_CONFINE_NET, &err) == 0);
	CHECK(!ac_confined());
	CHECK(prctl(PR_GET_SECCOMP) == 0);
}
