/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_CGROUP_H
#define RUN_SANDBOX_CGROUP_H

/*
 * Control groups of one pod, on v1, v2 or both side by side.
 *
 * A pod has one group in each hierarchy that it needs: always v2, where there
 * is one (to hold the pod together, kill it, and guard devices); pids always;
 * memory and cpu when bounded.  An app with bounds of its own in a pod of
 * several has a group below.  They are made below the caller's own group (v1),
 * or beside it (v2, where a group with processes has no controlled children).
 * No process is ever moved by a write to cgroup.procs: that waits for the
 * kernel's grace period.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_err;
struct device_rule;
struct sb_pod;

enum cgroup_v1 {
	CGROUP_PIDS,
	CGROUP_MEMORY,
	CGROUP_CPU,
	CGROUP_DEVICES,
	CGROUP_V1_KINDS,
};

/* The groups that one process is put in. */
struct cgroup_place {
	int v2;                     /* directory for clone3, or -1 */
	int tasks[CGROUP_V1_KINDS]; /* v1 tasks files; -1: none */
	bool own;                   /* not merely the pod's */
};

struct sb_cgroups {
	char *v2; /* the pod's directories; NULL: none */
	char *v1[CGROUP_V1_KINDS];
	bool nested;                  /* apps have groups of their own */
	bool v2_has[CGROUP_V1_KINDS]; /* controllers found on v2 */
	struct cgroup_place pod;
	struct cgroup_place *apps; /* v2 -1 and no tasks: as the pod */
	size_t n_apps;
	bool devices_guarded;
};

/* Find where they go.  DIRS gets every directory that may come to be, parents
 * before children. */
AC_MUSTUSE struct sb_cgroups *cgroup_find(const struct sb_pod *pod,
					  struct ac_strv *dirs,
					  struct ac_err *err);

/* Make them.  What cannot be enforced is told in WARNINGS. */
AC_MUSTUSE int cgroup_make(struct sb_cgroups *g, const struct sb_pod *pod,
			   const struct device_rule *rules, size_t n,
			   struct ac_strv *warnings, struct ac_err *err);

/* Close the descriptors that only the start needs. */
void cgroup_close(struct sb_cgroups *g);
void cgroup_free(struct sb_cgroups *g); /* the groups stay */

/* True when a process of the pod was killed for want of memory. */
bool cgroup_oom(const struct sb_cgroups *g);

#endif
