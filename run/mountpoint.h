/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_MOUNTPOINT_H
#define RUN_MOUNTPOINT_H

/*
 * Places to mount on, made in a directory that is used as a root in place, and
 * taken away again.  A root that is an overlay needs none: it has the skeleton
 * below (skel.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "common/base/attr.h"

struct ac_err;
struct sb_mount;

enum { POINTS_MAX = 8 };

/* A directory in which some were made. */
struct points_dir {
	int fd;
	struct timespec before, after; /* its time: untouched, and by us */
};

struct points {
	struct points_dir root, etc;
	struct {
		int dirfd; /* borrowed from the above */
		const char *name;
		bool is_dir;
	} made[POINTS_MAX];
	size_t n;
	bool resolver, hosts; /* these were missing, and are made: empty */
};
#define POINTS_INIT ((struct points){.root.fd = -1, .etc.fd = -1})

/* Make what is missing in ROOT of /dev, /proc, /sys, /run, /tmp and, when
 * FILES, /etc/resolv.conf and /etc/hosts.  No link is followed: what is one
 * stays one. */
AC_MUSTUSE int points_make(struct points *p, int root, bool files,
			   struct ac_err *err);

/* Remove what was made, unless something was put there; the times of the
 * directories become what they were if nobody else changed them. */
void points_remove(struct points *p);

/* Close; nothing is removed. */
void points_release(struct points *p);

#endif
