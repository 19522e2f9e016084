/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_FILTER_H
#define RUN_SANDBOX_FILTER_H

/*
 * System call filters: rules to classic BPF, without a library.  A sorted list
 * of ranges becomes a balanced tree of comparisons, so that a call is judged
 * after about six of them.  The default filter, for the default capabilities,
 * is made by the same code when acutils is built (run/gen/filter.c) and is
 * plain data here.
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

enum filter_mode {
	FILTER_DEFAULT, /* what the default allows with these capabilities */
	FILTER_RETAIN,  /* only the names */
	FILTER_REMOVE,  /* the default, less the names */
};

struct filter_rules {
	enum filter_mode mode;
	const char *const *names; /* system calls; "@default": all of those */
	size_t n;
	int error;     /* errno of a call the names refuse; 0: SIGSYS */
	uint64_t caps; /* what the app may have: opens what belongs to it */
};

struct filter {
	struct sock_filter *insns;
	size_t n;
};

#define FILTER_INIT ((struct filter){.insns = NULL})

/* Translate.  A name that no kernel of this architecture has is put into
 * UNKNOWN, if not NULL, and otherwise ignored.  RETAIN always allows what a
 * process needs to begin, to end and to return from a signal. */
AC_MUSTUSE int filter_build(struct filter *f, const struct filter_rules *r,
			    struct ac_strv *unknown, struct ac_err *err);
void filter_release(struct filter *f);

/* The filter made at build time, for the capabilities FILTER_DEFAULT_CAPS:
 * borrowed, static. */
const struct sock_filter *filter_default(size_t *n);

/* The fourteen of the appc specification, as a set of bits. */
#define FILTER_DEFAULT_CAPS 0xa80425fbULL

/* What a filter answers to a call with the given first arguments: a
 * SECCOMP_RET_* value.  For tests and for the build's own check. */
uint32_t filter_simulate(const struct sock_filter *insns, size_t n,
			 uint32_t arch, uint32_t nr, const uint64_t args[6]);

/* The number of a system call, or -1; and the AUDIT_ARCH_ of all filters. */
int filter_syscall(const char *name);
uint32_t filter_arch(void);

#endif
