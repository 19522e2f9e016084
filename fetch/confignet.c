/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/confignet.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "common/store/config.h"
#include "common/sys/io.h"
#include "common/sys/path.h"

enum { MAX_NETS = 4096, MAX_FILE = 1 << 20 };

/* What every network of CNI has: a name, and a plugin or several. */
static int check(const struct ac_json *doc, bool list, const char **name,
		 struct ac_err *err)
{
	struct ac_json *plugins = NULL;
	const char *type = NULL;

	if (ac_json_type(doc) != AC_JSON_OBJECT)
		return ac_err_at(err, "", "", "expected an object, found %s",
				 ac_json_type_name(ac_json_type(doc)));
	if (ac_config_want(doc, "", "name", name, err) < 0)
		return -1;
	if (!list)
		return ac_config_want(doc, "", "type", &type, err);
	if (ac_json_get_array(doc, "", "plugins", &plugins, err) < 0)
		return -1;
	return ac_json_len(plugins) != 0
		       ? 0
		       : ac_err_at(err, "", "plugins",
				   "is missing or empty; expected an array of "
				   "plugins");
}

static int add(struct ac_json *out, const char *path, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_FILE);
	AC_JSON struct ac_json *doc = NULL;
	struct ac_json *o = NULL;
	const char *name = "";

	if (ac_io_read_regular(AT_FDCWD, path, &text, err) < 0)
		return ac_err_ctx(err, "configuration");
	doc = ac_config_json(path, ac_buf_str(&text), text.len, err);
	if (doc == NULL)
		return -1;
	if (check(doc, ac_str_ends(ac_str(path), "list"), &name, err) < 0)
		return ac_config_locate(path, ac_buf_str(&text), text.len, err);
	o = ac_json_object();
	ac_json_set_str(o, "name", name);
	ac_json_set_str(o, "file", path);
	ac_json_push(out, o);
	return 0;
}

static bool is_net(const char *name)
{
	return name[0] != '.' && (ac_str_ends(ac_str(name), ".conf") ||
				  ac_str_ends(ac_str(name), ".conflist"));
}

static int add_dir(struct ac_json *out, const char *dir, struct ac_err *err)
{
	AC_FREE char *path = ac_path_join(dir, "net.d");
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	AC_CLOSEDIR DIR *d = opendir(path);
	const struct dirent *e;

	if (d == NULL && errno == ENOENT)
		return 0;
	if (d == NULL)
		return ac_err_sys(err, errno, "configuration '%s'", path);
	while (errno = 0, (e = readdir(d)) != NULL && names.n < MAX_NETS)
		if (is_net(e->d_name))
			ac_strv_push(&names, e->d_name);
	if (errno != 0)
		return ac_err_sys(err, errno, "read '%s'", path);
	ac_strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		AC_FREE char *file = ac_path_join(path, names.v[i]);

		if (add(out, file, err) < 0)
			return -1;
	}
	return 0;
}

int confignet_list(struct ac_json *out, const struct ac_config *c,
		   struct ac_err *err)
{
	struct ac_config_dir dirs[AC_CONFIG_DIRS];
	size_t n = ac_config_dirs(c, dirs);

	for (size_t i = 0; i < n; i++)
		if (!dirs[i].rkt && add_dir(out, dirs[i].path, err) < 0)
			return -1;
	return 0;
}
