/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_JANITOR_H
#define RUN_JANITOR_H

/*
 * Cleaning up that happens whatever becomes of us.  A child in a session of its
 * own waits until this process is done or dead, also by SIGKILL, and until the
 * pod it was told of is, and then does the work.  It is the only one who does,
 * so that the way that is rare is the way that is always gone.
 *
 *	janitor_start(&j, clean, &what, err)	before there is anything to
 *clean janitor_watch(&j, pid)			of the pod's init
 *	janitor_release(&j)			waits until all is clean
 */

#include <sys/types.h>

#include "common/base/attr.h"

struct ac_err;

struct janitor {
	pid_t pid;
	int fd; /* its end of life */
};
#define JANITOR_INIT ((struct janitor){.fd = -1})

/* FN is called in the child, with what CTX was when it was started. */
AC_MUSTUSE int janitor_start(struct janitor *j, void (*fn)(void *ctx),
			     void *ctx, struct ac_err *err);
/* Do not clean before the process PID has ended. */
void janitor_watch(const struct janitor *j, pid_t pid);
void janitor_release(struct janitor *j);

#endif
