/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_SANDBOX_H
#define RUN_SANDBOX_SANDBOX_H

/*
 * The isolation engine: one description in, one running pod out.  It knows
 * namespaces, mounts, control groups, capabilities and filters, and neither
 * image formats nor stores: acrun's command lines translate into this.
 *
 *	struct sb_pod pod = {.name = "acrun-...", .apps = apps, .n_apps = 1};
 *	AC_CLEANUP(sb_release) struct sb_live live = SB_LIVE_INIT;
 *
 *	if (sb_prepare(&live, &pod, err) < 0)
 *		return -1;
 *	...remember live.cgroups, so that they can be removed whatever
 *	   happens from here on...
 *	if (sb_start(&live, &pod, err) < 0)
 *		return -1;
 *	return sb_wait(&live, &events, err);	(the pod's exit code)
 *
 * What happens, in this order (design.md, 6): every tree is opened as a
 * detached mount; the control groups are made; one clone3 makes the pod's init
 * in all its namespaces; it leaves the host's tree for an empty one; then the
 * apps get their roots.  All strings and descriptors of a description are
 * borrowed until sb_start returns.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_err;
struct sock_filter;

/* A file or tree of the host, seen in an app. */
struct sb_mount {
	int source;         /* O_PATH descriptor */
	const char *what;   /* its name, for messages */
	const char *target; /* absolute, in the app's root; made if missing */
	bool is_dir;
	bool read_only;
	bool recursive; /* with what is mounted below the source */
	bool device;    /* a device node, which may be opened */
};

/* Bounds.  0 is: none. */
struct sb_limits {
	uint64_t memory;         /* bytes, swap included */
	uint64_t memory_request; /* bytes kept when memory is short */
	uint64_t cpu_milli;      /* thousandths of a processor */
	uint64_t cpu_shares; /* 2..262144: weight among others, 1024 usual */
	uint64_t pids;       /* of a pod only */
};

enum sb_net {
	SB_NET_NONE, /* a network with a loopback interface alone */
	SB_NET_HOST,
};

/* An app's standard streams. */
enum sb_io {
	SB_IO_PASS,   /* the caller's own */
	SB_IO_PREFIX, /* output by lines, "name: line"; input empty */
	SB_IO_TTY,    /* a terminal of the app's own, joined to the caller's */
};

struct sb_app {
	const char *name;
	/* The root: directories, the top first, and for a writable one the
	 * directories for changes and for the kernel's work (same file
	 * system); -1, -1: read-only.  IN_PLACE: the one layer is the root
	 * itself, and is written to. */
	bool in_place;
	const int *layers;
	size_t n_layers;
	int upper, work;
	const struct sb_mount *mounts; /* in this order */
	size_t n_mounts;
	/* NULL-terminated; the handlers may be NULL.  Without a slash the
	 * first is looked up in the environment's PATH. */
	char *const *exec;
	char *const *pre_start;
	char *const *post_stop;
	char *const *env;
	const char *cwd;
	/* A name in the image's files, a number, or "/path": its owner.  GROUP
	 * may be NULL: the user's. */
	const char *user, *group;
	const uint32_t *gids;
	size_t n_gids;
	uint64_t caps; /* bit n: capability n */
	bool no_new_privs;
	bool paths_open; /* hide nothing in /proc and /sys */
	const struct sock_filter *filter;
	size_t n_filter; /* 0: none */
	struct sb_limits limits;
	bool has_oom_score_adj;
	int oom_score_adj;
	enum sb_io io;
};

struct sb_pod {
	const char *name; /* of its control groups: one path component */
	const char *hostname;
	enum sb_net net;
	struct sb_limits limits;
	const struct sb_app *apps;
	size_t n_apps;
	unsigned int grace_ms; /* between TERM and KILL */
	bool strict;           /* refuse what cannot be enforced */
	bool rootless;         /* in a user namespace with one id */
};

/* A pod under way. */
struct sb_live {
	pid_t pid; /* of the init; 0 before start */
	int pidfd;
	int events;              /* pipe from the init */
	int signals;             /* signalfd */
	struct tty *tty;         /* of an app with SB_IO_TTY, or NULL */
	struct ac_strv cgroups;  /* directories, outermost first; may not all
				    come to be */
	struct ac_strv warnings; /* what could not be enforced, and why */
	struct sb_out *outs;     /* pipes to be prefixed */
	size_t n_outs;
	const struct sb_pod *pod; /* borrowed */
	struct sb_cgroups *groups;
};

#define SB_LIVE_INIT \
	((struct sb_live){.pidfd = -1, .events = -1, .signals = -1})

/* Find where the pod's control groups go: live->cgroups.  Nothing is made. */
AC_MUSTUSE int sb_prepare(struct sb_live *live, const struct sb_pod *pod,
			  struct ac_err *err);

/* Make everything and start.  From here on the signals that are forwarded
 * (TERM, INT, HUP, QUIT, USR1, USR2, WINCH) are blocked in the caller.  If the
 * caller dies, the pod dies. */
AC_MUSTUSE int sb_start(struct sb_live *live, const struct sb_pod *pod,
			struct ac_err *err);

/* What a caller is told while it waits. */
struct sb_events {
	/* An app's process has ended, STATUS as wait(2) has it.  May be
	 * NULL. */
	void (*ended)(void *ctx, size_t app, int status);
	void *ctx;
};

/* Forward signals and output until the pod has ended, and remove its control
 * groups.  Returns its exit code: 0 when all apps ended with 0, else that of
 * the first that did not (128 and the signal's number when killed).  -1 when
 * the pod or an app could not be set up. */
AC_MUSTUSE int sb_wait(struct sb_live *live, const struct sb_events *ev,
		       struct ac_err *err);

/* The root of APP as one detached mount, for those who need no more; ROOTLESS
 * and NO_DEVICES as for a pod. */
AC_MUSTUSE int sb_root(const struct sb_app *app, bool rootless, bool no_devices,
		       struct ac_err *err);

/* Free; a pod that still runs is killed. */
void sb_release(struct sb_live *live);

/* Ask the init with process id PID (open as PIDFD) to stop its pod: TERM now,
 * KILL after GRACE_MS. */
AC_MUSTUSE int sb_stop(int pidfd, unsigned int grace_ms, struct ac_err *err);

/* Kill what is in these control groups (sb_live.cgroups, perhaps of a process
 * that is gone) and remove them.  Missing ones are none to remove. */
AC_MUSTUSE int sb_cgroups_remove(const struct ac_strv *dirs,
				 struct ac_err *err);

/* The number of a capability ("CAP_KILL", "KILL"), or -1. */
int sb_capability(const char *name);

#endif
