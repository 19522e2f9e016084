/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_VOLUME_H
#define RUN_VOLUME_H

/* Volumes and mount points: which tree of the host, or directory of the pod,
 * goes where in which app (rkt.md 4.7). */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "run/sandbox/sandbox.h"

struct ac_err;
struct ac_pod;
struct ac_pod_app;
struct pod_dir;

/* The mounts of one app, opened. */
struct volumes {
	struct sb_mount *v;
	size_t n;
};

/* Those that APP asks for, then the image's mount points that are left.  A
 * mount point without a volume gets an empty one of its own, with a warning;
 * with KEEP_CONTENT (an image that expects its own files there) it stays a part
 * of the app's root instead.  Parents stand before what is below them. */
AC_MUSTUSE int volumes_open(struct volumes *out, const struct ac_pod *pod,
			    const struct ac_pod_app *app, bool keep_content,
			    const struct pod_dir *dir, struct ac_err *err);
void volumes_release(struct volumes *v);

#endif
