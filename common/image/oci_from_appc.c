/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/name.h"
#include "common/image/oci.h"

static void release(struct ac_image *m)
{
	ac_image_release(m);
}

static bool numeric(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

static int set_user(struct ac_json *config, const struct ac_app *app,
		    struct ac_err *err)
{
	const char *u = app->user;
	const char *g = app->group;
	AC_FREE char *both = NULL;

	if (u[0] == '/' || g[0] == '/')
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "app: user '%s', group '%s': OCI cannot take "
				  "them from a file of the image",
				  u, g);
	if (strchr(u, ':') != NULL || strchr(g, ':') != NULL)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "app: user '%s', group '%s': a colon has "
				  "another meaning in OCI",
				  u, g);
	if (strcmp(u, "0") == 0 && strcmp(g, "0") == 0)
		return 0;
	/* A user whose group is its own name: OCI looks it up (see
	 * ac_oci_to_appc, which lost it). */
	if (strcmp(u, g) == 0 && !numeric(u))
		both = ac_xstrdup(u);
	else
		both = ac_xasprintf("%s:%s", u, g);
	ac_json_set_str(config, "User", both);
	return 0;
}

/* LIST is the text of a JSON array equal to V[0..n): how many, or -1. */
static int matches(const char *list, char **v, size_t n)
{
	struct ac_err err = AC_ERR_INIT;
	AC_JSON struct ac_json *j =
		list != NULL ? ac_json_parse(list, strlen(list), "x", &err)
			     : ac_json_array();

	if (ac_json_type(j) != AC_JSON_ARRAY || ac_json_len(j) > n)
		return -1;
	for (size_t i = 0; i < ac_json_len(j); i++) {
		const char *s = ac_json_text(ac_json_at(j, i), NULL);

		if (s == NULL || strcmp(s, v[i]) != 0)
			return -1;
	}
	return (int)ac_json_len(j);
}

static void set_args(struct ac_json *config, const char *key, char **v,
		     size_t n)
{
	struct ac_json *list;

	if (n == 0)
		return;
	list = ac_json_array();
	for (size_t i = 0; i < n; i++)
		ac_json_push_str(list, v[i]);
	ac_json_set(config, key, list);
}

/* An image that was Docker's once remembers which of its words were the entry
 * point. */
static void set_exec(struct ac_json *config, const struct ac_image *m)
{
	const struct ac_strv *exec = &m->app.exec;
	const char *entrypoint =
		ac_pairs_get(&m->annotations, "appc.io/docker/entrypoint");
	const char *cmd = ac_pairs_get(&m->annotations, "appc.io/docker/cmd");
	int first;
	int second;

	if (exec->n == 0)
		return;
	first = matches(entrypoint, exec->v, exec->n);
	second = first < 0 ? -1
			   : matches(cmd, exec->v + first,
				     exec->n - (size_t)first);
	if (second < 0 || (size_t)first + (size_t)second != exec->n)
		first = (int)exec->n;
	set_args(config, "Entrypoint", exec->v, (size_t)first);
	set_args(config, "Cmd", exec->v + first, exec->n - (size_t)first);
}

static void set_environment(struct ac_json *config, const struct ac_app *app)
{
	struct ac_json *list;

	if (app->environment.n == 0)
		return;
	list = ac_json_array();
	for (size_t i = 0; i < app->environment.n; i++) {
		AC_FREE char *s =
			ac_xasprintf("%s=%s", app->environment.v[i].name,
				     app->environment.v[i].value);

		ac_json_push_str(list, s);
	}
	ac_json_set(config, "Env", list);
}

static void set_ports(struct ac_json *config, const struct ac_app *app)
{
	struct ac_json *o;

	if (app->n_ports == 0)
		return;
	o = ac_json_object();
	for (size_t i = 0; i < app->n_ports; i++) {
		const struct ac_port *p = &app->ports[i];
		AC_FREE char *one = ac_xasprintf("%u/%s", p->port, p->protocol);
		AC_FREE char *range =
			ac_xasprintf("%u-%u/%s", p->port,
				     p->port + p->count - 1, p->protocol);

		ac_json_set(o, p->count > 1 ? range : one, ac_json_object());
	}
	ac_json_set(config, "ExposedPorts", o);
}

static void set_volumes(struct ac_json *config, const struct ac_app *app)
{
	struct ac_json *o;

	if (app->n_mounts == 0)
		return;
	o = ac_json_object();
	for (size_t i = 0; i < app->n_mounts; i++)
		ac_json_set(o, app->mounts[i].path, ac_json_object());
	ac_json_set(config, "Volumes", o);
}

static void set_labels(struct ac_json *config, const struct ac_image *m)
{
	static const struct {
		const char *annotation, *label;
	} map[] = {
		{"homepage", "org.opencontainers.image.url"},
		{"documentation", "org.opencontainers.image.documentation"},
	};
	struct ac_json *o = ac_json_object();

	for (size_t i = 0; i < m->app.user_labels.n; i++)
		ac_json_set_str(o, m->app.user_labels.v[i].name,
				m->app.user_labels.v[i].value);
	for (size_t i = 0; i < AC_LEN(map); i++) {
		const char *v =
			ac_pairs_get(&m->annotations, map[i].annotation);

		if (v != NULL && ac_json_get(o, map[i].label) == NULL)
			ac_json_set_str(o, map[i].label, v);
	}
	if (ac_json_len(o) != 0)
		ac_json_set(config, "Labels", o);
	else
		ac_json_free(o);
}

/* Say what OCI has no word for. */
static void warn_lost(const struct ac_app *app)
{
	if (app->n_isolators != 0)
		ac_warn("%zu isolators are left out: OCI images have none",
			app->n_isolators);
	if (app->pre_start.n != 0 || app->post_stop.n != 0)
		ac_warn("event handlers are left out: OCI images have none");
	if (app->n_gids != 0)
		ac_warn("supplementary groups are left out: OCI images have "
			"none");
}

static void set_platform(struct ac_json *doc, const struct ac_image *m)
{
	const char *os = ac_pairs_get(&m->labels, "os");
	const char *arch = ac_pairs_get(&m->labels, "arch");
	const char *variant = NULL;
	const char *go = arch != NULL ? ac_arch_to_go(arch, &variant) : NULL;

	if (go == NULL)
		go = arch != NULL ? arch : ac_host_go_arch();
	ac_json_set_str(doc, "architecture", go);
	if (variant != NULL)
		ac_json_set_str(doc, "variant", variant);
	ac_json_set_str(doc, "os", os != NULL ? os : ac_host_os());
}

static struct ac_json *rootfs(const struct ac_digest *diff_ids, size_t n)
{
	struct ac_json *o = ac_json_object();
	struct ac_json *ids = ac_json_array();

	for (size_t i = 0; i < n; i++) {
		char text[AC_DIGEST_TEXT];

		ac_digest_print(&diff_ids[i], ':', text);
		ac_json_push_str(ids, text);
	}
	ac_json_set_str(o, "type", "layers");
	ac_json_set(o, "diff_ids", ids);
	return o;
}

struct ac_json *ac_oci_from_appc(const struct ac_json *manifest,
				 const struct ac_digest *diff_ids, size_t n,
				 struct ac_err *err)
{
	AC_CLEANUP(release) struct ac_image m = AC_IMAGE_INIT;
	AC_JSON struct ac_json *doc = NULL;
	struct ac_json *config;
	const char *s;

	if (ac_image_load(&m, ac_json_copy(manifest), NULL, err) < 0)
		return NULL;
	doc = ac_json_object();
	s = ac_pairs_get(&m.annotations, "created");
	if (s != NULL)
		ac_json_set_str(doc, "created", s);
	s = ac_pairs_get(&m.annotations, "authors");
	if (s != NULL)
		ac_json_set_str(doc, "author", s);
	set_platform(doc, &m);
	config = ac_json_object();
	ac_json_set(doc, "config", config);
	if (m.has_app) {
		if (set_user(config, &m.app, err) < 0)
			return NULL;
		set_ports(config, &m.app);
		set_environment(config, &m.app);
		set_exec(config, &m);
		set_volumes(config, &m.app);
		if (m.app.working_directory != NULL)
			ac_json_set_str(config, "WorkingDir",
					m.app.working_directory);
		warn_lost(&m.app);
	}
	set_labels(config, &m);
	ac_json_set(doc, "rootfs", rootfs(diff_ids, n));
	return ac_steal_ptr(&doc);
}
