/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that change configuration, annotations and tags of an image in
 * OCI mode. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acbuild/edit.h"
#include "acbuild/oci.h"
#include "acbuild/work.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/codec/json.h"
#include "common/image/oci.h"

#define MOUNT "coreos.com/acbuild/mount/"
#define PORT  "coreos.com/acbuild/port/"

struct oci_edit {
	const char *command; /* by its full name */
	int (*apply)(struct ac_json *doc, const struct oci_edit *e,
		     const struct ac_call *c, struct ac_err *err);
	const char *what; /* a member, or what is not supported */
};

/* Member KEY of O, made when it is not there or null; NULL when it is something
 * else. */
static struct ac_json *member(struct ac_json *o, const char *key,
			      enum ac_json_type type, struct ac_err *err)
{
	struct ac_json *v = ac_json_get(o, key);

	if (v == NULL || ac_json_type(v) == AC_JSON_NULL) {
		v = type == AC_JSON_ARRAY ? ac_json_array() : ac_json_object();
		ac_json_set(o, key, v);
	}
	if (ac_json_type(v) == type)
		return v;
	(void)ac_err_set(err, AC_E_INVALID,
			 "the image's '%s' is %s, not %s; replace-manifest "
			 "takes a better configuration",
			 key, ac_json_type_name(ac_json_type(v)),
			 ac_json_type_name(type));
	return NULL;
}

/* The member `config` of the configuration: how it runs. */
static struct ac_json *run_of(struct ac_json *doc, struct ac_err *err)
{
	return member(ac_json_get(doc, "config"), "config", AC_JSON_OBJECT,
		      err);
}

/* Member KEY of that. */
static struct ac_json *in_run(struct ac_json *doc, const char *key,
			      enum ac_json_type type, struct ac_err *err)
{
	struct ac_json *run = run_of(doc, err);

	return run != NULL ? member(run, key, type, err) : NULL;
}

/* An empty member is none. */
static void tidy(struct ac_json *o, const char *key)
{
	if (ac_json_len(ac_json_get(o, key)) == 0)
		ac_json_del(o, key);
}

static int not_found(const char *name, struct ac_err *err)
{
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "element to be removed does not exist in this "
			  "image: '%s'",
			  name);
}

static int refuse(struct ac_json *doc, const struct oci_edit *e,
		  const struct ac_call *c, struct ac_err *err)
{
	(void)doc;
	(void)c;
	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "oci build mode does not support %s", e->what);
}

/* --- what runs --- */

static int set_exec(struct ac_json *doc, const struct oci_edit *e,
		    const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *run = run_of(doc, err);
	struct ac_json *entry;
	struct ac_json *args;

	(void)e;
	if (run == NULL)
		return -1;
	entry = ac_json_array();
	ac_json_push_str(entry, c->argv[0]);
	ac_json_set(run, "Entrypoint", entry);
	args = ac_json_array();
	for (int i = 1; i < c->argc; i++)
		ac_json_push_str(args, c->argv[i]);
	ac_json_set(run, "Cmd", args);
	tidy(run, "Cmd");
	return 0;
}

/* "USER[:GROUP]" in its two parts; a group alone is of user 0. */
static int set_owner(struct ac_json *doc, const struct oci_edit *e,
		     const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *run = run_of(doc, err);
	const char *arg = c->argv[0];
	bool group = strcmp(e->what, "group") == 0;
	AC_FREE char *text = NULL;
	struct ac_str rest;
	struct ac_str user;

	if (run == NULL)
		return -1;
	if (arg[0] == '\0')
		return ac_err_set(err, AC_E_INVALID, "%s cannot be empty",
				  e->what);
	if (strchr(arg, ':') != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "%s cannot contain a ':' character", e->what);
	rest = ac_str(ac_json_text(ac_json_get(run, "User"), NULL));
	(void)ac_str_cut(&rest, ':', &user);
	if (group)
		text = ac_xasprintf("%.*s:%s", (int)(user.len ? user.len : 1),
				    user.len ? user.p : "0", arg);
	else
		text = ac_xasprintf("%s%s%.*s", arg, rest.len ? ":" : "",
				    AC_STR_FMT(rest));
	ac_json_set_str(run, "User", text);
	return 0;
}

static int set_directory(struct ac_json *doc, const struct oci_edit *e,
			 const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *run = run_of(doc, err);

	(void)e;
	if (run == NULL)
		return -1;
	if (c->argv[0][0] == '\0')
		ac_json_del(run, "WorkingDir");
	else if (c->argv[0][0] == '/')
		ac_json_set_str(run, "WorkingDir", c->argv[0]);
	else
		return ac_err_set(err, AC_E_INVALID,
				  "workingDirectory must be an absolute path, "
				  "not '%s'",
				  c->argv[0]);
	return 0;
}

/* The element of Env that sets NAME, or its length. */
static size_t find_env(const struct ac_json *env, const char *name)
{
	size_t n = strlen(name);
	size_t i = 0;

	for (; i < ac_json_len(env); i++) {
		const char *s = ac_json_text(ac_json_at(env, i), NULL);

		if (s != NULL && strncmp(s, name, n) == 0 &&
		    (s[n] == '=' || s[n] == '\0'))
			break;
	}
	return i;
}

static int add_env(struct ac_json *doc, const struct oci_edit *e,
		   const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *env = in_run(doc, e->what, AC_JSON_ARRAY, err);
	AC_FREE char *text = ac_xasprintf("%s=%s", c->argv[0], c->argv[1]);
	size_t i;

	if (env == NULL)
		return -1;
	if (c->argv[0][0] == '\0' || strchr(c->argv[0], '=') != NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is no name for a variable", c->argv[0]);
	i = find_env(env, c->argv[0]);
	if (i == ac_json_len(env))
		ac_json_push_str(env, text);
	else
		ac_json_replace(env, i, ac_json_str(text));
	return 0;
}

static int remove_env(struct ac_json *doc, const struct oci_edit *e,
		      const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *env = in_run(doc, e->what, AC_JSON_ARRAY, err);
	size_t i;

	if (env == NULL)
		return -1;
	i = find_env(env, c->argv[0]);
	if (i == ac_json_len(env))
		return not_found(c->argv[0], err);
	ac_json_remove(env, i);
	tidy(run_of(doc, err), e->what);
	return 0;
}

/* --- labels, annotations, tags --- */

static struct ac_json *pairs(struct ac_json *doc, const struct oci_edit *e,
			     struct ac_err *err)
{
	return strcmp(e->what, "annotations") == 0
		       ? ac_json_get(doc, "annotations")
		       : in_run(doc, e->what, AC_JSON_OBJECT, err);
}

static int add_pair(struct ac_json *doc, const struct oci_edit *e,
		    const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *o = pairs(doc, e, err);

	if (o == NULL)
		return -1;
	if (c->argv[0][0] == '\0')
		return ac_err_set(err, AC_E_INVALID, "name cannot be empty");
	ac_json_set_str(o, c->argv[0], c->argv[1]);
	return 0;
}

static int remove_pair(struct ac_json *doc, const struct oci_edit *e,
		       const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *o = pairs(doc, e, err);

	if (o == NULL)
		return -1;
	if (ac_json_get(o, c->argv[0]) == NULL)
		return not_found(c->argv[0], err);
	ac_json_del(o, c->argv[0]);
	if (strcmp(e->what, "annotations") != 0)
		tidy(run_of(doc, err), e->what);
	return 0;
}

/* The grammar of org.opencontainers.image.ref.name (image-spec annotations.md):
 * letters and digits, between them separators. */
static bool is_ref(const char *s)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t n = strlen(s);

	if (n == 0 || n > 255 || strchr(alnum, s[0]) == NULL ||
	    strchr(alnum, s[n - 1]) == NULL || strstr(s, "//") != NULL)
		return false;
	while (*s != '\0') {
		s += strspn(s, alnum);
		n = strspn(s, "-._:@/+");
		if (n == 0 && *s != '\0')
			return false;
		s += n;
	}
	return true;
}

static int set_tag(struct ac_json *doc, const struct oci_edit *e,
		   const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *tags = ac_json_get(doc, "tags");

	(void)e;
	if (!is_ref(c->argv[0]))
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is no tag: letters and digits, and "
				  "between them '-', '.', '_', ':', '@', '/', "
				  "'+'",
				  c->argv[0]);
	for (size_t i = 0; i < ac_json_len(tags); i++)
		if (strcmp(ac_json_text(ac_json_at(tags, i), NULL),
			   c->argv[0]) == 0)
			return 0;
	ac_json_push_str(tags, c->argv[0]);
	return 0;
}

/* --- mount points and ports --- */

/* Both are a key in a set of the configuration, and an annotation that gives
 * it a name. */
struct named {
	const char *set;    /* "Volumes" */
	const char *prefix; /* of the annotation */
	const char *name;
	const char *key;
	const char *value; /* of the annotation */
};

/* The annotations with the prefix of which the name is NAME or the value VALUE
 * (each may be NULL) go; the key of the last one's VALUE is in *key (caller
 * frees). */
static bool drop_notes(struct ac_json *notes, const char *prefix,
		       const char *name, const char *value, char **found)
{
	size_t n = strlen(prefix);
	struct ac_json *v;
	const char *key;
	void *it = NULL;
	bool any = false;

	while (ac_json_each(notes, &it, &key, &v)) {
		const char *text = ac_json_text(v, NULL);
		AC_FREE char *gone = NULL;

		if (strncmp(key, prefix, n) != 0 || text == NULL ||
		    !((name != NULL && strcmp(key + n, name) == 0) ||
		      (value != NULL && strcmp(text, value) == 0)))
			continue;
		free(*found);
		*found = ac_xstrdup(text);
		gone = ac_xstrdup(key);
		ac_json_del(notes, gone);
		it = NULL;
		any = true;
	}
	return any;
}

/* The key of the set that an annotation's value speaks of.  Caller frees. */
static char *key_of(const char *prefix, const char *value)
{
	char number[8];
	char proto[32];

	if (strcmp(prefix, MOUNT) == 0)
		return strncmp(value, "path:", 5) == 0 ? ac_xstrdup(value + 5)
						       : NULL;
	return sscanf(value, "number:%5[0-9] protocol:%30s", number, proto) == 2
		       ? ac_xasprintf("%s/%s", number, proto)
		       : NULL;
}

static int add_named(struct ac_json *doc, const struct named *n,
		     struct ac_err *err)
{
	struct ac_json *notes = ac_json_get(doc, "annotations");
	struct ac_json *set = in_run(doc, n->set, AC_JSON_OBJECT, err);
	AC_FREE char *note = ac_xasprintf("%s%s", n->prefix, n->name);
	AC_FREE char *old = NULL;
	AC_FREE char *key = NULL;

	if (set == NULL)
		return -1;
	if (n->name[0] == '\0')
		return ac_err_set(err, AC_E_INVALID, "name cannot be empty");
	/* What had the name, or was the same under another one. */
	if (drop_notes(notes, n->prefix, n->name, NULL, &old)) {
		key = key_of(n->prefix, old);
		if (key != NULL)
			ac_json_del(set, key);
	}
	(void)drop_notes(notes, n->prefix, NULL, n->value, &old);
	ac_json_set(set, n->key, ac_json_object());
	ac_json_set_str(notes, note, n->value);
	return 0;
}

static int add_mount(struct ac_json *doc, const struct oci_edit *e,
		     const struct ac_call *c, struct ac_err *err)
{
	const struct mount_opts *o = c->opts;
	AC_FREE char *value = ac_xasprintf("path:%s", c->argv[1]);
	const struct named n = {.set = e->what,
				.prefix = MOUNT,
				.name = c->argv[0],
				.key = c->argv[1],
				.value = value};

	if (o->read_only)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "oci build mode does not support read only "
				  "mounts");
	if (c->argv[1][0] != '/')
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' must be an absolute path", c->argv[1]);
	return add_named(doc, &n, err);
}

static int add_port(struct ac_json *doc, const struct oci_edit *e,
		    const struct ac_call *c, struct ac_err *err)
{
	const struct port_opts *o = c->opts;
	AC_FREE char *key = NULL;
	AC_FREE char *value = NULL;
	struct named n = {.set = e->what, .prefix = PORT, .name = c->argv[0]};
	uint64_t number;

	if (o->count != NULL && strcmp(o->count, "1") != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "oci build mode does not support port "
				  "counts");
	if (o->socket_activated)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "oci build mode does not support socket "
				  "activated ports");
	if (ac_num_max(ac_str(c->argv[2]), 65535, &number) < 0 || number == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "port must be a positive number between 0 "
				  "and 65535");
	if (strcmp(c->argv[1], "tcp") != 0 && strcmp(c->argv[1], "udp") != 0 &&
	    strcmp(c->argv[1], "sctp") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "protocol must be tcp, udp or sctp, not '%s'",
				  c->argv[1]);
	n.key = key = ac_xasprintf("%u/%s", (unsigned int)number, c->argv[1]);
	n.value = value = ac_xasprintf("number:%u protocol:%s",
				       (unsigned int)number, c->argv[1]);
	return add_named(doc, &n, err);
}

/* The key of SET that a user names by all of it, or a port by its number.
 * Caller frees. */
static char *find_key(const struct ac_json *set, const char *prefix,
		      const char *arg)
{
	struct ac_json *v;
	const char *key;
	void *it = NULL;
	size_t n = strlen(arg);

	while (ac_json_each(set, &it, &key, &v))
		if (strcmp(key, arg) == 0 ||
		    (strcmp(prefix, PORT) == 0 && n != 0 &&
		     strncmp(key, arg, n) == 0 && key[n] == '/'))
			return ac_xstrdup(key);
	return NULL;
}

static int remove_named(struct ac_json *doc, const struct oci_edit *e,
			const struct ac_call *c, struct ac_err *err)
{
	const char *prefix = strcmp(e->what, "Volumes") == 0 ? MOUNT : PORT;
	struct ac_json *notes = ac_json_get(doc, "annotations");
	struct ac_json *set = in_run(doc, e->what, AC_JSON_OBJECT, err);
	AC_FREE char *old = NULL;
	AC_FREE char *key = NULL;
	AC_FREE char *value = NULL;
	const char *slash;

	if (set == NULL)
		return -1;
	if (drop_notes(notes, prefix, c->argv[0], NULL, &old)) {
		key = key_of(prefix, old);
	} else {
		key = find_key(set, prefix, c->argv[0]);
		if (key == NULL)
			return not_found(c->argv[0], err);
		slash = strchr(key, '/');
		value = strcmp(prefix, MOUNT) == 0
				? ac_xasprintf("path:%s", key)
				: ac_xasprintf("number:%.*s protocol:%s",
					       (int)(slash != NULL ? slash - key
								   : 0),
					       key,
					       slash != NULL ? slash + 1 : "");
		(void)drop_notes(notes, prefix, NULL, value, &old);
	}
	if (key != NULL)
		ac_json_del(set, key);
	tidy(run_of(doc, err), e->what);
	return 0;
}

/* --- all of it --- */

/* The configuration becomes what is in the file; the layers stay. */
static int replace(struct ac_json *doc, const struct oci_edit *e,
		   const struct ac_call *c, struct ac_err *err)
{
	struct ac_json *file = read_manifest(AT_FDCWD, c->argv[0], err);
	const struct ac_json *run;

	(void)e;
	if (file == NULL)
		return -1;
	run = ac_json_get(file, "config");
	if ((run != NULL && ac_json_type(run) != AC_JSON_OBJECT) ||
	    ac_json_text(ac_json_get(file, "os"), NULL) == NULL ||
	    ac_json_text(ac_json_get(file, "architecture"), NULL) == NULL) {
		ac_json_free(file);
		return ac_err_set(err, AC_E_INVALID,
				  "'%s' is not an OCI image configuration: it "
				  "must have 'os' and 'architecture', and "
				  "'config' be an object",
				  c->argv[0]);
	}
	ac_json_del(file, "rootfs");
	ac_json_del(file, "history");
	ac_json_set(doc, "config", file);
	return 0;
}

/* clang-format off */
static const struct oci_edit edits[] = {
	{"set-name", refuse, "names; 'set-tag' names the image in its layout"},
	{"set-exec", set_exec, NULL},
	{"set-user", set_owner, "user"},
	{"set-group", set_owner, "group"},
	{"set-working-directory", set_directory, NULL},
	{"set-supp-groups", refuse, "supplementary groups"},
	{"set-event-handler pre-start", refuse, "event handlers"},
	{"set-event-handler post-stop", refuse, "event handlers"},
	{"set-tag", set_tag, NULL},
	{"label add", add_pair, "Labels"},
	{"label remove", remove_pair, "Labels"},
	{"annotation add", add_pair, "annotations"},
	{"annotation remove", remove_pair, "annotations"},
	{"environment add", add_env, "Env"},
	{"environment remove", remove_env, "Env"},
	{"mount add", add_mount, "Volumes"},
	{"mount remove", remove_named, "Volumes"},
	{"port add", add_port, "ExposedPorts"},
	{"port remove", remove_named, "ExposedPorts"},
	{"dependency add", refuse, "dependencies; begin with the image below"},
	{"dependency remove", refuse, "dependencies"},
	{"isolator add", refuse, "isolators"},
	{"isolator remove", refuse, "isolators"},
	{"replace-manifest", replace, NULL},
};
/* clang-format on */

int oci_edit(struct work *w, const struct ac_call *c, struct ac_err *err)
{
	if (edit_check_text(c, err) < 0)
		return -1;
	for (size_t i = 0; i < AC_LEN(edits); i++)
		if (strcmp(edits[i].command, c->path) == 0)
			return edits[i].apply(w->doc, &edits[i], c, err);
	return ac_err_set(err, AC_E_UNSUPPORTED,
			  "oci build mode does not support %s", c->path);
}
