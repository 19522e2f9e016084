/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_PODDIR_H
#define RUN_PODDIR_H

/*
 * Pods on disk (spec/run.md).  A pod is a directory
 * <store>/pods/<where>/<uuid>; whoever runs or removes it holds an exclusive
 * flock on that directory, so that place and lock together are its state, also
 * after the power went. Changes of state are renames.
 *
 * In it: `pod`, the pod manifest (its time: when the pod was made); `log`, what
 * happened to it, line by line (run/podlog.h); `upper-APP`, `work-APP`, the
 * changes to an app's root; `volume-NAME`, an empty volume; `skel-APP`, mount
 * points an image lacks.  As few files as can be: making one is what takes
 * longest on a disk that is busy.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_buf;
struct ac_err;

enum pod_where {
	POD_EMBRYO,
	POD_RUN,
	POD_EXITED_GARBAGE,
	POD_GARBAGE,
	POD_WHERES,
};

enum { POD_UUID = 37 }; /* with its NUL */

struct pod_dir {
	char uuid[POD_UUID];
	enum pod_where where;
	int fd;      /* holds the lock, if LOCKED */
	bool locked; /* by somebody else, when it was opened */
};

#define POD_DIR_INIT ((struct pod_dir){.fd = -1})
void pod_dir_release(struct pod_dir *p);

/* <store>/pods, made when MAKE; AC_E_NOT_FOUND without it. */
AC_MUSTUSE int pods_open(const char *store, bool make, struct ac_err *err);

/* A new pod in embryo, locked by us. */
AC_MUSTUSE int pod_create(struct pod_dir *p, int pods, struct ac_err *err);

/* Rename it there.  AC_E_NOT_FOUND: somebody else moved it. */
AC_MUSTUSE int pod_move(struct pod_dir *p, int pods, enum pod_where to,
			struct ac_err *err);

/* Find a pod by its uuid or a prefix that only it has, among those that `list`
 * shows. */
AC_MUSTUSE int pod_find(struct pod_dir *p, int pods, const char *uuid,
			struct ac_err *err);

/* Take the exclusive lock: 1, 0 when somebody holds it, -1. */
AC_MUSTUSE int pod_try_lock(const struct pod_dir *p, struct ac_err *err);

/* "running", "exited", "exited garbage", ... */
const char *pod_state(const struct pod_dir *p);
bool pod_is_running(const struct pod_dir *p);
bool pod_is_exited(const struct pod_dir *p);

/* Call FN for each pod in WHERE, by uuid.  One that vanishes meanwhile is
 * passed over. */
typedef int (*pod_each_fn)(void *ctx, struct pod_dir *p, struct ac_err *err);
AC_MUSTUSE int pod_each(int pods, enum pod_where where, pod_each_fn fn,
			void *ctx, struct ac_err *err);

/* Write, or read all of, the file NAME.  Reading nothing is AC_E_NOT_FOUND. */
AC_MUSTUSE int pod_write(const struct pod_dir *p, const char *name,
			 const char *text, size_t len, struct ac_err *err);
AC_MUSTUSE int pod_read(const struct pod_dir *p, const char *name,
			struct ac_buf *out, struct ac_err *err);
/* The time of the file NAME in nanoseconds since 1970, 0 without one. */
int64_t pod_time(const struct pod_dir *p, const char *name);

/* Remove the control groups that the pod may have left, killing what is in
 * them, and then its directory.  The lock is held by the caller. */
AC_MUSTUSE int pod_remove(const struct pod_dir *p, int pods,
			  struct ac_err *err);

#endif
