/* SPDX-License-Identifier: Apache-2.0 */
#include "acbuild/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acbuild/below.h"
#include "acbuild/change.h"
#include "acbuild/cmd.h"
#include "acbuild/deps.h"
#include "acbuild/epoch.h"
#include "acbuild/modify.h"
#include "acbuild/oci.h"
#include "acbuild/removed.h"
#include "acbuild/settle.h"
#include "acbuild/target.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/edit.h"
#include "common/image/manifest.h"
#include "common/store/obtain.h"
#include "common/sys/interrupt.h"
#include "common/sys/spawn.h"
#include "common/sys/tree.h"

/* Below .acbuild, as in target.h; removed by whoever finds it. */
#define SCRATCH "target"

const struct ac_opt run_options[] = {
	AC_OPT_STRING(struct run_opts, engine, "engine", "NAME",
		      "\"acrun\" (the default), \"chroot\" or "
		      "\"systemd-nspawn\""),
	AC_OPT_CHOICE(struct run_opts, net, "net", "NETWORK", "host none",
		      "the host's (the default), or loopback alone"),
	AC_OPT_STRING(struct run_opts, working_dir, "working-dir", "DIR",
		      "start there (default: the image's, or /)"),
	AC_OPT_CHOICE(struct run_opts, pull_policy, "pull-policy", "POLICY",
		      AC_OBTAIN_POLICIES,
		      "fetch dependencies that the store lacks (the default), "
		      "none, or all"),
	AC_OPT_BOOL(struct run_opts, insecure, "insecure",
		    "fetch without signatures, certificates or https"),
	AC_OPT_BOOL(struct run_opts, in_place, "no-overlay",
		    "work on a copy instead of an overlay, as is done where "
		    "there can be none"),
	AC_OPT_END,
};

enum engine {
	ENGINE_ACRUN,
	ENGINE_CHROOT,
	ENGINE_NSPAWN,
};

struct run {
	const struct run_opts *o;
	char *const *command;
	enum engine engine;
	char *dir; /* .acbuild */
	struct ac_image image;
	struct below below;
	struct ac_obtain from;
	struct under under;
	struct ac_set before; /* paths of the rootfs, for a whitelist */
	bool listed;          /* a whitelist of the user's */
};

static void run_release(struct run *r)
{
	under_release(&r->under);
	below_release(&r->below);
	if (r->from.store.path != NULL)
		ac_store_release(&r->from.store);
	ac_image_release(&r->image);
	ac_set_release(&r->before);
	free(r->dir);
}

static bool is_program(const char *name)
{
	const char *path = getenv("PATH");
	struct ac_str rest = ac_str(path != NULL ? path : "");
	struct ac_str dir;

	while (rest.len != 0) {
		AC_FREE char *file = NULL;

		(void)ac_str_cut(&rest, ':', &dir);
		file = ac_xasprintf("%.*s/%s", AC_STR_FMT(dir), name);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static int find_engine(struct run *r, struct ac_err *err)
{
	static const char names[][16] = {"acrun", "chroot", "systemd-nspawn"};
	const char *name = r->o->engine != NULL ? r->o->engine : names[0];

	for (size_t i = 0; i < AC_LEN(names); i++)
		if (strcmp(name, names[i]) == 0) {
			r->engine = (enum engine)i;
			break;
		} else if (i + 1 == AC_LEN(names)) {
			return ac_err_set(err, AC_E_INVALID,
					  "no such engine \"%s\"", name);
		}
	if (r->engine == ENGINE_ACRUN)
		return 0;
	if (geteuid() != 0)
		return ac_err_set(err, AC_E_DENIED,
				  "--engine %s must be run as root; acrun, the "
				  "default, need not",
				  name);
	if (r->engine == ENGINE_NSPAWN && !is_program(name))
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "systemd-nspawn is not installed (package "
				  "systemd-container); acrun, the default "
				  "engine, needs nothing");
	if (r->engine == ENGINE_CHROOT && r->o->net != NULL &&
	    strcmp(r->o->net, "none") == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the chroot engine has the host's network "
				  "alone");
	return 0;
}

static const char *start_dir(const struct run *r)
{
	if (r->o->working_dir != NULL)
		return r->o->working_dir;
	return r->image.has_app && r->image.app.working_directory != NULL
		       ? r->image.app.working_directory
		       : "/";
}

/* The image's variables, each behind OPTION; of the same name the last. */
static void add_env(const struct run *r, const char *option,
		    struct ac_strv *argv)
{
	const struct ac_pairs *env = &r->image.app.environment;

	for (size_t i = 0; r->image.has_app && i < env->n; i++) {
		bool last = true;

		for (size_t k = i + 1; k < env->n; k++)
			if (strcmp(env->v[i].name, env->v[k].name) == 0)
				last = false;
		if (last)
			ac_strv_pushf(argv, "%s=%s=%s", option, env->v[i].name,
				      env->v[i].value);
	}
}

static void add_nspawn(const struct run *r, struct ac_strv *argv)
{
	ac_strv_push(argv, "systemd-nspawn");
	ac_strv_pushf(argv, "--directory=%s/work/root", r->dir);
	ac_strv_push(argv, "--quiet");
	ac_strv_push(argv, "--register=no");
	ac_strv_push(argv, "--keep-unit");
	ac_strv_push(argv, "--as-pid2");
	ac_strv_push(argv, "--resolv-conf=off");
	ac_strv_push(argv, "--timezone=off");
	ac_strv_push(argv, "--link-journal=no");
	/* Its terminal would put carriage returns into what is piped. */
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		ac_strv_push(argv, "--console=pipe");
	if (r->o->net != NULL && strcmp(r->o->net, "none") == 0)
		ac_strv_push(argv, "--private-network");
	ac_strv_pushf(argv, "--chdir=%s", start_dir(r));
	add_env(r, "--setenv", argv);
	ac_strv_push(argv, "--");
}

/* acrun's command line up to the root; LOWER may be NULL. */
static void add_acrun(const struct run *r, const struct ac_strv *lower,
		      struct ac_strv *argv)
{
	static const char kinds[][24] = {"full", "chroot", "none"};

	ac_strv_take(argv, ac_spawn_sibling("acrun"));
	ac_strv_push(argv, "root");
	ac_strv_pushf(argv, "--work=%s/work", r->dir);
	ac_strv_pushf(argv, "--isolation=%s", kinds[r->engine]);
	ac_strv_push(argv, "--die-with-parent");
	if (r->engine == ENGINE_ACRUN)
		ac_strv_pushf(argv, "--net=%s",
			      r->o->net != NULL ? r->o->net : "host");
	if (lower == NULL)
		ac_strv_push(argv, "--no-overlay");
	else
		for (size_t i = 0; i < lower->n; i++)
			ac_strv_pushf(argv, "--lower=%s", lower->v[i]);
}

/* Run it with ROOT below .acbuild as the root.  The lock is inherited: it holds
 * until all of the command is over, also when we are killed. */
static int execute(const struct run *r, const struct work *w,
		   const struct ac_strv *lower, const char *root,
		   struct ac_err *err)
{
	const struct ac_spawn_fd keep = {.from = w->lock, .to = 3};
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;

	add_acrun(r, lower, &argv);
	if (r->engine != ENGINE_NSPAWN) {
		ac_strv_pushf(&argv, "--working-dir=%s", start_dir(r));
		add_env(r, "--set-env", &argv);
	} else {
		/* It looks for its own name alone. */
		ac_strv_push(&argv, "--inherit-env");
	}
	ac_strv_pushf(&argv, "%s/%s", r->dir, root);
	ac_strv_push(&argv, "--");
	if (r->engine == ENGINE_NSPAWN)
		add_nspawn(r, &argv);
	for (char *const *a = r->command; *a != NULL; a++)
		ac_strv_push(&argv, *a);
	return ac_spawn_fds(argv.v, &keep, 1, err);
}

/* Can an overlay's top be here?  1, 0, -1.  It is tried with a directory of its
 * own, since the kernel leaves marks. */
static int can_overlay(const struct run *r, const struct work *w,
		       struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;
	AC_CLOSE int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct ac_spawn_fd quiet = {.from = null, .to = STDERR_FILENO};
	int code;

	if (r->o->in_place)
		return 0;
	if (ac_tree_remove(w->dir, SCRATCH, err) < 0)
		return -1;
	if (mkdirat(w->dir, SCRATCH, 0755) < 0)
		return ac_err_sys(err, errno, "make '%s/" SCRATCH "'", r->dir);
	ac_strv_take(&argv, ac_spawn_sibling("acrun"));
	ac_strv_push(&argv, "root");
	ac_strv_pushf(&argv, "--work=%s/work", r->dir);
	ac_strv_push(&argv, "--probe");
	for (size_t i = 0; i < r->below.lower.n; i++)
		ac_strv_pushf(&argv, "--lower=%s", r->below.lower.v[i]);
	ac_strv_pushf(&argv, "%s/" SCRATCH, r->dir);
	code = ac_spawn_fds(argv.v, &quiet, null > STDERR_FILENO ? 1 : 0, err);
	if (code >= 0 && ac_tree_remove(w->dir, SCRATCH, err) < 0)
		return -1;
	if (code > 0)
		ac_debug("the rootfs cannot be the top of an overlay: the "
			 "command works on a copy");
	return code < 0 ? -1 : code == 0;
}

static int run_overlay(struct run *r, struct work *w, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv lower = AC_STRV_INIT;
	int any = removed_any(w, err);
	int code;

	if (any < 0)
		return -1;
	for (size_t i = 0; i < r->below.lower.n; i++)
		ac_strv_push(&lower, r->below.lower.v[i]);
	if (any == 1)
		ac_strv_pushf(&lower, "%s/removed", r->dir);
	if (settle_begin(w, &r->below.lower, err) < 0)
		return -1;
	code = execute(r, w, &lower, "currentaci/rootfs", err);
	if (settle(w, r->listed ? &r->before : NULL, err) < 0)
		return -1;
	return code;
}

/* Without an overlay nothing lies below the rootfs: no settling, but for
 * sockets. */
static int run_in_place(const struct run *r, struct work *w, struct ac_err *err)
{
	const struct ac_strv none = AC_STRV_INIT;
	int code;

	if (settle_begin(w, &none, err) < 0)
		return -1;
	code = execute(r, w, NULL, "currentaci/rootfs", err);
	if (settle(w, r->listed ? &r->before : NULL, err) < 0)
		return -1;
	return code;
}

static void freep_target(struct target **t)
{
	target_freep(t);
}

static int run_copy_of(struct run *r, struct work *w, struct ac_err *err)
{
	AC_CLEANUP(freep_target) struct target *t = NULL;
	int code;

	if (under_open(&r->under, w, &r->below.lower, err) < 0)
		return -1;
	t = target_make(w, &r->under, err);
	if (t == NULL)
		return -1;
	code = execute(r, w, NULL, SCRATCH, err);
	if (code < 0 || target_take(t, w, &r->under, err) < 0 ||
	    whitelist_update(w, &r->under, r->listed ? &r->before : NULL, err) <
		    0)
		return -1;
	if (work_save_changed(w, err) < 0)
		return -1;
	removed_tell(&r->under);
	return code;
}

static int prepare(struct run *r, struct work *w, struct ac_err *err)
{
	int ours = whitelist_is_ours(w, err);

	if (ours < 0 || find_engine(r, err) < 0 ||
	    ac_image_load(&r->image, ac_json_copy(w->doc), NULL, err) < 0)
		return -1;
	r->listed = ours == 0 && r->image.whitelist.n != 0;
	if (r->listed && rootfs_paths(w, &r->before, err) < 0)
		return -1;
	r->from.policy = ac_obtain_policy(r->o->pull_policy);
	r->dir = work_path(w, err);
	if (r->dir == NULL || below_open(&r->below, w, &r->from, err) < 0)
		return -1;
	/* What a copy left that was interrupted. */
	return ac_tree_remove(w->dir, SCRATCH, err);
}

/* OCI mode: the layers are below, and what goes is marked in the top one. */
static int run_oci(struct run *r, struct work *w, struct ac_err *err)
{
	static const char top[] = "ociblobs/top/rootfs";
	int overlay;

	if (find_engine(r, err) < 0 || oci_open_top(w, err) < 0 ||
	    epoch_begin(w, err) < 0 || oci_image(w, &r->image, err) < 0)
		return -1;
	r->dir = work_path(w, err);
	if (r->dir == NULL ||
	    oci_lower_paths(w, r->dir, &r->below.lower, err) < 0)
		return -1;
	overlay = r->below.lower.n == 0 ? 0 : can_overlay(r, w, err);
	if (overlay < 0)
		return -1;
	if (overlay == 0 && r->below.lower.n != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "a command on top of the image's layers "
				  "needs an overlay, which the file system of "
				  "'%s' cannot carry%s; build elsewhere with "
				  "--work-path",
				  r->dir,
				  r->o->in_place ? " with --no-overlay" : "");
	return execute(r, w, overlay != 0 ? &r->below.lower : NULL, top, err);
}

static int run_any(struct run *r, struct work *w, struct ac_err *err)
{
	int overlay;

	if (w->oci)
		return run_oci(r, w, err);
	if (epoch_begin(w, err) < 0 || prepare(r, w, err) < 0)
		return -1;
	overlay = can_overlay(r, w, err);
	if (overlay != 0)
		return overlay > 0 ? run_overlay(r, w, err) : -1;
	return r->below.lower.n == 0 ? run_in_place(r, w, err)
				     : run_copy_of(r, w, err);
}

int run_in(struct work *w, const struct ac_call *c, struct ac_err *err)
{
	const struct run_opts *o = c->opts;
	AC_CLEANUP(run_release)
	struct run r = {
		.o = o,
		.command = c->argv,
		.image = AC_IMAGE_INIT,
		.below = BELOW_INIT,
		.from = deps_source(c, o->insecure),
		.under = UNDER_INIT,
	};
	const struct globals *g = c->globals;
	int code;

	(void)ac_interrupt_catch(); /* the rootfs is to be settled */
	code = run_any(&r, w, err);
	/* The command's own message does not say which line it was in. */
	if (code > 0 && g->script != NULL)
		ac_log("run: the command ended with exit code %d", code);
	/* What is missing is not an element of the manifest (exit code 2). */
	if (code < 0 && err->code == AC_E_NOT_FOUND)
		err->code = AC_E_INVALID;
	return code;
}

int run_run(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	const char *oci = oci_modify_file(g);

	if (oci != NULL)
		return oci_modify(c, oci, run_in, true, err);
	return g->modify != NULL ? modify_files(c, run_in, err)
				 : change(c, run_in, err);
}
