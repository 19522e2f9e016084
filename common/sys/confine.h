/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_CONFINE_H
#define AC_SYS_CONFINE_H

/*
 * A process gives up what its job does not need, before it reads anything
 * foreign (spec/conventions.md, C40 and on).
 *
 *	AC_CLEANUP(ac_confine_release) struct ac_confine c = AC_CONFINE_INIT;
 *
 *	ac_confine_write(&c, store);	(all below it)
 *	ac_confine_read(&c, image);	(a file, or a directory with all in it)
 *	if (ac_confine_enter(&c, AC_CONFINE_NET, err) < 0)
 *		return -1;
 *	...open the store, connect, unpack...
 *
 * Each of these is done where the kernel lets us, and told by --debug where
 * not; none stands for another:
 *
 *  - mounts (as root, with CAP_SYS_ADMIN): in a mount namespace of our own all
 *    is read-only, without devices and set-user-id, but what is to be written.
 *    Only this keeps root from changing modes and owners elsewhere, and from
 *    opening a device that an image brought.
 *  - Landlock: files are written only beneath what is to be written, and read
 *    only there, in what is to be read, and in what programs need of a system
 *    (libraries, the resolver's files, certificates).  No other process can be
 *    traced or sent signals.
 *  - capabilities: those for files of any owner and kind, or those for reading,
 *    and none as a user; also for programs that are executed.
 *  - system calls: those of apps without privileges (sysfilter.h), fewer
 *    sockets and ioctls.  Others fail with EPERM.
 *  - no new privileges, no core dump, no tracer.
 *
 * It holds for this thread, those it makes, and programs it executes: call it
 * before there is another thread, and before files are opened: what is open
 * stays as it is.  There is no way back.  ACUTILS_SANDBOX=off turns it off.
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_err;

struct ac_confine {
	struct ac_strv reads, writes; /* paths */
};

#define AC_CONFINE_INIT ((struct ac_confine){.reads = AC_STRV_INIT})

/* Allow to read the file PATH, or all below the directory PATH; links are
 * followed.  What is not there (yet) cannot be allowed, and is passed over, as
 * is NULL. */
void ac_confine_read(struct ac_confine *c, const char *path);
/* Allow all below the directory PATH. */
void ac_confine_write(struct ac_confine *c, const char *path);
/* Allow all in the directory in which PATH, a file or a directory, is or will
 * be. */
void ac_confine_write_beside(struct ac_confine *c, const char *path);

enum ac_confine_flags {
	AC_CONFINE_NET = 1,    /* talks to servers */
	AC_CONFINE_OWNERS = 2, /* as root: files get owners, devices are made */
	/* $TMPDIR becomes a directory of our own, removed at exit. */
	AC_CONFINE_TMP = 4,
};

/* Do it.  -1 when the temporary directory cannot be made, or when half of the
 * mounts was done. */
AC_MUSTUSE int ac_confine_enter(const struct ac_confine *c, unsigned int flags,
				struct ac_err *err);
void ac_confine_release(struct ac_confine *c);

/* Has it been done?  Then nothing may be started that outlives us: it would be
 * confined as well. */
bool ac_confined(void);

#endif
