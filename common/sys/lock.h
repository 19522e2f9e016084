/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_LOCK_H
#define AC_SYS_LOCK_H

/* Advisory locks (flock(2)): held by a descriptor, gone with the process. */

#include <stdbool.h>

#include "common/base/attr.h"

struct ac_err;

enum ac_lock_mode {
	AC_LOCK_SHARED,
	AC_LOCK_EXCLUSIVE,
};

/* Lock the file or directory open as FD.  When WAIT, waits until it is free or
 * the user interrupts (interrupt.h), else AC_E_BUSY when somebody else holds
 * it; WHAT names it.  Another kind of lock that FD had is lost meanwhile. */
AC_MUSTUSE int ac_lock_fd(int fd, enum ac_lock_mode mode, bool wait,
			  const char *what, struct ac_err *err);

/* Open (creating, 0644) and lock NAME in DIRFD.  Returns the descriptor that
 * holds the lock; the file is the one NAME refers to after the lock was taken
 * (a file that was removed meanwhile is opened anew). */
AC_MUSTUSE int ac_lock_file(int dirfd, const char *name, enum ac_lock_mode mode,
			    bool wait, struct ac_err *err);

#endif
