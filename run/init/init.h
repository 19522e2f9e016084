/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_INIT_INIT_H
#define RUN_INIT_INIT_H

/*
 * The pod's init: process 1 of the pod, in its namespaces from birth.
 *
 *	main.c	the namespaces get what is theirs: cgroups, lo, hostname, root
 *	root.c	one app's mounts, and the two pivots
 *	dev.c	one app's /dev
 *	who.c	users and groups, as the image's own files say
 *	priv.c	identity, capabilities, filters
 *	app.c	one process of an app, from clone to exec
 *	loop.c	order, signals, ends
 *
 * Two rules hold all through: when the first path of an image is looked at,
 * the host's tree is gone; and whatever is mounted in an app's root is mounted
 * on a descriptor that was opened beneath it.
 */

#include "run/init/sys.h"
#include "run/sandbox/plan.h"

enum app_state {
	APP_NEW,
	APP_PRE_START,
	APP_RUNNING,
	APP_POST_STOP,
	APP_DONE,
};

struct app {
	const struct plan_app *plan;
	uint32_t index;
	enum app_state state;
	int pid;             /* of the process of this state */
	int ns_fd;           /* its mount namespace, kept for handlers; or -1 */
	int proc_fd, sys_fd; /* detached, until the app is set up */
};

/* Memory that the init and its children share: what a child can say when its
 * filter may forbid it to write. */
struct shared {
	int32_t failed[PLAN_MAX_APPS]; /* errno of exec; -1: told already */
};

struct pod {
	char *base; /* the plan's start */
	const struct plan *plan;
	struct app apps[PLAN_MAX_APPS];
	uint32_t n;
	struct shared *shared;
	int proc_fd; /* the init's own procfs, or -1 */
	int stopping;
	int code;         /* what the pod ends with */
	uint64_t kill_at; /* ms; 0: never */
	uint64_t grace;   /* ms */
};

/* What stands at offset AT of the plan. */
static inline void *pod_at(const struct pod *p, uint32_t at)
{
	return p->base + at;
}
static inline const char *pod_str(const struct pod *p, uint32_t at)
{
	return at == 0 ? "" : p->base + at;
}

/* main.c: events.  TEXT is a NULL-terminated list of parts. */
void say(const struct pod *p, enum plan_event_kind kind, const struct app *a,
	 int32_t status, long sys, ...) __attribute__((sentinel));
/* Say that setting up failed with -SYS, and end this process. */
__attribute__((noreturn)) void die(const struct pod *p, const struct app *a,
				   long sys, const char *what,
				   const char *which);
__attribute__((noreturn)) void quit(int code);

/* root.c */
/* Leave the host's tree for an empty one that holds /null, /empty, /shm,
 * /root and, when rootless, /nodes. */
void root_pod(struct pod *p);
/* In the app's own mount namespace: build its root and enter it. */
void root_app(const struct pod *p, const struct app *a);
/* Open PATH beneath ROOT; HOW are RESOLVE_* flags beside IN_ROOT and
 * NO_MAGICLINKS. */
long root_open(int root, const char *path, int flags, uint64_t how);

/* dev.c: mount and fill ROOT's /dev. */
void dev_mount(const struct pod *p, const struct app *a, int root);
/* The devices an app finds, in the order of plan.nodes; NULL behind the
 * last. */
const char *dev_name(uint32_t i, unsigned int *major, unsigned int *minor);

/* who.c: who the app runs as, looked up in the root we are in. */
struct who {
	uint32_t uid, gid;
};
void who_find(const struct pod *p, const struct app *a, struct who *w);

/* priv.c */
/* Scopes that hold for the whole pod: no abstract socket and no process
 * outside can be reached. */
void priv_scope(const struct pod *p);
/* Become W, with the app's capabilities and filter; only exec may follow. */
void priv_drop(const struct pod *p, const struct app *a, const struct who *w,
	       int handler);
/* The init needs no more than to signal its children. */
void priv_init(void);

/* app.c: start STAGE of A.  Returns its process id. */
int app_start(struct pod *p, struct app *a, enum plan_stage stage);

/* loop.c: run the apps to their end; returns the pod's exit code. */
int loop_run(struct pod *p);

#endif
