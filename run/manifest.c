/* SPDX-License-Identifier: Apache-2.0 */
#include "run/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/manifest.h"
#include "common/image/name.h"
#include "common/image/pod.h"
#include "common/store/store.h"
#include "run/args.h"
#include "run/env.h"
#include "run/isolator.h"

/* Replace KEY, in whatever case the image wrote it. */
static void set(struct ac_json *o, const char *key, struct ac_json *value)
{
	void *it = NULL;
	const char *k;
	struct ac_json *v;
	AC_FREE char *old = NULL;

	while (ac_json_each(o, &it, &k, &v))
		if (ac_json_same_key(k, key) && strcmp(k, key) != 0) {
			old = ac_xstrdup(k);
			break;
		}
	if (old != NULL)
		ac_json_del(o, old);
	ac_json_set(o, key, value);
}

static void set_str(struct ac_json *o, const char *key, const char *s)
{
	if (s != NULL)
		set(o, key, ac_json_str(s));
}

/* The app of an image that has none: whatever --exec names, as who asks. */
static struct ac_json *minimal_app(void)
{
	struct ac_json *app = ac_json_object();
	AC_FREE char *uid = ac_xasprintf("%u", geteuid());
	AC_FREE char *gid = ac_xasprintf("%u", getegid());

	ac_json_set_str(app, "user", uid);
	ac_json_set_str(app, "group", gid);
	return app;
}

static struct ac_json *image_app(const struct ac_record *r)
{
	struct ac_json *app = ac_json_get_nocase(r->image.doc, "app");

	if (!r->image.has_app)
		return minimal_app();
	return ac_json_copy(app);
}

static int set_exec(struct ac_json *app, const struct app_request *q,
		    const struct ac_record *r, struct ac_err *err)
{
	struct ac_json *exec = ac_json_array();

	if (q->flags.exec != NULL)
		ac_json_push_str(exec, q->flags.exec);
	for (size_t i = 0; q->flags.exec == NULL && r->image.has_app &&
			   i < r->image.app.exec.n;
	     i++)
		ac_json_push_str(exec, r->image.app.exec.v[i]);
	if (ac_json_len(exec) == 0) {
		ac_json_free(exec);
		return ac_err_set(err, AC_E_USAGE,
				  "image \"%s\" has an empty \"exec\" (try "
				  "--exec=BINARY)",
				  r->image.name);
	}
	for (size_t i = 0; i < q->args.n; i++)
		ac_json_push_str(exec, q->args.v[i]);
	set(app, "exec", exec);
	return 0;
}

static int set_gids(struct ac_json *app, const struct ac_record *r,
		    const struct ac_strv *flags, struct ac_err *err)
{
	struct ac_json *list;

	if (flags->n == 0)
		return 0;
	list = ac_json_array();
	for (size_t i = 0; r->image.has_app && i < r->image.app.n_gids; i++)
		ac_json_push(list, ac_json_int(r->image.app.gids[i]));
	set(app, "supplementaryGIDs", list);
	for (size_t i = 0; i < flags->n; i++) {
		struct ac_str rest = ac_str(flags->v[i]);
		struct ac_str one;

		while (rest.len != 0) {
			uint64_t gid;

			(void)ac_str_cut(&rest, ',', &one);
			if (ac_num_max(one, INT32_MAX, &gid) < 0)
				return ac_err_set(err, AC_E_USAGE,
						  "--supplementary-gids: '%s' "
						  "is not a list of group ids",
						  flags->v[i]);
			ac_json_push(list, ac_json_int((int64_t)gid));
		}
	}
	return 0;
}

static int set_environment(struct ac_json *app, const struct ac_record *r,
			   const struct run_flags *flags,
			   const struct ac_strv *common,
			   const struct ac_strv *own, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv env = AC_STRV_INIT;
	struct ac_json *list = ac_json_array();

	set(app, "environment", list);
	if (r->image.has_app)
		env_from_pairs(&env, &r->image.app.environment);
	if (flags->inherit_env)
		env_inherit(&env);
	for (size_t i = 0; i < common->n; i++)
		if (env_set_text(&env, common->v[i], "--set-env", err) < 0)
			return -1;
	for (size_t i = 0; i < own->n; i++)
		if (env_set_text(&env, own->v[i], "--environment", err) < 0)
			return -1;
	for (size_t i = 0; i < env.n; i++) {
		struct ac_json *pair = ac_json_object();
		struct ac_str rest = ac_str(env.v[i]);
		struct ac_str name;
		AC_FREE char *copy = NULL;

		(void)ac_str_cut(&rest, '=', &name);
		copy = ac_xstrndup(name.p, name.len);
		ac_json_set_str(pair, "name", copy);
		ac_json_set_str(pair, "value", rest.p);
		ac_json_push(list, pair);
	}
	return 0;
}

static int set_isolators(struct ac_json *app, const struct image_flags *f,
			 struct ac_err *err)
{
	struct ac_json *list = ac_json_get_nocase(app, "isolators");
	struct ac_json *new;

	if (f->memory == NULL && f->cpu == NULL && f->cpu_shares == NULL &&
	    f->oom_score_adj == NULL && f->caps_retain == NULL &&
	    f->caps_remove == NULL && f->seccomp == NULL)
		return 0;
	new = list != NULL &&ac_json_type(list) == AC_JSON_ARRAY
		      ? ac_json_copy(list)
		      : ac_json_array();
	set(app, "isolators", new);
	return isolators_from_flags(new, f, err);
}

/* "NAME=VALUE" as {name, value}, put into LIST. */
static int add_annotation(struct ac_json *list, const char *text,
			  struct ac_err *err)
{
	struct ac_str rest = ac_str(text);
	struct ac_json *pair;
	struct ac_str name;
	AC_FREE char *copy = NULL;

	if (!ac_str_cut(&rest, '=', &name))
		return ac_err_set(err, AC_E_USAGE,
				  "--annotation: '%s' is not of the form "
				  "NAME=VALUE",
				  text);
	copy = ac_xstrndup(name.p, name.len);
	if (ac_identifier_check(copy, AC_NAME_STRICT, err) < 0)
		return ac_err_ctx(err, "--annotation");
	pair = ac_json_object();
	ac_json_set_str(pair, "name", copy);
	ac_json_set_str(pair, "value", rest.p);
	ac_json_push(list, pair);
	return 0;
}

/* "volume=NAME,target=PATH" as a mount, put into LIST unless one for the same
 * path is there. */
static int add_mount(struct ac_json *list, const char *text, struct ac_err *err)
{
	struct ac_str rest = ac_str(text);
	struct ac_json *mount = ac_json_object();
	struct ac_str part;
	const char *path;

	while (rest.len != 0) {
		struct ac_str key;
		AC_FREE char *value = NULL;

		(void)ac_str_cut(&rest, ',', &part);
		(void)ac_str_cut(&part, '=', &key);
		value = ac_xstrndup(part.p, part.len);
		if (ac_str_eq(key, "volume"))
			ac_json_set_str(mount, "volume", value);
		else if (ac_str_eq(key, "target"))
			ac_json_set_str(mount, "path", value);
		else
			break;
	}
	path = ac_json_text(ac_json_get(mount, "path"), NULL);
	if (rest.len != 0 || path == NULL || path[0] == '\0' ||
	    ac_json_get(mount, "volume") == NULL) {
		ac_json_free(mount);
		return ac_err_set(err, AC_E_USAGE,
				  "--mount: '%s' is not of the form "
				  "volume=NAME,target=PATH",
				  text);
	}
	for (size_t i = 0; i < ac_json_len(list); i++)
		if (strcmp(ac_json_text(ac_json_get(ac_json_at(list, i),
						    "path"),
					NULL),
			   path) == 0) {
			ac_json_free(mount);
			return 0;
		}
	ac_json_push(list, mount);
	return 0;
}

static int set_mounts(struct ac_json *entry, const struct ac_strv *own,
		      const struct ac_strv *all, struct ac_err *err)
{
	struct ac_json *list = ac_json_array();

	ac_json_set(entry, "mounts", list);
	for (size_t i = 0; i < own->n; i++)
		if (add_mount(list, own->v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < all->n; i++)
		if (add_mount(list, all->v[i], err) < 0)
			return -1;
	return 0;
}

/* The last part of the image's name. */
static char *default_name(const char *image)
{
	const char *slash = strrchr(image, '/');

	return ac_name_sanitize(slash != NULL ? slash + 1 : image);
}

static int set_name(struct ac_json *pod_apps, struct ac_json *entry,
		    const struct app_request *q, const struct ac_record *r,
		    struct ac_err *err)
{
	AC_FREE char *name = q->flags.name != NULL
				     ? ac_xstrdup(q->flags.name)
				     : default_name(r->image.name);

	if (name == NULL || ac_name_check(name, AC_NAME_STRICT, err) < 0)
		return ac_err_ctx(err, "image '%s': --name", q->image);
	for (size_t i = 0; i < ac_json_len(pod_apps); i++)
		if (strcmp(ac_json_text(ac_json_get(ac_json_at(pod_apps, i),
						    "name"),
					NULL),
			   name) == 0)
			return ac_err_set(err, AC_E_USAGE,
					  "error: multiple apps with name %s "
					  "(--name names one of them "
					  "otherwise)",
					  name);
	ac_json_set_str(entry, "name", name);
	return 0;
}

static struct ac_json *image_object(const struct ac_record *r)
{
	struct ac_json *image = ac_json_object();
	struct ac_json *labels = ac_json_array();

	ac_json_set_str(image, "name", r->image.name);
	ac_json_set_str(image, "id", r->id);
	for (size_t i = 0; i < r->image.labels.n; i++) {
		struct ac_json *pair = ac_json_object();

		ac_json_set_str(pair, "name", r->image.labels.v[i].name);
		ac_json_set_str(pair, "value", r->image.labels.v[i].value);
		ac_json_push(labels, pair);
	}
	ac_json_set(image, "labels", labels);
	return image;
}

static int set_app(struct ac_json *entry, const struct run_flags *flags,
		   const struct ac_strv *env, const struct app_request *q,
		   const struct ac_record *r, struct ac_err *err)
{
	struct ac_json *app = image_app(r);
	const struct image_flags *f = &q->flags;
	bool read_only;

	ac_json_set(entry, "app", app);
	if (set_exec(app, q, r, err) < 0 ||
	    set_environment(app, r, flags, env, &f->environment, err) < 0 ||
	    set_gids(app, r, &f->gids, err) < 0 ||
	    set_isolators(app, f, err) < 0)
		return -1;
	set_str(app, "user", f->user);
	set_str(app, "group", f->group);
	set_str(app, "workingDirectory", f->working_dir);
	if (f->readonly_rootfs != NULL) {
		if (ac_num_bool(ac_str(f->readonly_rootfs), &read_only) < 0)
			return ac_err_set(err, AC_E_USAGE,
					  "--readonly-rootfs: '%s' is neither "
					  "true nor false",
					  f->readonly_rootfs);
		ac_json_set(entry, "readOnlyRootFS",
			    ac_json_new_bool(read_only));
	}
	return set_mounts(entry, &f->mounts, &flags->before.mounts, err);
}

static int add_app(struct ac_json *apps, const struct run_flags *flags,
		   const struct ac_strv *env, const struct app_request *q,
		   const struct ac_record *r, struct ac_err *err)
{
	AC_JSON struct ac_json *entry = ac_json_object();

	if (set_name(apps, entry, q, r, err) < 0)
		return -1;
	ac_json_set(entry, "image", image_object(r));
	if (set_app(entry, flags, env, q, r, err) < 0)
		return ac_err_ctx(err, "image '%s'", q->image);
	if (q->flags.annotations.n != 0) {
		struct ac_json *list = ac_json_array();

		ac_json_set(entry, "annotations", list);
		for (size_t i = 0; i < q->flags.annotations.n; i++)
			if (add_annotation(list, q->flags.annotations.v[i],
					   err) < 0)
				return -1;
	}
	ac_json_push(apps, ac_steal_ptr(&entry));
	return 0;
}

static int add_volumes(struct ac_json *pod, const struct ac_strv *flags,
		       struct ac_err *err)
{
	struct ac_json *list = ac_json_array();

	ac_json_set(pod, "volumes", list);
	for (size_t i = 0; i < flags->n; i++) {
		struct ac_json *v = ac_volume_from_string(flags->v[i], err);

		if (v == NULL)
			return ac_err_ctx(err, "--volume");
		ac_json_push(list, v);
	}
	return 0;
}

struct ac_json *manifest_make(const struct run_flags *flags,
			      const struct run_args *args,
			      const struct ac_record *records,
			      struct ac_err *err)
{
	AC_JSON struct ac_json *pod = ac_json_object();
	AC_CLEANUP(ac_strv_release) struct ac_strv env = AC_STRV_INIT;
	struct ac_json *apps = ac_json_array();

	ac_json_set_str(pod, "acVersion", "0.8.11");
	ac_json_set_str(pod, "acKind", "PodManifest");
	ac_json_set(pod, "apps", apps);
	if (env_from_flags(&env, &flags->set_env_files, &flags->set_env, err) <
		    0 ||
	    add_volumes(pod, &flags->volumes, err) < 0)
		return NULL;
	for (size_t i = 0; i < args->n; i++)
		if (add_app(apps, flags, &env, &args->apps[i], &records[i],
			    err) < 0)
			return NULL;
	return ac_steal_ptr(&pod);
}

int manifest_complete(struct ac_json *pod, const struct ac_record *records,
		      size_t n, struct ac_err *err)
{
	struct ac_json *apps = ac_json_get_nocase(pod, "apps");

	for (size_t i = 0; i < n; i++) {
		struct ac_json *entry = ac_json_at(apps, i);

		if (ac_json_get_nocase(entry, "app") != NULL)
			continue;
		if (!records[i].image.has_app)
			return ac_err_set(err, AC_E_INVALID,
					  "apps[%zu]: neither the pod nor the "
					  "image '%s' says what to run",
					  i, records[i].image.name);
		set(entry, "app", image_app(&records[i]));
	}
	return 0;
}
