/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SKEL_H
#define RUN_SKEL_H

/*
 * The bottom layer of every root: what an app may count on and its image need
 * not bring.  /dev, /proc, /sys, /tmp, /run and /etc/hosts; images cover it,
 * and nothing has to be written into their roots to start them.
 *
 * One such tree serves all pods.  A pod that needs more has its own: mount
 * points in a read-only root, the host's name service files with --net=host.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;
struct sb_mount;

/* Open the one for all, in <store>/pods, making it the first time. */
AC_MUSTUSE int skel_open(int pods, struct ac_err *err);

/* Make and open one as NAME in DIR, with the host's name service files when
 * HOST_NET and mount points for MOUNTS. */
AC_MUSTUSE int skel_make(int dir, const char *name,
			 const struct sb_mount *mounts, size_t n, bool host_net,
			 struct ac_err *err);

#endif
