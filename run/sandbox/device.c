/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sandbox/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"

enum { MAX_RULES = 64, PER_RULE = 6, FIXED = 32 };

static const struct device_rule USUAL[] = {
	{false, 1, 3, false}, {false, 1, 5, false},
	{false, 1, 7, false}, {false, 1, 8, false},
	{false, 1, 9, false}, {false, 5, 0, false},
	{false, 5, 2, false}, {false, 136, DEVICE_ANY, false},
};

/* Registers: the context in 1, what is asked in 2, type in 3, major in 4, minor
 * in 5. */
struct code {
	struct bpf_insn v[FIXED + MAX_RULES * PER_RULE];
	size_t n;
};

static void emit(struct code *c, int code, int dst, int src, int off, int imm)
{
	c->v[c->n++] = (struct bpf_insn){.code = (uint8_t)code,
					 .dst_reg = (uint8_t)(dst & 15),
					 .src_reg = (uint8_t)(src & 15),
					 .off = (int16_t)off,
					 .imm = imm};
}

static void answer(struct code *c, int value)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, value);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Allow and end when all of the rule matches; else fall through. */
static void rule(struct code *c, const struct device_rule *r)
{
	bool any = r->minor == DEVICE_ANY;
	int skip = 4 + (any ? 0 : 1) + (r->read_only ? 1 : 0) - 1;
	int type = r->block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;

	emit(c, BPF_JMP | BPF_JNE | BPF_K, 3, 0, skip--, type);
	emit(c, BPF_JMP | BPF_JNE | BPF_K, 4, 0, skip--, (int)r->major);
	if (!any)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, 5, 0, skip--, (int)r->minor);
	if (r->read_only)
		emit(c, BPF_JMP | BPF_JSET | BPF_K, 2, 0, skip,
		     BPF_DEVCG_ACC_WRITE);
	answer(c, 1);
}

/* USUAL again, as one test that the verifier is done with at once: it is in
 * the way of every start. */
static void usual(struct code *c)
{
	enum {
		MEM = 1, /* null, zero, full, random, urandom: */
		MEM_BITS = 0x3a8,
		TTYS = 5, /* tty and ptmx; the console is the host's */
		TTY_BITS = 0x5,
		LAST = 9,
		PTS = 136,
	};
	int jump = BPF_JMP | BPF_K;

	emit(c, jump | BPF_JNE, 3, 0, 11, BPF_DEVCG_DEV_CHAR);
	emit(c, jump | BPF_JEQ, 4, 0, 8, PTS);
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, MEM_BITS);
	emit(c, jump | BPF_JEQ, 4, 0, 2, MEM);
	emit(c, jump | BPF_JNE, 4, 0, 7, TTYS);
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, TTY_BITS);
	emit(c, jump | BPF_JGT, 5, 0, 5, LAST);
	emit(c, BPF_ALU64 | BPF_RSH | BPF_X, 0, 5, 0, 0);
	emit(c, BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 1);
	emit(c, jump | BPF_JEQ, 0, 0, 2, 0);
	answer(c, 1);
}

static void program(struct code *c, const struct device_rule *rules, size_t n)
{
	int load = BPF_LDX | BPF_MEM | BPF_W;

	emit(c, load, 2, 1, offsetof(struct bpf_cgroup_dev_ctx, access_type),
	     0);
	emit(c, load, 4, 1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	emit(c, load, 5, 1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	emit(c, BPF_ALU64 | BPF_AND | BPF_K, 3, 0, 0, 0xffff);
	emit(c, BPF_ALU64 | BPF_RSH | BPF_K, 2, 0, 0, 16);
	/* A node may be made; what is behind it stays shut. */
	emit(c, BPF_JMP | BPF_JNE | BPF_K, 2, 0, 2, BPF_DEVCG_ACC_MKNOD);
	answer(c, 1);
	usual(c);
	for (size_t i = 0; i < n; i++)
		rule(c, &rules[i]);
	answer(c, 0);
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

int device_guard(int cgroup, const struct device_rule *rules, size_t n,
		 struct ac_err *err)
{
	static const char license[] = "Apache-2.0";
	struct code c = {.n = 0};
	union bpf_attr attr;
	AC_CLOSE int prog = -1;

	if (n > MAX_RULES)
		return ac_err_set(err, AC_E_LIMIT,
				  "%zu devices given to a pod, at most %d", n,
				  MAX_RULES);
	program(&c, rules, n);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)c.v;
	attr.insn_cnt = (uint32_t)c.n;
	attr.license = (uint64_t)(uintptr_t)license;
	prog = bpf(BPF_PROG_LOAD, &attr);
	if (prog < 0)
		return ac_err_sys(err, errno, "load the device filter");
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (bpf(BPF_PROG_ATTACH, &attr) < 0)
		return ac_err_sys(err, errno, "attach the device filter");
	return 0;
}

static int v1_write(int dirfd, const char *file, const char *text,
		    struct ac_err *err)
{
	AC_CLOSE int fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return ac_err_sys(err, errno, "write '%s' to '%s'", text, file);
	return 0;
}

static int v1_allow(int dirfd, const struct device_rule *r, struct ac_err *err)
{
	char minor[16] = "*";
	char text[64];

	if (r->minor != DEVICE_ANY)
		(void)snprintf(minor, sizeof(minor), "%u", r->minor);
	(void)snprintf(text, sizeof(text), "%c %u:%s %s", r->block ? 'b' : 'c',
		       r->major, minor, r->read_only ? "r" : "rw");
	return v1_write(dirfd, "devices.allow", text, err);
}

int device_guard_v1(int dirfd, const struct device_rule *rules, size_t n,
		    struct ac_err *err)
{
	if (v1_write(dirfd, "devices.deny", "a", err) < 0 ||
	    v1_write(dirfd, "devices.allow", "c *:* m", err) < 0 ||
	    v1_write(dirfd, "devices.allow", "b *:* m", err) < 0)
		return -1;
	for (size_t i = 0; i < AC_LEN(USUAL); i++)
		if (v1_allow(dirfd, &USUAL[i], err) < 0)
			return -1;
	for (size_t i = 0; i < n; i++)
		if (v1_allow(dirfd, &rules[i], err) < 0)
			return -1;
	return 0;
}
