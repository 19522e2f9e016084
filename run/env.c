/* SPDX-License-Identifier: Apache-2.0 */
#include "run/env.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/own.h"
#include "common/sys/io.h"

enum { MAX_FILE = 8 << 20 };

static char **find(struct ac_strv *env, struct ac_str name)
{
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name.p, name.len) == 0 &&
		    env->v[i][name.len] == '=')
			return &env->v[i];
	return NULL;
}

void env_set(struct ac_strv *env, struct ac_str name, const char *value,
	     bool override)
{
	char **old = find(env, name);

	if (old == NULL) {
		ac_strv_pushf(env, "%.*s=%s", AC_STR_FMT(name), value);
	} else if (override) {
		free(*old);
		*old = ac_xasprintf("%.*s=%s", AC_STR_FMT(name), value);
	}
}

void env_from_pairs(struct ac_strv *env, const struct ac_pairs *pairs)
{
	AC_CLEANUP(ac_map_release) struct ac_map places = AC_MAP_INIT;

	for (size_t i = 0; i < pairs->n; i++) {
		const char *name = pairs->v[i].name;
		size_t len = strlen(name);
		/* A place of the list, and one: NULL is no value. */
		uintptr_t at = (uintptr_t)ac_map_get(&places, name, len);
		char *text = ac_xasprintf("%s=%s", name, pairs->v[i].value);

		if (at != 0) {
			free(env->v[at - 1]);
			env->v[at - 1] = text;
			continue;
		}
		ac_strv_take(env, text);
		ac_map_put(&places, name, len, (void *)env->n);
	}
}

static bool name_ok(struct ac_str name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char more[] = "0123456789.-";

	for (size_t i = 0; i < name.len; i++)
		if (strchr(first, name.p[i]) == NULL &&
		    (i == 0 || strchr(more, name.p[i]) == NULL))
			return false;
	return name.len != 0;
}

static int cut(const char *text, const char *where, struct ac_str *name,
	       const char **value, struct ac_err *err)
{
	struct ac_str rest = ac_str(text);

	if (!ac_str_cut(&rest, '=', name))
		return ac_err_set(err, AC_E_USAGE,
				  "%s: '%s' is not of the form NAME=VALUE",
				  where, text);
	if (!name_ok(*name))
		return ac_err_set(
			err, AC_E_USAGE,
			"%s: environment variable does not have valid "
			"identifier \"%.*s\"",
			where, AC_STR_FMT(*name));
	*value = rest.p;
	return 0;
}

int env_set_text(struct ac_strv *env, const char *text, const char *option,
		 struct ac_err *err)
{
	struct ac_str name;
	const char *value = "";

	if (cut(text, option, &name, &value, err) < 0)
		return -1;
	env_set(env, name, value, true);
	return 0;
}

/* One that must be new. */
static int set_once(struct ac_strv *env, const char *text, const char *where,
		    struct ac_err *err)
{
	struct ac_str name;
	const char *value = "";

	if (cut(text, where, &name, &value, err) < 0)
		return -1;
	if (find(env, name) != NULL)
		return ac_err_set(err, AC_E_USAGE,
				  "%s: key \"%.*s\" already set", where,
				  AC_STR_FMT(name));
	env_set(env, name, value, true);
	return 0;
}

static int from_file(struct ac_strv *env, const char *file, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf b = AC_BUF_INIT(MAX_FILE);
	struct ac_str rest;
	struct ac_str line;

	if (ac_io_read_file(AT_FDCWD, file, &b, err) < 0)
		return ac_err_ctx(err, "--set-env-file");
	rest = ac_strn(ac_buf_str(&b), b.len);
	while (rest.len != 0) {
		AC_FREE char *text = NULL;

		(void)ac_str_cut(&rest, '\n', &line);
		line = ac_str_trim(line);
		if (line.len == 0 || line.p[0] == '#' || line.p[0] == ';')
			continue;
		text = ac_xstrndup(line.p, line.len);
		if (set_once(env, text, file, err) < 0)
			return -1;
	}
	return 0;
}

int env_from_flags(struct ac_strv *out, const struct ac_strv *files,
		   const struct ac_strv *set, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv flags = AC_STRV_INIT;

	for (size_t i = 0; i < files->n; i++)
		if (from_file(out, files->v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < set->n; i++)
		if (set_once(&flags, set->v[i], "--set-env", err) < 0)
			return -1;
	for (size_t i = 0; i < flags.n; i++)
		if (env_set_text(out, flags.v[i], "--set-env", err) < 0)
			return -1;
	return 0;
}

void env_defaults(struct ac_strv *env, bool tty)
{
	static const char defaults[][2][64] = {
		{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
			 "/sbin:/bin"},
		{"SHELL", "/bin/sh"},
		{"USER", "root"},
		{"LOGNAME", "root"},
		{"HOME", "/root"},
	};
	const char *term = getenv("TERM");

	for (size_t i = 0; i < AC_LEN(defaults); i++)
		env_set(env, ac_str(defaults[i][0]), defaults[i][1], false);
	if (tty)
		env_set(env, ac_str("TERM"), term != NULL ? term : "vt100",
			false);
	env_set(env, ac_str("container"), "acrun", true);
}

void env_inherit(struct ac_strv *env)
{
	for (char **e = environ; e != NULL && *e != NULL; e++) {
		struct ac_str rest = ac_str(*e);
		struct ac_str name;

		/* A name that the specification has no room for stays
		 * behind. */
		if (ac_str_cut(&rest, '=', &name) && name_ok(name))
			env_set(env, name, rest.p, false);
	}
}
