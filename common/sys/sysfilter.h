/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_SYSFILTER_H
#define AC_SYS_SYSFILTER_H

/*
 * System call filters: rules to classic BPF, without a library.  A sorted list
 * of ranges becomes a balanced tree of comparisons, so that a call is judged
 * after about six of them.  Filters that are known beforehand are made by the
 * same code when acutils is built (run/gen/filter.c) and are plain data: the
 * default of apps (run/sandbox/filter.h) and our own (confine.h).
 *
 * Every filter ends a process that enters the kernel by a foreign ABI (int 0x80
 * on x86-64), answers ENOSYS to calls it does not know, so that programs fall
 * back, and refuses the two ioctls that type into somebody's terminal.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct sock_filter;
struct ac_err;

enum ac_filter_mode {
	AC_FILTER_DEFAULT, /* what the default allows with these capabilities */
	AC_FILTER_RETAIN,  /* only the names */
	AC_FILTER_REMOVE,  /* the default, less the names */
};

/* What a program of ours needs is less than what an app may: ioctls only of
 * terminals, sockets and reflinks, and only these kinds of sockets. */
enum ac_filter_own {
	AC_FILTER_NOT_OWN,   /* as apps */
	AC_FILTER_OWN_NET,   /* unix, internet, and routes for the resolver */
	AC_FILTER_OWN_LOCAL, /* unix */
};

struct ac_filter_rules {
	enum ac_filter_mode mode;
	const char *const *names; /* system calls; "@default": all of those */
	size_t n;
	int error;     /* errno of a call the names refuse; 0: SIGSYS */
	uint64_t caps; /* what the app may have: opens what belongs to it */
	enum ac_filter_own own; /* with AC_FILTER_DEFAULT */
};

struct ac_filter {
	struct sock_filter *insns;
	size_t n;
};

#define AC_FILTER_INIT ((struct ac_filter){.insns = NULL})

/* Translate.  A name that no kernel of this architecture has is put into
 * UNKNOWN, if not NULL, and otherwise ignored.  RETAIN always allows what a
 * process needs to begin, to end and to return from a signal. */
AC_MUSTUSE int ac_filter_build(struct ac_filter *f,
			       const struct ac_filter_rules *r,
			       struct ac_strv *unknown, struct ac_err *err);
void ac_filter_release(struct ac_filter *f);

/* What a filter answers to a call with the given first arguments: a
 * SECCOMP_RET_* value.  For tests and for the build's own check. */
uint32_t ac_filter_simulate(const struct sock_filter *insns, size_t n,
			    uint32_t arch, uint32_t nr, const uint64_t args[6]);

/* The number of a system call, or -1; and the AUDIT_ARCH_ of all filters. */
int ac_filter_syscall(const char *name);
uint32_t ac_filter_arch(void);

#endif
