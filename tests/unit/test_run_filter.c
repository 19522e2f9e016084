/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sandbox/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>

#include "common/base/err.h"
#include "tests/unit/tap.h"

#define ERRNO(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))

/* What filter F answers to NAME with two first arguments. */
static uint32_t ask(const struct ac_filter *f, const char *name, uint64_t a,
		    uint64_t b)
{
	const uint64_t args[6] = {a, b};
	int nr = ac_filter_syscall(name);

	CHECK(nr >= 0);
	return ac_filter_simulate(f->insns, f->n, ac_filter_arch(),
				  (uint32_t)nr, args);
}

static struct ac_filter build(const struct ac_filter_rules *r)
{
	struct ac_err err = AC_ERR_INIT;
	struct ac_filter f = AC_FILTER_INIT;

	CHECK(ac_filter_build(&f, r, NULL, &err) == 0);
	return f;
}

TEST(default_filter_is_what_the_build_made)
{
	struct ac_filter f =
		build(&(struct ac_filter_rules){.mode = AC_FILTER_DEFAULT,
						.caps = FILTER_DEFAULT_CAPS});
	size_t n;
	const struct sock_filter *insns = filter_default(&n);

	CHECK(n == f.n);
	CHECK(memcmp(insns, f.insns, n * sizeof(*insns)) == 0);
	CHECK(n < 300);
	ac_filter_release(&f);
}

TEST(default_allows_and_refuses)
{
	static const struct {
		const char *name;
		uint32_t want;
	} table[] = {
		{"read", SECCOMP_RET_ALLOW},
		{"execve", SECCOMP_RET_ALLOW},
		{"openat2", SECCOMP_RET_ALLOW},
		{"chroot", SECCOMP_RET_ALLOW},
		{"landlock_create_ruleset", SECCOMP_RET_ALLOW},
		{"mount", ERRNO(EPERM)},
		{"bpf", ERRNO(EPERM)},
		{"keyctl", ERRNO(EPERM)},
		{"ptrace", ERRNO(EPERM)},
		{"userfaultfd", ERRNO(EPERM)},
		{"open_by_handle_at", ERRNO(EPERM)},
		{"clone3", ERRNO(ENOSYS)},
		{"io_uring_setup", ERRNO(ENOSYS)},
	};
	struct ac_filter f =
		build(&(struct ac_filter_rules){.mode = AC_FILTER_DEFAULT,
						.caps = FILTER_DEFAULT_CAPS});

	for (size_t i = 0; i < AC_LEN(table); i++)
		CHECK(ask(&f, table[i].name, 0, 0) == table[i].want);
	ac_filter_release(&f);
}

TEST(arguments_are_looked_at)
{
	struct ac_filter f =
		build(&(struct ac_filter_rules){.mode = AC_FILTER_DEFAULT,
						.caps = FILTER_DEFAULT_CAPS});
	const uint64_t high = 1ULL << 32;

	CHECK(ask(&f, "ioctl", 0, 0x5401) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "ioctl", 0, 0x5412) == ERRNO(EPERM));
	CHECK(ask(&f, "ioctl", 0, 0x5412 | high) == ERRNO(EPERM));
	CHECK(ask(&f, "ioctl", 0, 0x541c) == ERRNO(EPERM));
	CHECK(ask(&f, "clone", 0x1200011, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "clone", CLONE_NEWUSER | 17, 0) == ERRNO(EPERM));
	CHECK(ask(&f, "clone", CLONE_NEWNS, 0) == ERRNO(EPERM));
	CHECK(ask(&f, "unshare", CLONE_FILES, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "unshare", 0x80, 0) == ERRNO(EPERM));
	CHECK(ask(&f, "personality", 0xffffffff, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "personality", 0x40000, 0) == ERRNO(EPERM));
	CHECK(ask(&f, "socket", 1, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "socket", 40, 0) == ERRNO(EAFNOSUPPORT));
	ac_filter_release(&f);
}

TEST(capabilities_open_what_is_theirs)
{
	struct ac_filter f =
		build(&(struct ac_filter_rules){.mode = AC_FILTER_DEFAULT,
						.caps = 1ULL << CAP_SYS_ADMIN});

	CHECK(ask(&f, "mount", 0, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "clone3", 0, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "clone", CLONE_NEWUSER, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "chroot", 0, 0) == ERRNO(EPERM));
	CHECK(ask(&f, "ptrace", 0, 0) == ERRNO(EPERM));
	CHECK(ask(&f, "ioctl", 0, 0x5412) == ERRNO(EPERM));
	CHECK(ask(&f, "io_uring_setup", 0, 0) == ERRNO(ENOSYS));
	ac_filter_release(&f);
}

TEST(foreign_doors)
{
	const uint64_t args[6] = {0};
	size_t n;
	const struct sock_filter *insns = filter_default(&n);

	CHECK(ac_filter_simulate(insns, n, AUDIT_ARCH_I386, 20, args) ==
	      SECCOMP_RET_KILL_PROCESS);
	/* x32: the same architecture, numbers far above. */
	CHECK(ac_filter_simulate(insns, n, ac_filter_arch(), 0x40000000,
				 args) == ERRNO(ENOSYS));
	CHECK(ac_filter_simulate(insns, n, ac_filter_arch(), 0xffffffff,
				 args) == ERRNO(ENOSYS));
}

TEST(retain_and_remove)
{
	static const char *const names[] = {"read", "ioctl", "not_a_call"};
	struct ac_filter_rules r = {.mode = AC_FILTER_RETAIN,
				    .names = names,
				    .n = AC_LEN(names),
				    .caps = FILTER_DEFAULT_CAPS};
	AC_CLEANUP(ac_strv_release) struct ac_strv unknown = AC_STRV_INIT;
	struct ac_err err = AC_ERR_INIT;
	struct ac_filter f = AC_FILTER_INIT;

	CHECK(ac_filter_build(&f, &r, &unknown, &err) == 0);
	CHECK(unknown.n == 1 && strcmp(unknown.v[0], "not_a_call") == 0);
	CHECK(ask(&f, "read", 0, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "execve", 0, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "exit_group", 0, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "write", 0, 0) == SECCOMP_RET_KILL_PROCESS);
	CHECK(ask(&f, "ioctl", 0, 1) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "ioctl", 0, 0x5412) == ERRNO(EPERM));
	ac_filter_release(&f);

	r.mode = AC_FILTER_REMOVE;
	r.error = ENOTTY;
	f = build(&r);
	CHECK(ask(&f, "read", 0, 0) == ERRNO(ENOTTY));
	CHECK(ask(&f, "ioctl", 0, 1) == ERRNO(ENOTTY));
	CHECK(ask(&f, "write", 0, 0) == SECCOMP_RET_ALLOW);
	CHECK(ask(&f, "mount", 0, 0) == ERRNO(EPERM));
	ac_filter_release(&f);
}

/* Every number the same as a plain look-up would say: the tree, and its jumps
 * near and far, against many small ranges. */
TEST(tree_agrees_with_a_table)
{
	static const char *const all[] = {
		"read",     "open",   "stat",   "poll",     "mmap",
		"brk",      "ioctl",  "writev", "pipe",     "mremap",
		"shmget",   "dup",    "alarm",  "getpid",   "connect",
		"recvfrom", "listen", "clone",  "vfork",    "wait4",
		"semget",   "msgget", "fcntl",  "fsync",    "getdents",
		"chdir",    "mkdir",  "link",   "readlink", "chown",
		"umask",    "getuid", "ptrace", "setuid",   "getppid",
		"setreuid",
	};
	struct ac_filter_rules r = {.mode = AC_FILTER_RETAIN,
				    .names = all,
				    .n = AC_LEN(all),
				    .error = EPERM};
	struct ac_filter f = build(&r);
	const uint64_t args[6] = {0};

	for (uint32_t nr = 0; nr < 1100; nr++) {
		uint32_t got = ac_filter_simulate(f.insns, f.n,
						  ac_filter_arch(), nr, args);
		bool in = false;

		for (size_t i = 0; i < AC_LEN(all); i++)
			in |= ac_filter_syscall(all[i]) == (int)nr;
		if (in)
			CHECK(got == SECCOMP_RET_ALLOW);
		else
			CHECK(got == ERRNO(EPERM) || got == SECCOMP_RET_ALLOW);
	}
	CHECK(ask(&f, "mount", 0, 0) == ERRNO(EPERM));
	ac_filter_release(&f);
}
