/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/map.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/set.h"
#include "common/codec/json.h"
#include "common/image/check.h"
#include "common/image/field.h"
#include "common/image/name.h"
#include "common/image/oci.h"
#include "common/sys/path.h"

/* Append {"name": NAME, "value": VALUE}; nothing for a NULL value. */
static void add_pair(struct ac_json *list, const char *name, const char *value)
{
	struct ac_json *o;

	if (value == NULL)
		return;
	o = ac_json_object();
	ac_json_set_str(o, "name", name);
	ac_json_set_str(o, "value", value);
	ac_json_push(list, o);
}

/* Set KEY to LIST if there is something in it. */
static void set_list(struct ac_json *o, const char *key, struct ac_json *list)
{
	if (ac_json_len(list) != 0)
		ac_json_set(o, key, list);
	else
		ac_json_free(list);
}

static struct ac_json *strings(const struct ac_strv *v)
{
	struct ac_json *list = ac_json_array();

	for (size_t i = 0; i < v->n; i++)
		ac_json_push_str(list, v->v[i]);
	return list;
}

/* The keys of an object of the configuration, sorted. */
static int sorted_keys(const struct ac_json *config, const char *key,
		       struct ac_strv *out, struct ac_err *err)
{
	struct ac_json *o = NULL;
	struct ac_json *v;
	const char *k;
	void *it = NULL;

	if (ac_field_object(config, "config", key, &o, err) < 0)
		return -1;
	while (ac_json_each(o, &it, &k, &v))
		ac_strv_push(out, k);
	ac_strv_sort(out);
	return 0;
}

/* A name of its own for each: NAME, NAME-1, NAME-2...  *next counts for all
 * names, so that many equal ones cost no more than others. */
static char *unique_name(struct ac_set *taken, unsigned int *next,
			 const char *name)
{
	char *s = ac_xstrdup(name);

	while (!ac_set_add(taken, s)) {
		free(s);
		s = ac_xasprintf("%s-%u", name, (*next)++);
	}
	return s;
}

static int by_name(const void *a, const void *b)
{
	const struct ac_json *const *x = a;
	const struct ac_json *const *y = b;

	return strcmp(ac_json_text(ac_json_get(*x, "name"), NULL),
		      ac_json_text(ac_json_get(*y, "name"), NULL));
}

/* Set KEY to the N objects, sorted by name; takes them. */
static void set_sorted(struct ac_json *o, const char *key, struct ac_json **v,
		       size_t n)
{
	struct ac_json *list = ac_json_array();

	if (n > 1)
		qsort(v, n, sizeof(struct ac_json *), by_name);
	for (size_t i = 0; i < n; i++)
		ac_json_push(list, v[i]);
	set_list(o, key, list);
}

/* --- ports and volumes --- */

/* "80", "80/tcp", "1000-1002/udp" */
static bool parse_port(const char *text, uint64_t *port, uint64_t *last,
		       struct ac_str *protocol)
{
	struct ac_str s = ac_str(text);
	struct ac_str range;
	struct ac_str first;

	*protocol = ac_str("tcp");
	if (ac_str_cut(&s, '/', &range)) {
		*protocol = s;
		if (s.len == 0 || s.len > 16 || !ac_str_plain(s))
			return false;
	}
	s = range;
	if (!ac_str_cut(&s, '-', &first))
		s = first;
	return ac_num_max(first, 65535, port) == 0 && *port != 0 &&
	       ac_num_max(s, 65535, last) == 0 && *last >= *port;
}

/* An entry of the app for KEY of the configuration, without its name yet, and
 * *name, which it should get; NULL with a warning when there is none. */
typedef struct ac_json *(*map_fn)(const char *key, char **name);

static struct ac_json *map_port(const char *key, char **name)
{
	AC_FREE char *proto = NULL;
	struct ac_json *port;
	struct ac_str protocol;
	uint64_t first;
	uint64_t last;

	*name = ac_name_sanitize(key);
	if (*name == NULL || !parse_port(key, &first, &last, &protocol)) {
		ac_warn("exposed port '%s' is left out: not a port", key);
		return NULL;
	}
	proto = ac_xstrndup(protocol.p, protocol.len);
	port = ac_json_object();
	ac_json_set_str(port, "name", "");
	ac_json_set_str(port, "protocol", proto);
	ac_json_set_int(port, "port", (int64_t)first);
	ac_json_set_int(port, "count", (int64_t)(last - first + 1));
	ac_json_set(port, "socketActivated", ac_json_new_bool(false));
	return port;
}

static struct ac_json *map_volume(const char *key, char **name)
{
	AC_FREE char *clean = ac_path_clean(key);
	AC_FREE char *joined = NULL;
	AC_FREE char *path = NULL;
	struct ac_json *mount;

	if (clean == NULL) {
		ac_warn("volume '%s' is left out: not a path", key);
		return NULL;
	}
	joined = ac_xasprintf("volume/%s", clean);
	*name = ac_name_sanitize(joined);
	if (key[0] == '/' && !ac_path_has_dotdot(key))
		path = ac_xstrdup(key);
	else
		path = ac_xasprintf("/%s", clean);
	mount = ac_json_object();
	ac_json_set_str(mount, "name", "");
	ac_json_set_str(mount, "path", path);
	return mount;
}

/* The keys of the configuration's object FROM as the app's array TO, each with
 * a name of its own. */
static int map_keys(const struct ac_json *config, const char *from,
		    struct ac_json *app, const char *to, map_fn map,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv keys = AC_STRV_INIT;
	AC_CLEANUP(ac_set_release) struct ac_set taken = AC_SET_INIT;
	unsigned int next = 1;
	AC_FREE struct ac_json **v = NULL;
	size_t n = 0;

	if (sorted_keys(config, from, &keys, err) < 0)
		return -1;
	v = ac_xcalloc(keys.n + 1, sizeof(struct ac_json *));
	for (size_t i = 0; i < keys.n; i++) {
		AC_FREE char *name = NULL;
		AC_FREE char *own = NULL;
		struct ac_json *entry = map(keys.v[i], &name);

		if (entry == NULL)
			continue;
		own = unique_name(&taken, &next, name);
		ac_json_set_str(entry, "name", own);
		v[n++] = entry;
	}
	set_sorted(app, to, v, n);
	return 0;
}

/* --- the rest of the app --- */

static void set_user(struct ac_json *app, const char *text)
{
	struct ac_str group = ac_str(text);
	struct ac_str user;
	bool has_group = ac_str_cut(&group, ':', &user) && group.len != 0;
	AC_FREE char *u = NULL;
	AC_FREE char *g = NULL;

	if (user.len == 0)
		user = ac_str("0");
	/* appc cannot say "the user's own group", which OCI means here.  Its
	 * name is mostly that of the user. */
	if (!has_group)
		group = user;
	u = ac_xstrndup(user.p, user.len);
	g = ac_xstrndup(group.p, group.len);
	ac_json_set_str(app, "user", u);
	ac_json_set_str(app, "group", g);
}

/* Of several values of a name the last counts, where the first stood. */
static void map_environment(const struct ac_strv *env, struct ac_json *app)
{
	AC_CLEANUP(ac_map_release) struct ac_map seen = AC_MAP_INIT;
	struct ac_json *list = ac_json_array();

	for (size_t i = 0; i < env->n; i++) {
		struct ac_str value = ac_str(env->v[i]);
		struct ac_str key;
		bool has_value = ac_str_cut(&value, '=', &key);
		AC_FREE char *name = ac_xstrndup(key.p, key.len);
		struct ac_json *before = ac_map_get(&seen, key.p, key.len);

		if (!has_value || !ac_check_env_name(name)) {
			ac_warn("environment variable '%s' is left out: %s",
				name,
				has_value ? "appc allows letters, digits, _ . "
					    "and -, and no digit . or - first"
					  : "it has no value");
			continue;
		}
		if (before != NULL) {
			ac_json_set_str(before, "value", value.p);
			continue;
		}
		add_pair(list, name, value.p);
		ac_map_put(&seen, key.p, key.len,
			   ac_json_at(list, ac_json_len(list) - 1));
	}
	set_list(app, "environment", list);
}

static int map_labels(const struct ac_json *config, struct ac_json *app,
		      struct ac_err *err)
{
	struct ac_pairs labels = {.v = NULL};
	struct ac_json *o;

	if (ac_field_map(config, "config", "Labels", &labels, err) < 0)
		return -1;
	o = ac_json_object();
	for (size_t i = 0; i < labels.n; i++)
		ac_json_set_str(o, labels.v[i].name, labels.v[i].value);
	free(labels.v);
	set_list(app, "userLabels", o);
	return 0;
}

static void set_working_directory(struct ac_json *app, const char *dir)
{
	AC_FREE char *path = NULL;

	if (dir[0] == '\0')
		return;
	path = ac_xasprintf("%s%s", dir[0] == '/' ? "" : "/", dir);
	ac_json_set_str(app, "workingDirectory", path);
}

/* ARGS as the text of a JSON array, for an annotation; NULL when empty. */
static char *json_text(const struct ac_strv *args)
{
	AC_JSON struct ac_json *list = strings(args);
	struct ac_buf b = AC_BUF_INIT(AC_JSON_MAX_BYTES);

	if (args->n == 0)
		return NULL;
	ac_json_write(list, 0, true, &b);
	return ac_buf_steal(&b);
}

/* Fill APP, and append to NOTES what Docker knew beyond it. */
static int map_config(const struct ac_json *doc, struct ac_json *app,
		      struct ac_json *notes, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv entrypoint = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv cmd = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv exec = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv env = AC_STRV_INIT;
	AC_FREE char *entrypoint_text = NULL;
	AC_FREE char *cmd_text = NULL;
	struct ac_json *config = NULL;
	const char *user = "";
	const char *dir = "";

	if (ac_field_object(doc, "", "config", &config, err) < 0 ||
	    ac_field_strings(config, "config", "Entrypoint", &entrypoint, err) <
		    0 ||
	    ac_field_strings(config, "config", "Cmd", &cmd, err) < 0 ||
	    ac_field_strings(config, "config", "Env", &env, err) < 0 ||
	    ac_field_str(config, "config", "User", &user, err) < 0 ||
	    ac_field_str(config, "config", "WorkingDir", &dir, err) < 0)
		return -1;
	for (size_t i = 0; i < entrypoint.n; i++)
		ac_strv_push(&exec, entrypoint.v[i]);
	for (size_t i = 0; i < cmd.n; i++)
		ac_strv_push(&exec, cmd.v[i]);
	ac_json_set(app, "exec", exec.n != 0 ? strings(&exec) : ac_json_null());
	set_user(app, user);
	set_working_directory(app, dir);
	map_environment(&env, app);
	entrypoint_text = json_text(&entrypoint);
	cmd_text = json_text(&cmd);
	add_pair(notes, "appc.io/docker/entrypoint", entrypoint_text);
	add_pair(notes, "appc.io/docker/cmd", cmd_text);
	if (map_keys(config, "Volumes", app, "mountPoints", map_volume, err) <
		    0 ||
	    map_keys(config, "ExposedPorts", app, "ports", map_port, err) < 0 ||
	    map_labels(config, app, err) < 0)
		return -1;
	return 0;
}

static struct ac_json *map_platform(const struct ac_oci_config *c,
				    const struct ac_oci_source *src)
{
	struct ac_json *labels = ac_json_array();
	const char *arch = NULL;

	add_pair(labels, "version", src->tag);
	if (c->os != NULL && c->arch != NULL) {
		arch = ac_arch_from_go(c->os, c->arch, c->variant);
		if (arch == NULL) {
			arch = c->arch;
			ac_warn("platform %s/%s has no name in appc 0.8.11; "
				"the arch label is '%s'",
				c->os, c->arch, arch);
		}
	}
	add_pair(labels, "os", c->os);
	add_pair(labels, "arch", arch);
	return labels;
}

static void map_origin(const struct ac_oci_config *c,
		       const struct ac_oci_source *src, struct ac_json *notes)
{
	struct ac_err why = AC_ERR_INIT;

	add_pair(notes, "authors", c->author);
	if (c->created != NULL &&
	    ac_check_date(c->created, "created", NULL, &why) < 0)
		ac_warn("left out: %s", why.msg);
	else
		add_pair(notes, "created", c->created);
	add_pair(notes, "appc.io/docker/originalname", src->original);
	add_pair(notes, "appc.io/docker/registryurl", src->registry);
	add_pair(notes, "appc.io/docker/repository", src->repository);
	add_pair(notes, "appc.io/docker/tag", src->tag);
	add_pair(notes, "appc.io/docker/imageid", src->image_id);
	add_pair(notes, "appc.io/docker/manifesthash", src->manifest_digest);
}

struct ac_json *ac_oci_to_appc(const struct ac_oci_config *c,
			       const struct ac_oci_source *src,
			       struct ac_err *err)
{
	struct ac_json *doc = ac_json_object();
	struct ac_json *app = ac_json_object();
	struct ac_json *notes = ac_json_array();

	map_origin(c, src, notes);
	ac_json_set_str(doc, "acKind", "ImageManifest");
	ac_json_set_str(doc, "acVersion", "0.8.11");
	ac_json_set_str(doc, "name", src->name);
	set_list(doc, "labels", map_platform(c, src));
	if (map_config(c->doc, app, notes, err) < 0) {
		ac_json_free(notes);
		ac_json_free(app);
		ac_json_free(doc);
		return NULL;
	}
	ac_json_set(doc, "app", app);
	set_list(doc, "annotations", notes);
	return doc;
}
