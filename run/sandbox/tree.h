/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_TREE_H
#define RUN_SANDBOX_TREE_H

/* Detached mounts: trees that belong to no place yet.  They are opened here, in
 * the host's mount namespace, and are attached by the pod's init; if anybody
 * dies in between they are simply gone. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;

enum tree_flags {
	TREE_READ_ONLY = 1,
	TREE_NO_DEVICES = 2, /* device nodes in it cannot be opened */
	TREE_NO_SUID = 4,
	TREE_RECURSIVE = 8, /* with what is mounted below */
	TREE_ROOTLESS = 16, /* an overlay of a user namespace */
};

/* The overlay of LAYERS (directories, top first, at least two), with UPPER and
 * WORK for changes unless these are -1. */
AC_MUSTUSE int tree_overlay(const int *layers, size_t n, int upper, int work,
			    unsigned int flags, struct ac_err *err);

/* The file or directory open as FD (O_PATH is enough); WHAT names it. */
AC_MUSTUSE int tree_bind(int fd, const char *what, unsigned int flags,
			 struct ac_err *err);

#endif
