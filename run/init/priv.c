/* SPDX-License-Identifier: Apache-2.0 */
#include "run/init/init.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

/* Newer than the headers of Debian 12. */
enum {
	LANDLOCK_CREATE = 444,
	LANDLOCK_RESTRICT = 446,
	LANDLOCK_ABI_SCOPES = 6,
	SCOPE_ABSTRACT_UNIX = 1,
	SCOPE_SIGNAL = 2,
};

struct landlock_ruleset {
	uint64_t fs, net, scoped;
};

void priv_scope(const struct pod *p)
{
	struct landlock_ruleset rules = {
		.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL,
	};
	long fd;
	long r;

	if (SYS3(LANDLOCK_CREATE, NULL, 0, 1) < LANDLOCK_ABI_SCOPES)
		return;
	fd = SYS3(LANDLOCK_CREATE, &rules, sizeof(rules), 0);
	r = fd < 0 ? fd : SYS2(LANDLOCK_RESTRICT, fd, 0);
	if (r < 0)
		die(p, NULL, r, "restrict sockets and signals to the pod", "");
	(void)SYS1(SYS_close, fd);
}

static long set_caps(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)permitted, 0},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), 0},
	};

	return SYS2(SYS_capset, &head, data);
}

void priv_init(void)
{
	(void)set_caps(1ULL << CAP_KILL, 1ULL << CAP_KILL);
}

static void need(const struct pod *p, const struct app *a, long r,
		 const char *what)
{
	if (r < 0)
		die(p, a, r, what, "");
}

/* exec gives a root process all of its bounding set and any other nothing, so
 * the bounding set decides; what we still hold until then is gone after. */
static void bound(const struct pod *p, const struct app *a)
{
	for (int c = 0; c < 64; c++) {
		long r;

		if ((a->plan->caps >> c & 1) != 0)
			continue;
		r = SYS2(SYS_prctl, PR_CAPBSET_DROP, c);
		if (r == -EINVAL)
			break; /* beyond the kernel's last */
		need(p, a, r, "drop capabilities");
	}
}

static void identity(const struct pod *p, const struct app *a,
		     const struct who *w, int handler)
{
	const uint32_t *gids = pod_at(p, a->plan->gids.at);
	uint32_t n = handler ? 0 : a->plan->gids.n;

	if ((p->plan->flags & PLAN_ROOTLESS) != 0) {
		/* One id is mapped, and setgroups(2) is forbidden. */
		if (w->uid != 0 || w->gid != 0 || n != 0)
			die(p, a, 0,
			    "only user 0 and group 0 exist in a pod of an "
			    "unprivileged user",
			    "");
		return;
	}
	need(p, a, SYS2(SYS_setgroups, n, gids), "set supplementary groups");
	need(p, a, SYS3(SYS_setresgid, w->gid, w->gid, w->gid),
	     "set the group");
	need(p, a, SYS2(SYS_prctl, PR_SET_KEEPCAPS, 1), "keep capabilities");
	need(p, a, SYS3(SYS_setresuid, w->uid, w->uid, w->uid), "set the user");
}

/* A filter needs CAP_SYS_ADMIN or no_new_privs to be loaded; afterwards the
 * filter itself may forbid whatever would drop the capability, and exec does it
 * anyway. */
void priv_drop(const struct pod *p, const struct app *a, const struct who *w,
	       int handler)
{
	const struct plan_list *f = &a->plan->filter;
	struct sock_fprog prog = {
		.len = (unsigned short)f->n,
		.filter = pod_at(p, f->at),
	};
	uint64_t admin = 1ULL << CAP_SYS_ADMIN;

	bound(p, a);
	identity(p, a, w, handler);
	need(p, a, set_caps(admin, admin), "drop capabilities");
	if ((a->plan->flags & PLAN_NO_NEW_PRIVS) != 0 ||
	    (w->uid != 0 && f->n != 0))
		need(p, a, SYS5(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
		     "forbid new privileges");
	if (f->n != 0)
		need(p, a, SYS3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog),
		     "load the system call filter");
}
