/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/image/check.h"
#include "common/image/field.h"
#include "common/sys/path.h"

/* uid_t and gid_t without their "none". */
enum { MAX_PORT = 65535 };
#define MAX_ID 4294967294

static int load_gids(struct ac_app *app, const struct ac_json *doc,
		     const char *path, struct ac_findings *f,
		     struct ac_err *err)
{
	struct ac_json *list = NULL;
	int ret = ac_field_list(doc, path, "supplementaryGIDs", AC_JSON_INT,
				&list, err);

	if (ret <= 0)
		return ret;
	app->n_gids = ac_json_len(list);
	app->gids = ac_xcalloc(app->n_gids + 1, sizeof(*app->gids));
	for (size_t i = 0; i < app->n_gids; i++) {
		AC_FREE char *at =
			ac_field_path_at(path, "supplementaryGIDs", i);

		app->gids[i] = ac_json_number(ac_json_at(list, i));
		if (app->gids[i] < 0 || app->gids[i] > MAX_ID)
			ac_findings_add(f, "I5.3", at,
					"%lld is not a group id: 0 to %lld",
					(long long)app->gids[i],
					(long long)MAX_ID);
	}
	return 0;
}

static int load_handlers(struct ac_app *app, const struct ac_json *doc,
			 const char *path, struct ac_findings *f,
			 struct ac_err *err)
{
	struct ac_json *list = NULL;
	bool seen[2] = {false, false};
	int ret = ac_field_list(doc, path, "eventHandlers", AC_JSON_OBJECT,
				&list, err);

	for (size_t i = 0; ret > 0 && i < ac_json_len(list); i++) {
		AC_FREE char *at = ac_field_path_at(path, "eventHandlers", i);
		const struct ac_json *e = ac_json_at(list, i);
		struct ac_strv *exec;
		const char *s = "";
		bool stop;

		if (ac_field_str(e, at, "name", &s, err) < 0)
			return -1;
		stop = strcmp(s, "post-stop") == 0;
		if (s[0] == '\0')
			return ac_err_set(err, AC_E_INVALID,
					  "%s: eventHandler \"name\" cannot be "
					  "empty",
					  at);
		if (!stop && strcmp(s, "pre-start") != 0)
			return ac_err_set(err, AC_E_INVALID,
					  "%s: bad eventHandler \"name\": "
					  "\"%s\"; expected pre-start or "
					  "post-stop",
					  at, s);
		if (seen[stop])
			return ac_err_set(err, AC_E_INVALID,
					  "%s: Only one eventHandler of name "
					  "\"%s\" allowed",
					  at, s);
		seen[stop] = true;
		exec = stop ? &app->post_stop : &app->pre_start;
		if (ac_field_strings(e, at, "exec", exec, err) < 0)
			return -1;
		if (exec->n == 0)
			ac_findings_add(f, "I5.4", at, "has nothing to exec");
	}
	return ret < 0 ? -1 : 0;
}

bool ac_check_env_name(const char *s)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.-";

	return strspn(s, first) != 0 && s[strspn(s, rest)] == '\0';
}

static int load_environment(struct ac_app *app, const struct ac_json *doc,
			    const char *path, struct ac_err *err)
{
	struct ac_pairs *env = &app->environment;
	const char *twice;

	if (ac_field_pairs(doc, path, "environment", env, err) < 0)
		return -1;
	for (size_t i = 0; i < env->n; i++) {
		AC_FREE char *at = ac_field_path_at(path, "environment", i);

		if (env->v[i].name[0] == '\0')
			return ac_err_set(err, AC_E_INVALID,
					  "%s: environment variable name must "
					  "not be empty",
					  at);
		if (!ac_check_env_name(env->v[i].name))
			return ac_err_set(err, AC_E_INVALID,
					  "%s: environment variable does not "
					  "have valid identifier \"%s\"",
					  at, env->v[i].name);
	}
	twice = ac_pairs_duplicate(env);
	if (twice != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "%s.environment: duplicate environment "
				  "variable of name \"%s\"",
				  path, twice);
	return 0;
}

/* Say when one of N names is there twice. */
static void check_unique(const char **names, size_t n, const char *rule,
			 const char *path, const char *key, const char *what,
			 struct ac_findings *f)
{
	AC_FREE char *at = ac_field_path(path, key);
	const char *twice = ac_names_duplicate(names, n);

	if (twice != NULL && twice[0] != '\0')
		ac_findings_add(f, rule, at, "two %s have the name '%s'", what,
				twice);
}

static int load_mount(struct ac_mount_point *m, const struct ac_json *e,
		      const char *at, struct ac_findings *f, struct ac_err *err)
{
	int ret;

	m->name = "";
	m->path = "";
	ret = ac_check_name_field(e, at, "name", true, &m->name, f, err);
	if (ret < 0 || ac_field_str(e, at, "path", &m->path, err) < 0 ||
	    ac_field_bool(e, at, "readOnly", &m->read_only, err) < 0)
		return -1;
	if (ret == 0)
		ac_findings_add(f, "I5.8", at, "has no name");
	if (m->path[0] != '/')
		ac_findings_add(f, "I5.8", at, "its path '%s' must be absolute",
				m->path);
	else if (ac_path_has_dotdot(m->path))
		ac_findings_add(f, "I5.8", at, "its path '%s' has '..'",
				m->path);
	return 0;
}

static int load_mounts(struct ac_app *app, const struct ac_json *doc,
		       const char *path, struct ac_findings *f,
		       struct ac_err *err)
{
	AC_FREE const char **names = NULL;
	struct ac_json *list = NULL;
	int ret = ac_field_list(doc, path, "mountPoints", AC_JSON_OBJECT, &list,
				err);

	if (ret <= 0)
		return ret;
	app->n_mounts = ac_json_len(list);
	app->mounts = ac_xcalloc(app->n_mounts + 1, sizeof(*app->mounts));
	names = ac_xcalloc(app->n_mounts + 1, sizeof(*names));
	for (size_t i = 0; i < app->n_mounts; i++) {
		AC_FREE char *at = ac_field_path_at(path, "mountPoints", i);

		if (load_mount(&app->mounts[i], ac_json_at(list, i), at, f,
			       err) < 0)
			return -1;
		names[i] = app->mounts[i].name;
	}
	check_unique(names, app->n_mounts, "I5.8", path, "mountPoints",
		     "mount points", f);
	return 0;
}

/* Member `count` and what follows from it. */
static int load_port_count(struct ac_port *out, const struct ac_json *o,
			   const char *path, struct ac_findings *f,
			   struct ac_err *err)
{
	struct ac_json *v = NULL;
	int64_t count = 1;

	if (ac_field_find(o, path, "count", &v, err) < 0)
		return -1;
	out->count = 1;
	if (ac_json_type(v) == AC_JSON_REAL && ac_json_real(v) > 1e18) {
		/* Wrapped around in the original, and passed. */
		ac_findings_add(f, "I5.9", path, "an impossible count");
		return 0;
	}
	if (ac_field_int(o, path, "count", &count, err) < 0)
		return -1;
	if (count < 0)
		return ac_err_set(err, AC_E_INVALID,
				  "%s.count: %lld is negative", path,
				  (long long)count);
	if (count > MAX_PORT || out->port + (unsigned int)count > MAX_PORT + 1)
		return ac_err_set(err, AC_E_INVALID,
				  "%s: end of port range must be in 1-65535 "
				  "range",
				  path);
	if (count == 0)
		ac_findings_add(f, "I5.9", path, "a count of 0; 1 is taken");
	else
		out->count = (unsigned int)count;
	return 0;
}

int ac_check_port(const struct ac_json *o, const char *path,
		  struct ac_port *out, struct ac_findings *f,
		  struct ac_err *err)
{
	int64_t port = 0;
	int ret;

	*out = (struct ac_port){.name = "", .protocol = ""};
	ret = ac_check_name_field(o, path, "name", true, &out->name, f, err);
	if (ret < 0 ||
	    ac_field_str(o, path, "protocol", &out->protocol, err) < 0 ||
	    ac_field_int(o, path, "port", &port, err) < 0 ||
	    ac_field_bool(o, path, "socketActivated", &out->socket_activated,
			  err) < 0)
		return -1;
	if (ret == 0)
		ac_findings_add(f, "I5.9", path, "has no name");
	if (out->protocol[0] == '\0')
		ac_findings_add(f, "I5.9", path, "has no protocol");
	if (port < 1 || port > MAX_PORT)
		return ac_err_set(err, AC_E_INVALID,
				  "%s: port must be in 1-65535 range, not %lld",
				  path, (long long)port);
	out->port = (unsigned int)port;
	return load_port_count(out, o, path, f, err);
}

static int load_ports(struct ac_app *app, const struct ac_json *doc,
		      const char *path, struct ac_findings *f,
		      struct ac_err *err)
{
	AC_FREE const char **names = NULL;
	struct ac_json *list = NULL;
	int ret = ac_field_list(doc, path, "ports", AC_JSON_OBJECT, &list, err);

	if (ret <= 0)
		return ret;
	app->n_ports = ac_json_len(list);
	app->ports = ac_xcalloc(app->n_ports + 1, sizeof(*app->ports));
	names = ac_xcalloc(app->n_ports + 1, sizeof(*names));
	for (size_t i = 0; i < app->n_ports; i++) {
		AC_FREE char *at = ac_field_path_at(path, "ports", i);

		if (ac_check_port(ac_json_at(list, i), at, &app->ports[i], f,
				  err) < 0)
			return -1;
		names[i] = app->ports[i].name;
	}
	check_unique(names, app->n_ports, "I5.9", path, "ports", "ports", f);
	return 0;
}

static int load_working_directory(struct ac_app *app, const struct ac_json *doc,
				  const char *path, struct ac_err *err)
{
	const char *s = "";

	if (ac_field_str(doc, path, "workingDirectory", &s, err) < 0)
		return -1;
	if (s[0] == '\0')
		return 0;
	if (s[0] != '/')
		return ac_err_set(err, AC_E_INVALID,
				  "%s: workingDirectory must be an absolute "
				  "path, not '%s'",
				  path, s);
	app->working_directory = s;
	return 0;
}

static int load(struct ac_app *app, const struct ac_json *doc, const char *path,
		struct ac_findings *f, struct ac_err *err)
{
	if (ac_json_type(doc) != AC_JSON_OBJECT)
		return ac_err_set(err, AC_E_INVALID,
				  "%s: expected an object, found %s", path,
				  ac_json_type_name(ac_json_type(doc)));
	app->user = "";
	app->group = "";
	if (ac_field_strings(doc, path, "exec", &app->exec, err) < 0 ||
	    ac_field_str(doc, path, "user", &app->user, err) < 0 ||
	    ac_field_str(doc, path, "group", &app->group, err) < 0)
		return -1;
	if (app->user[0] == '\0')
		return ac_err_set(err, AC_E_INVALID, "%s: user is required",
				  path);
	if (app->group[0] == '\0')
		return ac_err_set(err, AC_E_INVALID, "%s: group is required",
				  path);
	if (load_gids(app, doc, path, f, err) < 0 ||
	    load_handlers(app, doc, path, f, err) < 0 ||
	    load_working_directory(app, doc, path, err) < 0 ||
	    load_environment(app, doc, path, err) < 0 ||
	    ac_check_isolators(doc, path, false, &app->isolators,
			       &app->n_isolators, f, err) < 0 ||
	    load_mounts(app, doc, path, f, err) < 0 ||
	    load_ports(app, doc, path, f, err) < 0 ||
	    ac_field_map(doc, path, "userAnnotations", &app->user_annotations,
			 err) < 0 ||
	    ac_field_map(doc, path, "userLabels", &app->user_labels, err) < 0)
		return -1;
	return 0;
}

int ac_app_load(struct ac_app *app, const struct ac_json *doc, const char *path,
		struct ac_findings *f, struct ac_err *err)
{
	*app = (struct ac_app){.user = NULL};
	if (load(app, doc, path, f, err) == 0)
		return 0;
	ac_app_release(app);
	return -1;
}

void ac_app_release(struct ac_app *app)
{
	ac_strv_release(&app->exec);
	ac_strv_release(&app->pre_start);
	ac_strv_release(&app->post_stop);
	free(app->gids);
	free(app->environment.v);
	free(app->isolators);
	free(app->mounts);
	free(app->ports);
	free(app->user_annotations.v);
	free(app->user_labels.v);
	*app = (struct ac_app){.user = NULL};
}
