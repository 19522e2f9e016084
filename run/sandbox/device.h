/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_DEVICE_H
#define RUN_SANDBOX_DEVICE_H

/*
 * Which devices may be opened.  Apps may have CAP_MKNOD (the specification's
 * default), so that making a node must not be the way to a disk: a program
 * attached to the pod's v2 control group decides at open(2), also where v2
 * stands beside v1 without a controller of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_err;

struct device_rule {
	bool block;
	unsigned int major, minor; /* DEVICE_ANY */
	bool read_only;
};

#define DEVICE_ANY 0xffffffffu

/* Let the processes of CGROUP (a v2 directory) open the usual devices (null,
 * zero, full, random, urandom, tty, ptmx, pts/N, console) and those of RULES.
 */
AC_MUSTUSE int device_guard(int cgroup, const struct device_rule *rules,
			    size_t n, struct ac_err *err);

/* The same by files of the v1 devices controller in DIRFD. */
AC_MUSTUSE int device_guard_v1(int dirfd, const struct device_rule *rules,
			       size_t n, struct ac_err *err);

#endif
