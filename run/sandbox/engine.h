/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_ENGINE_H
#define RUN_SANDBOX_ENGINE_H

/* What the engine's own files share; callers use sandbox.h. */

#include "run/sandbox/cgroup.h"
#include "run/sandbox/sandbox.h"

struct ac_buf;

/* Descriptors that the init gets, in the order they were opened.  All are
 * close-on-exec until the child clears it. */
struct fd_list {
	int *v;
	size_t n;
};
/* Takes ownership of FD; returns it. */
int fd_list_add(struct fd_list *l, int fd);
void fd_list_release(struct fd_list *l);

/* One app, opened. */
struct opened {
	int root;
	int *mounts; /* as sb_app.mounts */
	int stdio[3];
};

/* Everything opened for one start. */
struct start {
	const struct sb_pod *pod;
	const struct sb_cgroups *groups;
	struct opened *apps;
	int nodes[8]; /* host devices, when rootless */
	size_t n_nodes;
	int event_fd, tty_fd;
	struct fd_list fds;
};

/* plan.c: append the plan. */
AC_MUSTUSE int plan_write(const struct start *s, struct ac_buf *out,
			  struct ac_err *err);

/* A pipe whose lines are to be prefixed. */
struct sb_out {
	int fd;
	size_t app;
	int to; /* 1 or 2 */
	size_t len;
	char line[8192];
};

/* out.c: read what OUT has and write it on by whole lines, each behind NAME.
 * False at its end, when what is left of a line has been written too. */
bool out_copy(struct sb_out *out, const char *name);

/* The init's program, from run/init (init_blob.c). */
const void *init_blob(size_t *len);

#endif
