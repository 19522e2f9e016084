/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "run/sandbox/device.h"
#include "run/sandbox/sandbox.h"

#define TOP "/sys/fs/cgroup"

static const char KINDS[CGROUP_V1_KINDS][8] = {"pids", "memory", "cpu",
					       "devices"};

static bool wants_memory(const struct sb_limits *l)
{
	return l->memory != 0 || l->memory_request != 0;
}

static bool wants_cpu(const struct sb_limits *l)
{
	return l->cpu_milli != 0 || l->cpu_shares != 0;
}

static bool wants(const struct sb_pod *pod, enum cgroup_v1 kind)
{
	bool memory = wants_memory(&pod->limits);
	bool cpu = wants_cpu(&pod->limits);

	for (size_t i = 0; i < pod->n_apps; i++) {
		memory |= wants_memory(&pod->apps[i].limits);
		cpu |= wants_cpu(&pod->apps[i].limits);
	}
	return (kind == CGROUP_PIDS && pod->limits.pids != 0) ||
	       (kind == CGROUP_MEMORY && memory) ||
	       (kind == CGROUP_CPU && cpu) || kind == CGROUP_DEVICES;
}

static bool is_v2(const char *path)
{
	struct statfs s;

	return statfs(path, &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC;
}

static int slurp(const char *path, struct ac_buf *b)
{
	AC_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	do {
		char *at = ac_buf_room(b, 1024);

		n = at != NULL ? read(fd, at, 1024) : -1;
		if (n > 0)
			b->len += (size_t)n;
	} while (n > 0);
	if (b->p != NULL)
		b->p[b->len] = '\0';
	return n < 0 ? -1 : 0;
}

/* TOP/SUB and the caller's PATH in that hierarchy; the hierarchy's own top when
 * the path is not in sight, as in a container; NULL when it is not mounted. */
static char *base_dir(const char *sub, struct ac_str path)
{
	AC_FREE char *top = ac_xasprintf(TOP "%s", sub);
	AC_FREE char *dir = ac_xasprintf("%s%.*s", top, AC_STR_FMT(path));
	struct stat st;

	if (path.len > 1 && stat(dir, &st) == 0)
		return ac_steal_ptr(&dir);
	return stat(top, &st) == 0 ? ac_steal_ptr(&top) : NULL;
}

static struct ac_str parent(struct ac_str path)
{
	while (path.len > 1 && path.p[path.len - 1] != '/')
		path.len--;
	if (path.len > 1)
		path.len--;
	return path;
}

static void find_v1(struct sb_cgroups *g, const struct sb_pod *pod,
		    struct ac_str controllers, struct ac_str path)
{
	struct ac_str one;

	while (controllers.len != 0) {
		(void)ac_str_cut(&controllers, ',', &one);
		for (int k = 0; k < CGROUP_V1_KINDS; k++) {
			char sub[16];

			if (!ac_str_eq(one, KINDS[k]) || g->v1[k] != NULL ||
			    !wants(pod, (enum cgroup_v1)k))
				continue;
			(void)snprintf(sub, sizeof(sub), "/%s", KINDS[k]);
			AC_FREE char *base = base_dir(sub, path);

			if (base != NULL)
				g->v1[k] =
					ac_xasprintf("%s/%s", base, pod->name);
		}
	}
}

/* Lines of /proc/self/cgroup: "4:memory:/path", and v2's "0::/path". */
static int find_all(struct sb_cgroups *g, const struct sb_pod *pod,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 16);
	const char *v2 = is_v2(TOP)              ? ""
			 : is_v2(TOP "/unified") ? "/unified"
						 : NULL;
	struct ac_str rest;
	struct ac_str line;
	struct ac_str number;
	struct ac_str names;

	if (slurp("/proc/self/cgroup", &b) < 0)
		return ac_err_sys(err, errno, "read '/proc/self/cgroup'");
	rest = ac_str(ac_buf_str(&b));
	while (rest.len != 0) {
		(void)ac_str_cut(&rest, '\n', &line);
		(void)ac_str_cut(&line, ':', &number);
		(void)ac_str_cut(&line, ':', &names);
		if (line.len == 0)
			continue;
		if (names.len != 0) {
			find_v1(g, pod, names, line);
		} else if (v2 != NULL) {
			AC_FREE char *base = base_dir(v2, parent(line));

			if (base != NULL)
				g->v2 = ac_xasprintf("%s/%s", base, pod->name);
		}
	}
	return 0;
}

static void list_dirs(const struct sb_cgroups *g, const struct sb_pod *pod,
		      struct ac_strv *dirs)
{
	const char *all[CGROUP_V1_KINDS + 1] = {g->v2};

	for (int k = 0; k < CGROUP_V1_KINDS; k++)
		all[k + 1] = g->v1[k];
	for (size_t i = 0; i < AC_LEN(all); i++) {
		if (all[i] == NULL)
			continue;
		ac_strv_push(dirs, all[i]);
		if (!g->nested)
			continue;
		if (i == 0)
			ac_strv_pushf(dirs, "%s/init", all[i]);
		for (size_t a = 0; a < pod->n_apps; a++)
			ac_strv_pushf(dirs, "%s/app-%s", all[i],
				      pod->apps[a].name);
	}
}

struct sb_cgroups *cgroup_find(const struct sb_pod *pod, struct ac_strv *dirs,
			       struct ac_err *err)
{
	struct sb_cgroups *g = ac_xcalloc(1, sizeof(*g));

	g->apps = ac_xcalloc(pod->n_apps, sizeof(*g->apps));
	g->n_apps = pod->n_apps;
	g->pod = (struct cgroup_place){.v2 = -1, .tasks = {-1, -1, -1, -1}};
	for (size_t i = 0; i < pod->n_apps; i++) {
		const struct sb_limits *l = &pod->apps[i].limits;

		g->apps[i] = g->pod;
		g->nested |=
			pod->n_apps > 1 && (wants_memory(l) || wants_cpu(l));
	}
	if (!pod->rootless && find_all(g, pod, err) < 0) {
		cgroup_free(g);
		return NULL;
	}
	list_dirs(g, pod, dirs);
	return g;
}

static int put(int dirfd, const char *file, const char *text)
{
	AC_CLOSE int fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -1;
}

AC_PRINTF(3, 4)
static int putf(int dirfd, const char *file, const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return put(dirfd, file, text);
}

static int make_dir(const char *path, struct ac_err *err)
{
	int fd;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return ac_err_sys(err, errno, "create the control group '%s'",
				  path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ac_err_sys(err, errno, "open the control group '%s'",
				  path);
	return fd;
}

static void warn(struct ac_strv *warnings, const char *who, const char *what,
		 const char *why)
{
	ac_strv_pushf(warnings, "%s: %s is not enforced: %s", who, what, why);
}

/* Let children of DIRFD (v2) use KIND; true when they can. */
static bool enable(int dirfd, enum cgroup_v1 kind)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "+%.8s", KINDS[kind]);
	return put(dirfd, "cgroup.subtree_control", text) == 0;
}

static void bound_memory(int dir, bool v2, const struct sb_limits *l,
			 const char *who, struct ac_strv *warnings)
{
	int r = 0;

	if (l->memory != 0) {
		r = putf(dir, v2 ? "memory.max" : "memory.limit_in_bytes",
			 "%" PRIu64, l->memory);
		if (r < 0)
			warn(warnings, who, "the memory limit",
			     strerror(errno));
		/* Without swap accounting there is nothing to bound. */
		if (v2)
			(void)put(dir, "memory.swap.max", "0");
		else
			(void)putf(dir, "memory.memsw.limit_in_bytes",
				   "%" PRIu64, l->memory);
	}
	if (l->memory_request != 0 &&
	    putf(dir, v2 ? "memory.low" : "memory.soft_limit_in_bytes",
		 "%" PRIu64, l->memory_request) < 0)
		warn(warnings, who, "the memory request", strerror(errno));
}

static void bound_cpu(int dir, bool v2, const struct sb_limits *l,
		      const char *who, struct ac_strv *warnings)
{
	enum { PERIOD = 100000, SMALLEST = 1000 };
	uint64_t quota = l->cpu_milli * (PERIOD / 1000);
	int r = 0;

	if (quota != 0 && quota < SMALLEST)
		quota = SMALLEST;
	if (quota != 0 && v2) {
		r = putf(dir, "cpu.max", "%" PRIu64 " %d", quota, PERIOD);
	} else if (quota != 0) {
		(void)putf(dir, "cpu.cfs_period_us", "%d", PERIOD);
		r = putf(dir, "cpu.cfs_quota_us", "%" PRIu64, quota);
	}
	if (r < 0)
		warn(warnings, who, "the cpu limit", strerror(errno));
	if (l->cpu_shares == 0)
		return;
	r = v2 ? putf(dir, "cpu.weight", "%" PRIu64,
		      (1 + (l->cpu_shares - 2) * 9999 / 262142))
	       : putf(dir, "cpu.shares", "%" PRIu64, l->cpu_shares);
	if (r < 0)
		warn(warnings, who, "the cpu weight", strerror(errno));
}

static void bound(int dir, bool v2, enum cgroup_v1 kind,
		  const struct sb_limits *l, const char *who,
		  struct ac_strv *warnings)
{
	switch (kind) {
	case CGROUP_PIDS:
		if (l->pids != 0 &&
		    putf(dir, "pids.max", "%" PRIu64, l->pids) < 0)
			warn(warnings, who, "the limit on processes",
			     strerror(errno));
		break;
	case CGROUP_MEMORY:
		bound_memory(dir, v2, l, who, warnings);
		break;
	case CGROUP_CPU:
		bound_cpu(dir, v2, l, who, warnings);
		break;
	case CGROUP_DEVICES:
	case CGROUP_V1_KINDS:
		break;
	}
}

/* In a pod of one app the app's bounds are the pod's: one group less. */
static struct sb_limits pod_limits(const struct sb_cgroups *g,
				   const struct sb_pod *pod)
{
	struct sb_limits l = pod->limits;
	const struct sb_limits *a = &pod->apps[0].limits;

	if (g->nested || pod->n_apps != 1)
		return l;
	if (a->memory != 0 && (l.memory == 0 || a->memory < l.memory))
		l.memory = a->memory;
	if (a->cpu_milli != 0 &&
	    (l.cpu_milli == 0 || a->cpu_milli < l.cpu_milli))
		l.cpu_milli = a->cpu_milli;
	if (a->memory_request != 0)
		l.memory_request = a->memory_request;
	if (a->cpu_shares != 0)
		l.cpu_shares = a->cpu_shares;
	return l;
}

static int make_v2(struct sb_cgroups *g, const struct sb_pod *pod,
		   struct ac_strv *warnings, struct ac_err *err)
{
	struct sb_limits l = pod_limits(g, pod);
	AC_FREE char *up = ac_xstrdup(g->v2);
	AC_CLOSE int base = -1;
	AC_CLOSE int dir = -1;

	*strrchr(up, '/') = '\0';
	base = open(up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int k = 0; k < CGROUP_DEVICES; k++)
		g->v2_has[k] = g->v1[k] == NULL &&
			       wants(pod, (enum cgroup_v1)k) && base >= 0 &&
			       enable(base, (enum cgroup_v1)k);
	dir = make_dir(g->v2, err);
	if (dir < 0)
		return -1;
	for (int k = 0; k < CGROUP_DEVICES; k++)
		if (g->v2_has[k])
			bound(dir, true, (enum cgroup_v1)k, &l, "pod",
			      warnings);
	if (g->nested) {
		AC_FREE char *init = ac_xasprintf("%s/init", g->v2);

		for (int k = 0; k < CGROUP_DEVICES; k++)
			if (g->v2_has[k])
				(void)enable(dir, (enum cgroup_v1)k);
		g->pod.v2 = make_dir(init, err);
		return g->pod.v2 < 0 ? -1 : 0;
	}
	g->pod.v2 = ac_steal_fd(&dir);
	return 0;
}

static int open_tasks(int dir, const char *path, struct ac_err *err)
{
	int fd = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);

	return fd >= 0 ? fd : ac_err_sys(err, errno, "open '%s/tasks'", path);
}

static int make_v1(struct sb_cgroups *g, const struct sb_pod *pod,
		   enum cgroup_v1 k, struct ac_strv *warnings,
		   struct ac_err *err)
{
	struct sb_limits l = pod_limits(g, pod);
	AC_CLOSE int dir = make_dir(g->v1[k], err);

	if (dir < 0)
		return -1;
	bound(dir, false, k, &l, "pod", warnings);
	g->pod.tasks[k] = open_tasks(dir, g->v1[k], err);
	return g->pod.tasks[k] < 0 ? -1 : 0;
}

/* The app's own group below the pod's, in each hierarchy that bounds it. */
static int make_app(struct sb_cgroups *g, const struct sb_app *app,
		    struct cgroup_place *at, struct ac_strv *warnings,
		    struct ac_err *err)
{
	bool asked[CGROUP_V1_KINDS] = {
		[CGROUP_MEMORY] = wants_memory(&app->limits),
		[CGROUP_CPU] = wants_cpu(&app->limits),
	};

	at->own = g->v2 != NULL;
	if (g->v2 != NULL) {
		AC_FREE char *path =
			ac_xasprintf("%s/app-%s", g->v2, app->name);

		at->v2 = make_dir(path, err);
		if (at->v2 < 0)
			return -1;
	}
	for (int k = 0; k < CGROUP_DEVICES; k++) {
		if (asked[k] && g->v1[k] != NULL) {
			AC_FREE char *path =
				ac_xasprintf("%s/app-%s", g->v1[k], app->name);
			AC_CLOSE int dir = make_dir(path, err);

			if (dir < 0)
				return -1;
			bound(dir, false, (enum cgroup_v1)k, &app->limits,
			      app->name, warnings);
			at->tasks[k] = open_tasks(dir, path, err);
			if (at->tasks[k] < 0)
				return -1;
			at->own = true;
		} else if (asked[k] && g->v2_has[k]) {
			bound(at->v2, true, (enum cgroup_v1)k, &app->limits,
			      app->name, warnings);
		}
	}
	return 0;
}

/* Guard devices by v2 where there is one, whatever controllers it has. */
static int guard(struct sb_cgroups *g, const struct sb_pod *pod,
		 const struct device_rule *rules, size_t n,
		 struct ac_strv *warnings, struct ac_err *err)
{
	struct ac_err why = AC_ERR_INIT;
	AC_CLOSE int top = -1;

	if (g->nested && g->v2 != NULL)
		top = open(g->v2, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->v2 != NULL &&
	    device_guard(top >= 0 ? top : g->pod.v2, rules, n, &why) == 0) {
		g->devices_guarded = true;
		return 0;
	}
	if (g->v1[CGROUP_DEVICES] != NULL) {
		AC_CLOSE int dir = -1;

		if (make_v1(g, pod, CGROUP_DEVICES, warnings, err) < 0)
			return -1;
		dir = make_dir(g->v1[CGROUP_DEVICES], err);
		if (dir >= 0 && device_guard_v1(dir, rules, n, &why) == 0) {
			g->devices_guarded = true;
			return 0;
		}
	}
	warn(warnings, "pod", "the device policy",
	     why.msg[0] != '\0' ? why.msg : "no control group to attach it to");
	return 0;
}

static const char NAMES[CGROUP_DEVICES][24] = {"the limit on processes",
					       "the memory isolator",
					       "the cpu isolator"};

int cgroup_make(struct sb_cgroups *g, const struct sb_pod *pod,
		const struct device_rule *rules, size_t n,
		struct ac_strv *warnings, struct ac_err *err)
{
	if (g->v2 != NULL && make_v2(g, pod, warnings, err) < 0)
		return -1;
	for (int k = 0; k < CGROUP_DEVICES; k++) {
		if (!wants(pod, (enum cgroup_v1)k))
			continue;
		if (g->v1[k] != NULL) {
			if (make_v1(g, pod, (enum cgroup_v1)k, warnings, err) <
			    0)
				return -1;
		} else if (!g->v2_has[k]) {
			warn(warnings, "pod", NAMES[k],
			     pod->rootless
				     ? "control groups need root"
				     : "this host has no such controller");
		}
	}
	for (size_t i = 0; g->nested && i < pod->n_apps; i++)
		if (make_app(g, &pod->apps[i], &g->apps[i], warnings, err) < 0)
			return -1;
	if (pod->rootless)
		return 0;
	return guard(g, pod, rules, n, warnings, err);
}

static void close_place(struct cgroup_place *p)
{
	ac_own_closep(&p->v2);
	p->v2 = -1;
	for (int k = 0; k < CGROUP_V1_KINDS; k++) {
		ac_own_closep(&p->tasks[k]);
		p->tasks[k] = -1;
	}
}

void cgroup_close(struct sb_cgroups *g)
{
	close_place(&g->pod);
	for (size_t i = 0; i < g->n_apps; i++)
		close_place(&g->apps[i]);
}

void cgroup_free(struct sb_cgroups *g)
{
	if (g == NULL)
		return;
	cgroup_close(g);
	free(g->v2);
	for (int k = 0; k < CGROUP_V1_KINDS; k++)
		free(g->v1[k]);
	free(g->apps);
	free(g);
}

bool cgroup_oom(const struct sb_cgroups *g)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(1 << 14);
	AC_FREE char *path = NULL;
	const char *at;

	if (g->v1[CGROUP_MEMORY] != NULL)
		path = ac_xasprintf("%s/memory.oom_control",
				    g->v1[CGROUP_MEMORY]);
	else if (g->v2_has[CGROUP_MEMORY])
		path = ac_xasprintf("%s/memory.events", g->v2);
	if (path == NULL || slurp(path, &b) < 0)
		return false;
	at = strstr(ac_buf_str(&b), "oom_kill ");
	return at != NULL && at[strlen("oom_kill ")] != '0';
}
