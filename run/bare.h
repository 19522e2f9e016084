/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_BARE_H
#define RUN_BARE_H

/* One command in a root with a mount namespace and no other isolation: it has
 * the host's processes, devices and network, and all of root's rights. */

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_err;
struct sb_app;

/* Leave the caller's mount namespace; before anything of it is opened. */
AC_MUSTUSE int bare_enter(struct ac_err *err);

/* Mount the root of APP on the directory AT and run its command: in it, with
 * the host's /proc, /sys and /dev and its mounts, or, when OUTSIDE, where we
 * are.  What it leaves running is killed: all children of ours but KEEP.
 * Returns the exit code, 128+signal when killed. */
AC_MUSTUSE int bare_run(const struct sb_app *app, const char *at, bool outside,
			pid_t keep, struct ac_err *err);

#endif
