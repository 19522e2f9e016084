/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/resolved.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actool/report.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/image/name.h"
#include "common/sys/path.h"

enum { MAX_PORT = 65535 };

/* The ports of all apps that have one name. */
struct named {
	const struct ac_port *last;
	size_t n;
};

/* A pod, with what can be known of its apps. */
struct pod {
	struct report *r;
	const struct ac_pod *p;
	const struct ac_image **images; /* one an app; NULL: not given */
	bool all_known;
	struct ac_map volumes; /* by name */
	struct ac_map ports;   /* by name, struct named */
	struct named *named;
};

static void pod_release(struct pod *pod)
{
	ac_map_release(&pod->volumes);
	ac_map_release(&pod->ports);
	free(pod->named);
}

static void lacks(const struct pod *pod, const char *rule, const char *path,
		  const char *fmt, ...) AC_PRINTF(4, 5);
static void lacks(const struct pod *pod, const char *rule, const char *path,
		  const char *fmt, ...)
{
	struct ac_err err = AC_ERR_INIT;
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)ac_err_at(&err, rule, path, "%s", text);
	(void)ac_findings_take(&pod->r->findings, &err);
}

/* The app that runs, or NULL when only its image knows it. */
static const struct ac_app *app_of(const struct pod *pod, size_t i)
{
	if (pod->p->apps[i].has_app)
		return &pod->p->apps[i].app;
	if (pod->images[i] != NULL && pod->images[i]->has_app)
		return &pod->images[i]->app;
	return NULL;
}

/* What a template may lack, and a pod that is to run may not. */
static void promote(struct ac_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct ac_finding *w = &f->v[i];
		const char *id = strstr(w->path, ".image.id");

		if (w->error ||
		    (strcmp(w->rule, "P2") != 0 && strcmp(w->rule, "P3") != 0 &&
		     !(strcmp(w->rule, "P1") == 0 &&
		       strcmp(w->path, "apps") == 0) &&
		     !(strcmp(w->rule, "T5") == 0 && id != NULL)))
			continue;
		w->error = true;
		f->errors++;
	}
}

static const struct ac_image *find_image(const struct ac_map *ids,
					 const struct ac_pod_app *a)
{
	const struct report *r =
		a->image_id != NULL
			? ac_map_get(ids, a->image_id, strlen(a->image_id))
			: NULL;

	return r != NULL ? &r->image : NULL;
}

/* --- apps and images --- */

static void check_image(struct pod *pod, size_t i)
{
	const struct ac_pod_app *a = &pod->p->apps[i];
	const struct ac_image *m = pod->images[i];
	AC_FREE char *at = ac_xasprintf("apps[%zu].image", i);

	if (a->image_id == NULL)
		return; /* told */
	if (m == NULL && !a->has_app) {
		pod->all_known = false;
		ac_findings_add(&pod->r->findings, "P7.2", at,
				"what it runs, and its mount points and ports, "
				"cannot be known without the image '%.24s...'",
				a->image_id);
		ac_findings_fix(&pod->r->findings,
				"give its file to this command, too");
		return;
	}
	if (m == NULL)
		return;
	if (!a->has_app && !m->has_app)
		lacks(pod, "P7.2", at,
		      "the image '%s' has no app, and the pod brings none",
		      m->name);
	if (!ac_image_matches(m, a->image_name, NULL))
		lacks(pod, "P7.3", at,
		      "the image with this id is called '%s', not '%s'",
		      m->name, a->image_name);
	if (!ac_image_matches(m, NULL, &a->image_labels))
		lacks(pod, "P7.3", at,
		      "the image with this id has other labels");
}

/* --- volumes --- */

static void index_volumes(struct pod *pod)
{
	for (size_t i = 0; i < pod->p->n_volumes; i++) {
		struct ac_volume *v = &pod->p->volumes[i];

		ac_map_put(&pod->volumes, v->name, strlen(v->name), v);
	}
}

/* Nothing need be mounted where a mount or a volume is. */
static bool is_served(const struct pod *pod, const struct ac_map *mounted,
		      const struct ac_mount_point *m)
{
	AC_FREE char *path = ac_path_clean(m->path);

	return (path != NULL &&
		ac_map_get(mounted, path, strlen(path)) != NULL) ||
	       ac_map_get(&pod->volumes, m->name, strlen(m->name)) != NULL;
}

/* The cleaned paths of the app's mounts, owned by PATHS, into MOUNTED. */
static void check_mounts(const struct pod *pod, size_t i, struct ac_strv *paths,
			 struct ac_map *mounted)
{
	const struct ac_pod_app *a = &pod->p->apps[i];

	for (size_t k = 0; k < a->n_mounts; k++) {
		AC_FREE char *at = ac_xasprintf("apps[%zu].mounts[%zu]", i, k);
		char *path = ac_path_clean(a->mounts[k].path);

		if (path == NULL)
			continue; /* told */
		ac_strv_take(paths, path);
		if (ac_map_get(mounted, path, strlen(path)) != NULL)
			lacks(pod, "P7.4", at, "two mounts on '/%s'", path);
		ac_map_put(mounted, path, strlen(path), path);
	}
}

static void check_mount_points(const struct pod *pod, size_t i,
			       const struct ac_map *mounted)
{
	const struct ac_app *app = app_of(pod, i);
	AC_FREE char *at = ac_xasprintf("apps[%zu]", i);

	for (size_t k = 0; app != NULL && k < app->n_mounts; k++) {
		const struct ac_mount_point *m = &app->mounts[k];
		AC_FREE char *in =
			pod->p->apps[i].has_app
				? ac_xasprintf("%s.app.mountPoints[%zu]", at, k)
				: ac_xstrdup(at);

		if (!is_served(pod, mounted, m))
			lacks(pod, "P7.5", in,
			      "nothing is mounted on its mount point '%s' "
			      "('%s')",
			      m->name, m->path);
	}
}

static void check_volumes(const struct pod *pod, size_t i)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv paths = AC_STRV_INIT;
	AC_CLEANUP(ac_map_release) struct ac_map mounted = AC_MAP_INIT;

	check_mounts(pod, i, &paths, &mounted);
	check_mount_points(pod, i, &mounted);
}

/* --- ports --- */

static void index_ports(struct pod *pod)
{
	size_t total = 0;
	size_t used = 0;

	for (size_t i = 0; i < pod->p->n_apps; i++)
		total += app_of(pod, i) != NULL ? app_of(pod, i)->n_ports : 0;
	pod->named = ac_xcalloc(total + 1, sizeof(*pod->named));
	for (size_t i = 0; i < pod->p->n_apps; i++) {
		const struct ac_app *app = app_of(pod, i);

		for (size_t k = 0; app != NULL && k < app->n_ports; k++) {
			const char *name = app->ports[k].name;
			struct named *v =
				ac_map_get(&pod->ports, name, strlen(name));

			if (v == NULL) {
				v = &pod->named[used++];
				ac_map_put(&pod->ports, name, strlen(name), v);
			}
			v->last = &app->ports[k];
			v->n++;
		}
	}
}

/* How many ports of the apps are called NAME; *port is the last of them. */
static size_t count_ports(const struct pod *pod, const char *name,
			  const struct ac_port **port)
{
	const struct named *v = ac_map_get(&pod->ports, name, strlen(name));

	if (v == NULL)
		return 0;
	*port = v->last;
	return v->n;
}

static bool same_address(const struct ac_pod_port *a,
			 const struct ac_pod_port *b)
{
	return a->host_ip == NULL || b->host_ip == NULL ||
	       strcmp(a->host_ip, b->host_ip) == 0;
}

static void check_port(const struct pod *pod, size_t i,
		       const struct ac_port **ports)
{
	const struct ac_pod_port *p = &pod->p->ports[i];
	AC_FREE char *at = ac_xasprintf("ports[%zu]", i);
	size_t n = 1;

	if (p->has_pod_port)
		ports[i] = &p->pod_port;
	else
		n = count_ports(pod, p->name, &ports[i]);
	if (n == 0 && pod->all_known)
		lacks(pod, "P7.6", at, "no app has a port called '%s'",
		      p->name);
	if (n > 1)
		lacks(pod, "P7.6", at, "%zu ports of the apps are called '%s'",
		      n, p->name);
	if (p->host_port == 0 ||
	    (ports[i] != NULL && p->host_port + ports[i]->count - 1 > MAX_PORT))
		lacks(pod, "P7.6", at,
		      "the host's ports are not in 1 to 65535");
	for (size_t k = 0; k < i && k < 4096; k++) {
		const struct ac_pod_port *q = &pod->p->ports[k];
		unsigned int np = ports[i] != NULL ? ports[i]->count : 1;
		unsigned int nq = ports[k] != NULL ? ports[k]->count : 1;

		if (p->host_port < q->host_port + nq &&
		    q->host_port < p->host_port + np && same_address(p, q) &&
		    ports[i] != NULL && ports[k] != NULL &&
		    strcmp(ports[i]->protocol, ports[k]->protocol) == 0) {
			lacks(pod, "P7.6", at,
			      "its ports of the host are those of ports[%zu]",
			      k);
			break;
		}
	}
}

static void check(struct pod *pod)
{
	AC_FREE const struct ac_port **ports =
		ac_xcalloc(pod->p->n_ports + 1, sizeof(*ports));

	index_volumes(pod);
	index_ports(pod);
	if (pod->p->n_apps == 0)
		lacks(pod, "P7.1", "apps", "there is no app to run");
	for (size_t i = 0; i < pod->p->n_apps; i++) {
		check_image(pod, i);
		check_volumes(pod, i);
	}
	for (size_t i = 0; i < pod->p->n_ports; i++)
		check_port(pod, i, ports);
}

void resolved_check(struct report *r, const struct report *all, size_t n)
{
	AC_CLEANUP(ac_map_release) struct ac_map ids = AC_MAP_INIT;
	AC_FREE const struct ac_image **images = NULL;
	const struct ac_findings_mark mark = ac_findings_mark(&r->findings);
	AC_CLEANUP(pod_release)
	struct pod pod = {.r = r,
			  .p = &r->pod,
			  .all_known = true,
			  .volumes = AC_MAP_INIT,
			  .ports = AC_MAP_INIT};

	if (!r->has_pod)
		return;
	r->inner_context = "not ready to run";
	for (size_t i = 0; i < n; i++)
		if (all[i].has_image && all[i].id[0] != '\0')
			ac_map_put(&ids, all[i].id, strlen(all[i].id),
				   (void *)(uintptr_t)&all[i]);
	images = ac_xcalloc(r->pod.n_apps + 1, sizeof(*images));
	for (size_t i = 0; i < r->pod.n_apps; i++)
		images[i] = find_image(&ids, &r->pod.apps[i]);
	pod.images = images;
	promote(&r->findings);
	check(&pod);
	ac_findings_locate(&r->findings, mark, r->text, r->len);
	if (r->findings.errors != 0)
		r->what = NULL;
}
