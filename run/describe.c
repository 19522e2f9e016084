/* SPDX-License-Identifier: Apache-2.0 */
#include "run/describe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/insecure.h"
#include "common/store/store.h"
#include "run/cmd.h"
#include "run/env.h"
#include "run/poddir.h"
#include "run/skel.h"

static void make_env(struct described_app *a, const struct ac_pod_app *app,
		     bool tty)
{
	env_from_pairs(&a->env, &app->app.environment);
	env_defaults(&a->env, tty);
	env_set(&a->env, ac_str("AC_APP_NAME"), app->name, true);
}

/* The layers of the image, top first as an overlay wants them. */
static int open_layers(struct described_app *a, const struct ac_store *store,
		       const struct ac_record *r, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;

	if (ac_store_layers(store, r, &names, err) < 0)
		return -1;
	a->layers = ac_xcalloc(names.n + 1, sizeof(*a->layers));
	a->locks = ac_xcalloc(names.n + 1, sizeof(*a->locks));
	for (size_t i = names.n; i-- > 0;) {
		int root;
		int lock;

		if (ac_store_open_layer(store, names.v[i], &root, &lock, err) <
		    0)
			return -1;
		a->layers[a->n_layers] = root;
		a->locks[a->n_layers++] = lock;
	}
	return 0;
}

static int make_dir(const struct pod_dir *dir, const char *kind,
		    const char *app, struct ac_err *err)
{
	AC_FREE char *name = ac_xasprintf("%s-%s", kind, app);
	int fd;

	if (mkdirat(dir->fd, name, 0755) < 0)
		return ac_err_sys(err, errno, "make '%s'", name);
	fd = openat(dir->fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : ac_err_sys(err, errno, "open '%s'", name);
}

static int make_root(struct description *d, size_t i,
		     const struct describe_flags *flags, int pods,
		     const struct pod_dir *dir, struct ac_err *err)
{
	const struct ac_pod_app *app = &d->pod.apps[i];
	struct described_app *a = &d->data[i];
	bool read_only = app->read_only_rootfs;
	int skel;

	if (flags->host_net || (read_only && a->volumes.n != 0)) {
		AC_FREE char *name = ac_xasprintf("skel-%s", app->name);

		skel = skel_make(dir->fd, name, a->volumes.v, a->volumes.n,
				 flags->host_net, err);
	} else {
		if (d->skel < 0)
			d->skel = skel_open(pods, err);
		skel = d->skel < 0 ? -1 : fcntl(d->skel, F_DUPFD_CLOEXEC, 3);
	}
	if (skel < 0)
		return -1;
	a->locks[a->n_layers] = -1;
	a->layers[a->n_layers++] = skel;
	if (read_only)
		return 0;
	a->upper = make_dir(dir, "upper", app->name, err);
	if (a->upper < 0)
		return -1;
	a->work = make_dir(dir, "work", app->name, err);
	return a->work < 0 ? -1 : 0;
}

static void make_gids(struct described_app *a, const struct ac_app *app)
{
	a->gids = ac_xcalloc(app->n_gids + 1, sizeof(*a->gids));
	for (size_t i = 0; i < app->n_gids; i++)
		a->gids[i] = (uint32_t)app->gids[i];
}

static int check_gids(const struct ac_app *app, struct ac_err *err)
{
	for (size_t i = 0; i < app->n_gids; i++)
		if (app->gids[i] < 0 || app->gids[i] > INT32_MAX)
			return ac_err_set(err, AC_E_INVALID,
					  "supplementaryGIDs[%zu]: %lld is not "
					  "a group id",
					  i, (long long)app->gids[i]);
	return 0;
}

static void fill_app(struct description *d, size_t i,
		     const struct describe_flags *flags)
{
	const struct ac_pod_app *p = &d->pod.apps[i];
	struct described_app *a = &d->data[i];
	const struct isolation *iso = &a->isolation;
	enum sb_io io = d->pod.n_apps > 1    ? SB_IO_PREFIX
			: flags->interactive ? SB_IO_TTY
					     : SB_IO_PASS;

	d->apps[i] = (struct sb_app){
		.name = p->name,
		.layers = a->layers,
		.n_layers = a->n_layers,
		.upper = a->upper,
		.work = a->work,
		.mounts = a->volumes.v,
		.n_mounts = a->volumes.n,
		.exec = p->app.exec.v,
		.pre_start =
			p->app.pre_start.n != 0 ? p->app.pre_start.v : NULL,
		.post_stop =
			p->app.post_stop.n != 0 ? p->app.post_stop.v : NULL,
		.env = a->env.v,
		.cwd = p->app.working_directory != NULL
			       ? p->app.working_directory
			       : "/",
		.user = p->app.user,
		.group = p->app.group,
		.gids = a->gids,
		.n_gids = p->app.n_gids,
		.caps = iso->caps,
		.no_new_privs = iso->no_new_privs,
		.paths_open = (flags->insecure & AC_INSECURE_PATHS) != 0,
		.filter = iso->filter,
		.n_filter = iso->n_filter,
		.limits = iso->limits,
		.has_oom_score_adj = iso->has_oom_score_adj,
		.oom_score_adj = iso->oom_score_adj,
		.io = io,
	};
}

static int describe_app(struct description *d, size_t i,
			const struct ac_store *store, const struct ac_record *r,
			const struct describe_flags *flags, int pods,
			const struct pod_dir *dir, struct ac_err *err)
{
	const struct ac_pod_app *app = &d->pod.apps[i];
	struct described_app *a = &d->data[i];

	if (app->app.exec.n == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "app '%s': image \"%s\" has an empty "
				  "\"exec\" (try --exec=BINARY)",
				  app->name, r->image.name);
	/* A converted image keeps its own files where it asks for a volume and
	 * gets none, as its author is used to. */
	if (volumes_open(&a->volumes, &d->pod, app,
			 r->kind == AC_IMAGE_OCI && !app->read_only_rootfs, dir,
			 err) < 0)
		return -1;
	make_env(a, app, flags->interactive);
	if (check_gids(&app->app, err) < 0 ||
	    isolation_make(&a->isolation, app->app.isolators,
			   app->app.n_isolators, false, flags->insecure,
			   &d->unenforced, err) < 0 ||
	    open_layers(a, store, r, err) < 0 ||
	    make_root(d, i, flags, pods, dir, err) < 0)
		return ac_err_ctx(err, "app '%s'", app->name);
	make_gids(a, &app->app);
	fill_app(d, i, flags);
	return 0;
}

static int check_pod(const struct description *d,
		     const struct describe_flags *flags, struct ac_err *err)
{
	const struct ac_pod *p = &d->pod;

	if (p->n_apps == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "pod must contain at least one application");
	if (flags->interactive && p->n_apps > 1)
		return ac_err_set(err, AC_E_USAGE,
				  "interactive option only supports one image");
	for (size_t i = 0; i < p->n_volumes; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(p->volumes[i].name, p->volumes[j].name) == 0)
				return ac_err_set(
					err, AC_E_INVALID,
					"duplicate volume name \"%s\"",
					p->volumes[i].name);
	return 0;
}

int describe(struct description *d, const struct ac_store *store,
	     const struct ac_record *records,
	     const struct describe_flags *flags, int pods,
	     const struct pod_dir *dir, struct ac_err *err)
{
	size_t n = d->pod.n_apps;

	if (check_pod(d, flags, err) < 0)
		return -1;
	d->apps = ac_xcalloc(n, sizeof(*d->apps));
	d->data = ac_xcalloc(n, sizeof(*d->data));
	for (size_t i = 0; i < n; i++)
		d->data[i].upper = d->data[i].work = -1;
	if (isolation_make(&d->isolation, d->pod.isolators, d->pod.n_isolators,
			   true, flags->insecure, &d->unenforced, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (describe_app(d, i, store, &records[i], flags, pods, dir,
				 err) < 0)
			return -1;
	d->name = ac_xasprintf("acrun-%s", dir->uuid);
	d->hostname =
		ac_xstrdup(flags->hostname != NULL ? flags->hostname : d->name);
	d->sb = (struct sb_pod){
		.name = d->name,
		.hostname = d->hostname,
		.net = flags->host_net ? SB_NET_HOST : SB_NET_NONE,
		.limits = d->isolation.limits,
		.apps = d->apps,
		.n_apps = n,
		.grace_ms = flags->grace_ms,
		.strict = flags->strict,
		.rootless = flags->rootless,
	};
	d->sb.limits.pids = flags->pids;
	return 0;
}

static void release_app(struct described_app *a)
{
	ac_strv_release(&a->env);
	volumes_release(&a->volumes);
	isolation_release(&a->isolation);
	for (size_t i = 0; i < a->n_layers; i++) {
		ac_own_closep(&a->layers[i]);
		ac_own_closep(&a->locks[i]);
	}
	free(a->layers);
	free(a->locks);
	ac_own_closep(&a->upper);
	ac_own_closep(&a->work);
	free(a->gids);
}

void description_release(struct description *d)
{
	for (size_t i = 0; d->data != NULL && i < d->pod.n_apps; i++)
		release_app(&d->data[i]);
	free(d->data);
	free(d->apps);
	isolation_release(&d->isolation);
	ac_strv_release(&d->unenforced);
	ac_own_closep(&d->skel);
	free(d->name);
	free(d->hostname);
	ac_pod_release(&d->pod);
	*d = DESCRIPTION_INIT;
}
