/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SANDBOX_PLAN_H
#define RUN_SANDBOX_PLAN_H

/*
 * What the engine tells the pod's init, and what the init tells back.
 *
 * The init is another program (run/init), so everything goes through one flat
 * piece of memory: the plan, written by sandbox/plan.c into a memfd whose
 * number is the init's only argument.  Places in it are offsets from its start
 * (0: absent), lists are an offset and a count, descriptors are numbers that
 * are open in the init.  A list of strings is of uint64_t, with a zero behind
 * the last: the init turns the offsets into pointers where they stand.  Both
 * sides are built together from this header; the magic number says so.
 *
 * Answers are `struct plan_event`s on a pipe, each written at once.
 */

#include <stdint.h>

enum { PLAN_MAGIC = 0x41435031, PLAN_TEXT = 232, PLAN_MAX_APPS = 64 };

/* A list in the plan: N elements at offset AT. */
struct plan_list {
	uint32_t at;
	uint32_t n;
};

/* A tree to be mounted in an app's root. */
struct plan_mount {
	int32_t fd;      /* detached tree */
	uint32_t target; /* path in the app's root */
	uint32_t is_dir;
};

enum plan_stage {
	PLAN_PRE_START,
	PLAN_MAIN,
	PLAN_POST_STOP,
	PLAN_STAGES,
};

enum plan_app_flags {
	PLAN_READ_ONLY = 1,    /* the root is: make no mount points in it */
	PLAN_NO_NEW_PRIVS = 2, /* always */
	PLAN_OWN_CGROUP = 4,   /* it was given one: hide what is above */
	PLAN_TTY = 8,          /* a terminal of its own, sent to tty_fd */
	PLAN_USER_GROUP = 16,  /* no group given: the user's, by passwd */
	PLAN_PATHS_OPEN = 32,  /* mask nothing in /proc and /sys */
};

struct plan_app {
	uint32_t name;
	uint32_t flags;
	struct plan_list argv[PLAN_STAGES]; /* strings */
	struct plan_list env;               /* strings */
	struct plan_list gids;              /* of uint32_t */
	struct plan_list mounts;            /* of struct plan_mount */
	struct plan_list filter;            /* of struct sock_filter */
	struct plan_list tasks; /* of int32_t: v1 tasks files to join */
	uint32_t user, group;   /* name, number or /path in the image */
	uint32_t cwd;
	int32_t root_fd;   /* detached tree */
	int32_t cgroup_fd; /* v2 directory, or -1 */
	int32_t stdio[3];
	int32_t oom_score_adj; /* or PLAN_OOM_KEEP */
	uint64_t caps;         /* bounding set: bit n is capability n */
};

enum { PLAN_OOM_KEEP = 0x7fff };

enum plan_flags {
	PLAN_LOOPBACK = 1, /* bring lo up */
	PLAN_CGROUP_NS = 2,
	PLAN_ROOTLESS = 4, /* a user namespace with one id: no nodes, no ids */
	PLAN_NO_DEVICES = 8,   /* nothing guards device nodes: mount nodev */
	PLAN_PARENT_DIES = 16, /* end with the process that started us */
};

struct plan {
	uint32_t magic;
	uint32_t size;
	uint32_t flags;
	uint32_t hostname;      /* 0: keep */
	uint32_t grace_ms;      /* between TERM and KILL */
	int32_t event_fd;       /* where events go */
	int32_t tty_fd;         /* socket for a terminal's master, or -1 */
	struct plan_list tasks; /* of int32_t: v1 tasks files to join */
	struct plan_list nodes; /* of int32_t: host's devices, rootless */
	struct plan_list apps;  /* of struct plan_app */
};

enum plan_event_kind {
	PLAN_EV_ENDED = 1, /* an app's main process: status as wait(2) has it */
	PLAN_EV_HANDLER,   /* an event handler ended badly: status, stage */
	PLAN_EV_FAILED,    /* could not be set up: text and errno */
	PLAN_EV_WARNING,
};

/* 256 bytes: a pipe takes it whole. */
struct plan_event {
	uint32_t kind;
	uint32_t app; /* index, or PLAN_NO_APP */
	int32_t status;
	int32_t sys; /* errno, 0 for none */
	uint32_t stage;
	uint32_t spare;
	char text[PLAN_TEXT]; /* what was being done */
};

enum { PLAN_NO_APP = 0xffff };

/* The signal that asks the init to stop the pod: TERM now, KILL after as many
 * milliseconds as its value says.  Beyond the C library's own. */
enum { PLAN_STOP_SIGNAL = 40 };

/* What the init exits with when the pod could not be set up. */
enum { PLAN_EXIT_SETUP = 254 };

#endif
