/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/insecure.h"
#include "common/sys/at.h"
#include "common/sys/lock.h"
#include "common/sys/tree.h"
#include "run/bare.h"
#include "run/cmd.h"
#include "run/env.h"
#include "run/isolator.h"
#include "run/janitor.h"
#include "run/mountpoint.h"
#include "run/rootless.h"
#include "run/sandbox/sandbox.h"
#include "run/skel.h"

/*
 * `acrun root`: one command in a directory, without a store or a pod.
 *
 * The directory is the top of an overlay (or the root itself), and beside it is
 * the work directory:
 *
 *	WORK/work	the kernel's
 *	WORK/skel	the skeleton, the bottom of the overlay
 *	WORK/root	where it is mounted, when the isolation is none
 */

enum { GRACE_MS = 10000 };

const struct ac_opt root_opts[] = {
	AC_OPT_LIST(struct root_flags, lower, "lower", "DIR",
		    "a read-only tree below DIR, the bottom first (repeat)"),
	AC_OPT_STRING(struct root_flags, work, "work", "DIR",
		      "an empty directory on DIR's file system to work in "
		      "(default: a new one beside DIR)"),
	AC_OPT_BOOL(struct root_flags, in_place, "no-overlay",
		    "DIR is the root itself: for file systems that cannot be "
		    "the top of an overlay"),
	AC_OPT_BOOL(struct root_flags, probe, "probe",
		    "run nothing: can DIR be the top of an overlay?"),
	AC_OPT_CHOICE(struct root_flags, net, "net", "NETWORK", "none host",
		      "loopback alone (the default), or the host's"),
	AC_OPT_CHOICE(struct root_flags, isolation, "isolation", "KIND",
		      "full chroot none",
		      "all of a pod's (the default); a chroot with the host's "
		      "/proc, /sys and /dev; or none, DIR being mounted on "
		      "WORK/root"),
	AC_OPT_STRING(struct root_flags, working_dir, "working-dir", "DIR",
		      "start there (default /)"),
	AC_OPT_LIST(struct root_flags, set_env, "set-env", "NAME=VALUE",
		    "set a variable"),
	AC_OPT_BOOL(struct root_flags, inherit_env, "inherit-env",
		    "pass on the environment"),
	AC_OPT_STRING(struct root_flags, user, "user", "USER",
		      "a name in DIR's files, or a number (default 0)"),
	AC_OPT_STRING(struct root_flags, group, "group", "GROUP",
		      "the same (default: the user's)"),
	AC_OPT_BOOL(struct root_flags, interactive, "interactive",
		    "give the command a terminal"),
	AC_OPT_BOOL(struct root_flags, die_with_parent, "die-with-parent",
		    "end when the process that started acrun ends"),
	AC_OPT_END,
};

struct root {
	const struct root_flags *flags;
	const char *dir;
	char *const *exec;
	char *work_path;
	bool own_work; /* made by us: goes when we do */
	bool host_net, rootless;
	int dirfd, work, upper_work; /* work is locked */
	int skel;                    /* one of the layers */
	int *layers;                 /* top first */
	size_t n_layers;
	struct points points;
	struct sb_mount mounts[2];
	size_t n_mounts;
	struct ac_strv env;
	struct isolation isolation;
	struct ac_strv unenforced;
	char name[48];
	struct sb_app app;
	struct sb_pod pod;
	struct sb_live live;
	struct janitor janitor;
};

static void release(struct root *r)
{
	sb_release(&r->live);
	janitor_release(&r->janitor);
	points_release(&r->points);
	for (size_t i = 0; i < r->n_layers; i++)
		(void)close(r->layers[i]);
	free(r->layers);
	for (size_t i = 0; i < r->n_mounts; i++)
		(void)close(r->mounts[i].source);
	ac_own_closep(&r->upper_work);
	ac_own_closep(&r->dirfd);
	ac_own_closep(&r->work);
	isolation_release(&r->isolation);
	ac_strv_release(&r->env);
	ac_strv_release(&r->unenforced);
	free(r->work_path);
}

static bool is_full(const struct root *r)
{
	return r->flags->isolation == NULL ||
	       strcmp(r->flags->isolation, "full") == 0;
}

static int check_flags(struct root *r, const struct ac_call *c,
		       struct ac_err *err)
{
	const struct root_flags *f = c->opts;
	int at = 1;

	r->flags = f;
	r->dir = c->argv[0];
	if (c->argc > at && strcmp(c->argv[at], "--") == 0)
		at++;
	r->exec = c->argv + at;
	if (c->argc <= at && !f->probe)
		return ac_err_set(err, AC_E_USAGE, "no command to run in '%s'",
				  r->dir);
	if (c->argc > 1 && f->probe)
		return ac_err_set(err, AC_E_USAGE,
				  "--probe takes a directory alone");
	if (f->in_place && (f->lower.n != 0 || f->probe))
		return ac_err_set(err, AC_E_USAGE,
				  "--no-overlay goes with neither --lower nor "
				  "--probe");
	r->host_net =
		!is_full(r) || (f->net != NULL && strcmp(f->net, "host") == 0);
	r->rootless = geteuid() != 0;
	return 0;
}

/* Namespaces that must be there before anything is opened, because nothing of
 * another mount namespace can be mounted. */
static int enter(const struct root *r, struct ac_err *err)
{
	if (is_full(r))
		return r->rootless ? rootless_enter(err) : 0;
	if (r->rootless)
		return ac_err_set(err, AC_E_DENIED, "--isolation=%s needs root",
				  r->flags->isolation);
	if (r->flags->net != NULL && strcmp(r->flags->net, "none") == 0)
		return ac_err_set(err, AC_E_USAGE,
				  "--net=none needs the full isolation");
	return bare_enter(err);
}

static int open_dir(const char *path, struct ac_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : ac_err_sys(err, errno, "open '%s'", path);
}

/* A directory for the kernel on the file system of DIR: beside it. */
static int make_work(struct root *r, struct ac_err *err)
{
	char *real = realpath(r->dir, NULL);
	char *slash;

	if (real == NULL)
		return ac_err_sys(err, errno, "open '%s'", r->dir);
	slash = strrchr(real, '/');
	slash[slash == real] = '\0';
	r->work_path = ac_xasprintf("%s/.acrun-XXXXXX",
				    strcmp(real, "/") == 0 ? "" : real);
	free(real);
	if (mkdtemp(r->work_path) == NULL)
		return ac_err_sys(err, errno,
				  "make a directory beside '%s' (--work names "
				  "another, of the same file system)",
				  r->dir);
	r->own_work = true;
	return 0;
}

/* What we, or somebody who died, had there. */
static int empty_work(int work, struct ac_err *err)
{
	static const char names[][8] = {"root", "skel", "work"};

	for (size_t i = 0; i < AC_LEN(names); i++)
		if (ac_tree_remove(work, names[i], err) < 0)
			return -1;
	return 0;
}

static int open_work(struct root *r, struct ac_err *err)
{
	if (r->flags->work == NULL) {
		if (make_work(r, err) < 0)
			return -1;
	} else {
		r->work_path = ac_xstrdup(r->flags->work);
		if (mkdir(r->work_path, 0700) < 0 && errno != EEXIST)
			return ac_err_sys(err, errno, "make '%s'",
					  r->work_path);
	}
	r->work = open_dir(r->work_path, err);
	if (r->work < 0 || ac_lock_fd(r->work, AC_LOCK_EXCLUSIVE, false,
				      r->work_path, err) < 0)
		return -1;
	return empty_work(r->work, err);
}

/* Overlay's marks for what was deleted of the skeleton, which is there again
 * next time.  What lies in layers of the caller's is his business. */
static void drop_whiteouts(const struct root *r)
{
	static const char names[][20] = {
		"dev",       "proc", "sys", "run", "tmp", "etc/resolv.conf",
		"etc/hosts", "etc",
	};

	for (size_t i = 0; i < AC_LEN(names); i++) {
		struct ac_err none = AC_ERR_INIT;
		const char *base = strrchr(names[i], '/');
		AC_CLOSE int fd =
			ac_at_open(r->dirfd, base != NULL ? "etc" : "",
				   O_PATH | O_DIRECTORY, 0, &none);
		struct stat st;

		base = base != NULL ? base + 1 : names[i];
		if (fd >= 0 &&
		    fstatat(fd, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISCHR(st.st_mode) && st.st_rdev == 0)
			(void)unlinkat(fd, base, 0);
	}
}

/* In the janitor: no process of ours is left. */
static void clean(void *ctx)
{
	struct root *r = ctx;
	struct ac_err err = AC_ERR_INIT;
	AC_FREE char *at = ac_xasprintf("%s/root", r->work_path);

	if (!is_full(r))
		(void)umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (!r->flags->in_place && r->flags->lower.n == 0)
		drop_whiteouts(r);
	if (sb_cgroups_remove(&r->live.cgroups, &err) < 0)
		ac_warn("%s", err.msg);
	if (r->flags->in_place)
		points_remove(&r->points);
	if (empty_work(r->work, &err) < 0 ||
	    (r->own_work && ac_tree_remove(AT_FDCWD, r->work_path, &err) < 0))
		ac_warn("%s", err.msg);
}

static int make_dir(const struct root *r, const char *name, struct ac_err *err)
{
	if (mkdirat(r->work, name, 0755) < 0)
		return ac_err_sys(err, errno, "make '%s/%s'", r->work_path,
				  name);
	return 0;
}

/* The layers, top first: those of the caller, and the skeleton below. */
static int open_layers(struct root *r, struct ac_err *err)
{
	const struct ac_strv *lower = &r->flags->lower;

	r->layers = ac_xcalloc(lower->n + 2, sizeof(*r->layers));
	r->skel = skel_make(r->work, "skel", NULL, 0, r->host_net, err);
	if (r->skel < 0)
		return -1;
	for (size_t i = lower->n; i-- > 0;) {
		int fd = open_dir(lower->v[i], err);

		if (fd < 0) {
			(void)close(r->skel);
			return -1;
		}
		r->layers[r->n_layers++] = fd;
	}
	r->layers[r->n_layers++] = r->skel;
	if (make_dir(r, "work", err) < 0)
		return -1;
	r->upper_work =
		openat(r->work, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r->upper_work >= 0
		       ? 0
		       : ac_err_sys(err, errno, "open '%s/work'", r->work_path);
}

static int bind_file(struct root *r, const char *from, const char *target,
		     struct ac_err *err)
{
	struct sb_mount *m = &r->mounts[r->n_mounts];

	*m = (struct sb_mount){.source = openat(r->skel, from,
						O_PATH | O_CLOEXEC),
			       .what = target,
			       .target = target};
	if (m->source < 0)
		return errno == ENOENT
			       ? 0
			       : ac_err_sys(err, errno, "open '%s'", from);
	r->n_mounts++;
	return 0;
}

/* The directory itself is the root: the skeleton's files are bound into it,
 * where it has none. */
static int open_in_place(struct root *r, struct ac_err *err)
{
	r->layers = ac_xcalloc(2, sizeof(*r->layers));
	r->skel = skel_make(r->work, "skel", NULL, 0, r->host_net, err);
	if (r->skel < 0)
		return -1;
	r->layers[r->n_layers++] = r->dirfd;
	r->layers[r->n_layers++] = r->skel;
	r->dirfd = -1;
	if (r->points.resolver &&
	    bind_file(r, "etc/resolv.conf", "/etc/resolv.conf", err) < 0)
		return -1;
	if (r->points.hosts && bind_file(r, "etc/hosts", "/etc/hosts", err) < 0)
		return -1;
	return 0;
}

static int make_env(struct root *r, struct ac_err *err)
{
	const struct root_flags *f = r->flags;
	const struct ac_strv no_files = AC_STRV_INIT;

	if (env_from_flags(&r->env, &no_files, &f->set_env, err) < 0)
		return -1;
	if (f->inherit_env)
		env_inherit(&r->env);
	env_defaults(&r->env, f->interactive);
	return 0;
}

static void fill(struct root *r, unsigned int insecure)
{
	const struct root_flags *f = r->flags;
	const struct isolation *iso = &r->isolation;

	r->app = (struct sb_app){
		.name = "command",
		.layers = r->layers,
		.n_layers = r->n_layers,
		.in_place = f->in_place,
		.upper = f->in_place ? -1 : r->dirfd,
		.work = r->upper_work,
		.mounts = r->mounts,
		.n_mounts = r->n_mounts,
		.exec = r->exec,
		.env = r->env.v,
		.cwd = f->working_dir != NULL ? f->working_dir : "/",
		.user = f->user != NULL ? f->user : "0",
		.group = f->group,
		.caps = iso->caps,
		.no_new_privs = iso->no_new_privs,
		.paths_open = (insecure & AC_INSECURE_PATHS) != 0,
		.filter = iso->filter,
		.n_filter = iso->n_filter,
		.io = f->interactive ? SB_IO_TTY : SB_IO_PASS,
	};
	r->pod = (struct sb_pod){
		.name = r->name,
		.hostname = "localhost",
		.net = r->host_net ? SB_NET_HOST : SB_NET_NONE,
		.apps = &r->app,
		.n_apps = 1,
		.grace_ms = GRACE_MS,
		.rootless = r->rootless,
	};
}

static int make_name(struct root *r, struct ac_err *err)
{
	uint64_t n;

	if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
		return ac_err_sys(err, errno, "read random bytes");
	(void)snprintf(r->name, sizeof(r->name), "acrun-root-%016jx",
		       (uintmax_t)n);
	return 0;
}

/* Everything that the description needs.  From the janitor on, what is made is
 * removed. */
static int prepare(struct root *r, unsigned int insecure, struct ac_err *err)
{
	bool in_place = r->flags->in_place;

	if (make_name(r, err) < 0 ||
	    isolation_make(&r->isolation, NULL, 0, false, insecure,
			   &r->unenforced, err) < 0 ||
	    make_env(r, err) < 0)
		return -1;
	r->dirfd = open_dir(r->dir, err);
	if (r->dirfd < 0)
		return -1;
	if (open_work(r, err) < 0) {
		if (r->own_work)
			(void)rmdir(r->work_path);
		return -1;
	}
	fill(r, insecure);
	if (is_full(r) && sb_prepare(&r->live, &r->pod, err) < 0)
		return -1;
	/* A mount point that was made before the janitor would outlive us. */
	if (in_place && points_make(&r->points, r->dirfd, true, err) < 0) {
		points_remove(&r->points);
		return -1;
	}
	if (janitor_start(&r->janitor, clean, r, err) < 0) {
		clean(r);
		return -1;
	}
	if ((in_place ? open_in_place(r, err) : open_layers(r, err)) < 0)
		return -1;
	fill(r, insecure);
	return 0;
}

static int run_full(struct root *r, struct ac_err *err)
{
	const struct sb_events none = {.ended = NULL};

	if (sb_start(&r->live, &r->pod, err) < 0)
		return -1;
	janitor_watch(&r->janitor, r->live.pid);
	for (size_t i = 0; i < r->live.warnings.n; i++)
		ac_warn("%s", r->live.warnings.v[i]);
	return sb_wait(&r->live, &none, err);
}

static int run_bare(struct root *r, struct ac_err *err)
{
	AC_FREE char *at = ac_xasprintf("%s/root", r->work_path);

	if (make_dir(r, "root", err) < 0)
		return -1;
	return bare_run(&r->app, at, strcmp(r->flags->isolation, "none") == 0,
			r->janitor.pid, err);
}

static int run(struct root *r, unsigned int insecure, struct ac_err *err)
{
	AC_CLOSE int tree = -1;

	if (enter(r, err) < 0)
		return -1;
	/* Now: whoever gets capabilities, as in a user namespace, loses it. */
	if (r->flags->die_with_parent)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (prepare(r, insecure, err) < 0)
		return -1;
	if (r->flags->probe) {
		tree = sb_root(&r->app, r->rootless, false, err);
		return tree < 0 ? -1 : 0;
	}
	return is_full(r) ? run_full(r, err) : run_bare(r, err);
}

int cmd_root(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(release)
	struct root r = {
		.dirfd = -1,
		.work = -1,
		.upper_work = -1,
		.skel = -1,
		.points = POINTS_INIT,
		.live = SB_LIVE_INIT,
		.janitor = JANITOR_INIT,
	};

	if (check_flags(&r, c, err) < 0)
		return -1;
	return run(&r, ac_insecure_bits(g->insecure), err);
}
