/* SPDX-License-Identifier: Apache-2.0 */
#include "run/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/own.h"

static int put(const char *file, const char *text, struct ac_err *err)
{
	AC_CLOSE int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return ac_err_sys(err, errno, "write '%s'", file);
	return 0;
}

int rootless_enter(struct ac_err *err)
{
	char uids[32];
	char gids[32];

	(void)snprintf(uids, sizeof(uids), "0 %u 1\n", geteuid());
	(void)snprintf(gids, sizeof(gids), "0 %u 1\n", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return ac_err_sys(err, errno,
				  "make a user namespace (without one, pods "
				  "need root)");
	/* The kernel wants groups frozen before one is mapped by its owner. */
	if (put("/proc/self/setgroups", "deny", err) < 0 ||
	    put("/proc/self/uid_map", uids, err) < 0)
		return -1;
	return put("/proc/self/gid_map", gids, err);
}
