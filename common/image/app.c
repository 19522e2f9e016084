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

/* One event handler; SEEN[1] is that of post-stop. */
static int load_handler(struct ac_app *app, const struct ac_json *e,
			const char *at, bool seen[2], struct ac_findings *f,
			struct ac_err *err)
{
	struct ac_strv *exec;
	const char *s = "";
	bool stop;

	if (ac_field_str(e, at, "name", &s, err) < 0)
		return -1;
	stop = strcmp(s, "post-stop") == 0;
	if (s[0] == '\0') {
		(void)ac_err_at(err, "I5.4", at,
				"eventHandler \"name\" cannot be empty");
		return ac_err_fix(err, "it is pre-start or post-stop");
	}
	if (!stop && strcmp(s, "pre-start") != 0) {
		(void)ac_err_at(err, "I5.4", at,
				"bad eventHandler \"name\": \"%s\"", s);
		return ac_err_fix(err, "it is pre-start or post-stop");
	}
	if (seen[stop])
		return ac_err_at(err, "I5.4", at,
				 "Only one eventHandler of name \"%s\" "
				 "allowed",
				 s);
	seen[stop] = true;
	exec = stop ? &app->post_stop : &app->pre_start;
	if (ac_field_strings(e, at, "exec", exec, err) < 0)
		return -1;
	if (exec->n == 0)
		ac_findings_add(f, "I5.4", at, "has nothing to exec");
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

		if (ac_findings_stop(f,
				     load_handler(app, ac_json_at(list, i), at,
						  seen, f, err),
				     err))
			return -1;
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

static int check_variable(const struct ac_pair *v, const char *at,
			  struct ac_err *err)
{
	if (v->name[0] == '\0')
		return ac_err_at(err, "I5.6", at,
				 "environment variable name must not be empty");
	if (!ac_check_env_name(v->name))
		return ac_err_at(err, "I5.6", at,
				 "environment variable does not have valid "
				 "identifier \"%s\"",
				 v->name);
	return 0;
}

static int load_environment(struct ac_app *app, const struct ac_json *doc,
			    const char *path, struct ac_findings *f,
			    struct ac_err *err)
{
	struct ac_pairs *env = &app->environment;
	AC_FREE char *whole = ac_field_path(path, "environment");
	const char *twice;

	if (ac_field_pairs(doc, path, "environment", env, err) < 0)
		return -1;
	for (size_t i = 0; i < env->n; i++) {
		AC_FREE char *at = ac_field_path_at(path, "environment", i);

		if (ac_findings_stop(f, check_variable(&env->v[i], at, err),
				     err))
			return -1;
	}
	twice = ac_pairs_duplicate(env);
	if (twice != NULL)
		return ac_err_at(err, "I5.6", whole,
				 "duplicate environment variable of name "
				 "\"%s\"",
				 twice);
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

		if (ac_findings_stop(f,
				     load_mount(&app->mounts[i],
						ac_json_at(list, i), at, f,
						err),
				     err))
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
	AC_FREE char *at = ac_field_path(path, "count");
	struct ac_json *v = NULL;
	int64_t count = 1;

	if (ac_field_find(o, path, "count", &v, err) < 0)
		return -1;
	out->count = 1;
	if (ac_json_type(v) == AC_JSON_REAL &&
	    ac_json_real(v) + out->port >= 0x1p64 &&
	    ac_json_real(v) <= 0x1p64) {
		/* The end wrapped around in the original, and passed. */
		ac_findings_add(f, "I5.9", path, "an impossible count");
		return 0;
	}
	if (ac_field_int(o, path, "count", &count, err) < 0)
		return -1;
	if (count < 0)
		return ac_err_at(err, "I5.9", at, "%lld is negative",
				 (long long)count);
	if (count > MAX_PORT || out->port + (unsigned int)count > MAX_PORT + 1)
		return ac_err_at(err, "I5.9", path,
				 "end of port range must be in 1-65535 range");
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
		return ac_err_at(err, "I5.9", path,
				 "port must be in 1-65535 range, not %lld",
				 (long long)port);
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

		if (ac_findings_stop(f,
				     ac_check_port(ac_json_at(list, i), at,
						   &app->ports[i], f, err),
				     err))
			return -1;
		names[i] = app->ports[i].name;
	}
	check_unique(names, app->n_ports, "I5.9", path, "ports", "ports", f);
	return 0;
}

static int load_working_directory(struct ac_app *app, const struct ac_json *doc,
				  const char *path,
				  AC_UNUSED struct ac_findings *f,
				  struct ac_err *err)
{
	const char *s = "";

	if (ac_field_str(doc, path, "workingDirectory", &s, err) < 0)
		return -1;
	if (s[0] == '\0')
		return 0;
	if (s[0] != '/')
		return ac_err_at(
			err, "I5.5", path,
			"workingDirectory must be an absolute path, not '%s'",
			s);
	app->working_directory = s;
	return 0;
}

static int load_exec(struct ac_app *app, const struct ac_json *doc,
		     const char *path, AC_UNUSED struct ac_findings *f,
		     struct ac_err *err)
{
	return ac_field_strings(doc, path, "exec", &app->exec, err);
}

static int load_user(struct ac_app *app, const struct ac_json *doc,
		     const char *path, AC_UNUSED struct ac_findings *f,
		     struct ac_err *err)
{
	app->user = "";
	if (ac_field_str(doc, path, "user", &app->user, err) < 0)
		return -1;
	if (app->user[0] == '\0') {
		(void)ac_err_at(err, "I5.2", path, "user is required");
		return ac_err_fix(err, "add \"user\": \"0\", say");
	}
	return 0;
}

static int load_group(struct ac_app *app, const struct ac_json *doc,
		      const char *path, AC_UNUSED struct ac_findings *f,
		      struct ac_err *err)
{
	app->group = "";
	if (ac_field_str(doc, path, "group", &app->group, err) < 0)
		return -1;
	if (app->group[0] == '\0') {
		(void)ac_err_at(err, "I5.2", path, "group is required");
		return ac_err_fix(err, "add \"group\": \"0\", say");
	}
	return 0;
}

static int load_isolators(struct ac_app *app, const struct ac_json *doc,
			  const char *path, struct ac_findings *f,
			  struct ac_err *err)
{
	return ac_check_isolators(doc, path, false, &app->isolators,
				  &app->n_isolators, f, err);
}

static int load_user_annotations(struct ac_app *app, const struct ac_json *doc,
				 const char *path,
				 AC_UNUSED struct ac_findings *f,
				 struct ac_err *err)
{
	return ac_field_map(doc, path, "userAnnotations",
			    &app->user_annotations, err);
}

static int load_user_labels(struct ac_app *app, const struct ac_json *doc,
			    const char *path, AC_UNUSED struct ac_findings *f,
			    struct ac_err *err)
{
	return ac_field_map(doc, path, "userLabels", &app->user_labels, err);
}

static int load(struct ac_app *app, const struct ac_json *doc, const char *path,
		struct ac_findings *f, struct ac_err *err)
{
	static int (*const parts[])(struct ac_app *, const struct ac_json *,
				    const char *, struct ac_findings *,
				    struct ac_err *) = {
		load_exec,
		load_user,
		load_group,
		load_gids,
		load_handlers,
		load_working_directory,
		load_environment,
		load_isolators,
		load_mounts,
		load_ports,
		load_user_annotations,
		load_user_labels,
	};

	if (ac_json_type(doc) != AC_JSON_OBJECT)
		return ac_err_at(err, "I5", path,
				 "expected an object, found %s",
				 ac_json_type_name(ac_json_type(doc)));
	for (size_t i = 0; i < AC_LEN(parts); i++)
		if (ac_findings_stop(f, parts[i](app, doc, path, f, err), err))
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
