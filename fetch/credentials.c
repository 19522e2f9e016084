/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/credentials.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/net/auth.h"
#include "common/net/url.h"
#include "common/sys/io.h"

enum { MAX_FILE = 1 << 20 };

/* One file being read. */
struct reading {
	struct credentials *out;
	size_t level;
	const struct ac_json *doc;
	bool registry;
	const char *user, *password, *token;
};

static void forget(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void credential_release(struct credential *c)
{
	free(c->host);
	free(c->user);
	forget(c->password);
	forget(c->token);
}

void credentials_release(struct credentials *c)
{
	for (size_t i = 0; i < c->n; i++)
		credential_release(&c->v[i]);
	free(c->v);
	*c = CREDENTIALS_INIT;
}

static struct credential *find(const struct credentials *c, bool registry,
			       const char *host)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].registry == registry &&
		    strcasecmp(c->v[i].host, host) == 0)
			return &c->v[i];
	return NULL;
}

static int add(const struct reading *r, const char *host, struct ac_err *err)
{
	struct credentials *all = r->out;
	struct credential *c = find(all, r->registry, host);

	if (c != NULL && c->level == r->level)
		return ac_err_set(err, AC_E_INVALID,
				  "there are other credentials for '%s' in the "
				  "same directory",
				  host);
	if (c == NULL) {
		all->v = ac_xrealloc(all->v, all->n + 1, sizeof(all->v[0]));
		c = &all->v[all->n++];
	} else {
		credential_release(c);
	}
	*c = (struct credential){.registry = r->registry,
				 .host = ac_xstrdup(host),
				 .user = ac_xstrdup(r->user),
				 .password = ac_xstrdup(r->password),
				 .token = ac_xstrdup(r->token),
				 .level = r->level};
	return 0;
}

static int add_hosts(const struct reading *r, const char *key,
		     struct ac_err *err)
{
	struct ac_json *hosts = NULL;
	int got = ac_json_get_array(r->doc, "", key, &hosts, err);

	if (got < 0)
		return -1;
	if (got == 0 || ac_json_len(hosts) == 0)
		return ac_err_set(err, AC_E_INVALID, "'%s' is missing or empty",
				  key);
	for (size_t i = 0; i < ac_json_len(hosts); i++) {
		const struct ac_json *h = ac_json_at(hosts, i);

		if (ac_json_type(h) != AC_JSON_STRING)
			return ac_err_set(err, AC_E_INVALID,
					  "%s[%zu]: expected a string", key, i);
		if (add(r, ac_json_text(h, NULL), err) < 0)
			return -1;
	}
	return 0;
}

static int want(const struct ac_json *o, const char *key, const char **out,
		struct ac_err *err)
{
	int got = ac_json_get_str(o, "credentials", key, out, err);

	if (got == 0 || (got == 1 && (*out)[0] == '\0'))
		return ac_err_set(err, AC_E_INVALID,
				  "credentials.%s is missing or empty", key);
	return got < 0 ? -1 : 0;
}

static int read_secret(struct reading *r, const char *type, struct ac_err *err)
{
	struct ac_json *o = NULL;
	int got = ac_json_get_object(r->doc, "", "credentials", &o, err);

	if (got < 0)
		return -1;
	if (got == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "'credentials' is missing");
	if (strcmp(type, "oauth") == 0)
		return want(o, "token", &r->token, err);
	if (strcmp(type, "basic") != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "type '%s' is not supported; it is basic or "
				  "oauth",
				  type);
	if (want(o, "user", &r->user, err) < 0)
		return -1;
	return want(o, "password", &r->password, err);
}

static int read_doc(struct reading *r, struct ac_err *err)
{
	const char *kind = "";
	const char *version = "";
	const char *type = "basic";

	if (ac_json_get_str(r->doc, "", "rktKind", &kind, err) < 0 ||
	    ac_json_get_str(r->doc, "", "rktVersion", &version, err) < 0 ||
	    ac_json_get_str(r->doc, "", "type", &type, err) < 0)
		return -1;
	r->registry = strcmp(kind, "dockerAuth") == 0;
	if (!r->registry && strcmp(kind, "auth") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "rktKind '%s': expected auth or dockerAuth",
				  kind);
	if (strcmp(version, "v1") != 0)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "rktVersion '%s': expected v1", version);
	if (read_secret(r, r->registry ? "basic" : type, err) < 0)
		return -1;
	return add_hosts(r, r->registry ? "registries" : "domains", err);
}

static int read_file(int dirfd, const char *name, size_t level,
		     struct credentials *out, struct ac_err *err)
{
	struct ac_buf b = AC_BUF_INIT(MAX_FILE);
	struct reading r = {.out = out, .level = level};
	struct ac_json *doc = NULL;
	int ret = ac_io_read_file(dirfd, name, &b, err);

	if (ret == 0) {
		doc = ac_json_parse(ac_buf_str(&b), b.len, "credentials", err);
		r.doc = doc;
		ret = doc != NULL ? read_doc(&r, err) : -1;
	}
	ac_json_free(doc);
	if (b.p != NULL)
		explicit_bzero(b.p, b.len);
	ac_buf_release(&b);
	return ret;
}

static int list(int fd, struct ac_strv *names, struct ac_err *err)
{
	AC_CLOSEDIR DIR *d = fdopendir(fd);
	const struct dirent *de;

	if (d == NULL) {
		(void)close(fd);
		return ac_err_sys(err, errno, "auth.d");
	}
	while ((de = readdir(d)) != NULL) {
		struct stat st;

		if (ac_str_ends(ac_str(de->d_name), ".json") &&
		    fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			ac_strv_push(names, de->d_name);
	}
	ac_strv_sort(names);
	return 0;
}

static int read_dir(const char *config, size_t level, struct credentials *out,
		    struct ac_err *err)
{
	AC_FREE char *path = ac_xasprintf("%s/auth.d", config);
	AC_CLEANUP(ac_strv_release) struct ac_strv names = AC_STRV_INIT;
	AC_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int copy;

	if (fd < 0 && errno == ENOENT)
		return 0;
	copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
	if (copy < 0)
		return ac_err_sys(err, errno, "open '%s'", path);
	if (list(copy, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (read_file(fd, names.v[i], level, out, err) < 0)
			return ac_err_ctx(err, "'%s/%s'", path, names.v[i]);
	return 0;
}

int credentials_load(const struct globals *g, struct credentials *out,
		     struct ac_err *err)
{
	struct credentials c = CREDENTIALS_INIT;

	if (read_dir(config_system(g), 1, &c, err) < 0 ||
	    read_dir(config_local(g), 2, &c, err) < 0 ||
	    (g->user_config != NULL &&
	     read_dir(g->user_config, 3, &c, err) < 0)) {
		credentials_release(&c);
		return -1;
	}
	*out = c;
	return 0;
}

const struct credential *credentials_registry(const struct credentials *c,
					      const char *host)
{
	static const char *const hub[] = {"registry-1.docker.io",
					  "index.docker.io", "docker.io"};
	const struct credential *hit = find(c, true, host);

	for (size_t i = 0;
	     hit == NULL && strcmp(host, hub[0]) == 0 && i < AC_LEN(hub); i++)
		hit = find(c, true, hub[i]);
	return hit;
}

int credentials_sign(void *ctx, const struct ac_http_exchange *x,
		     struct ac_strv *headers, struct ac_err *err AC_UNUSED)
{
	const struct credentials *c = ctx;
	const struct ac_url *u = x->url;
	const struct credential *hit;
	AC_FREE char *with_port = NULL;

	if (strcmp(u->scheme, "https") != 0 || u->user != NULL)
		return 0;
	with_port = ac_xasprintf("%s:%s", u->host, u->port);
	hit = find(c, false, with_port);
	/* A host without a port means the usual one. */
	if (hit == NULL && strcmp(u->port, "443") == 0)
		hit = find(c, false, u->host);
	if (hit == NULL)
		return 0;
	if (hit->token != NULL)
		ac_strv_pushf(headers, "Authorization: Bearer %s", hit->token);
	else
		ac_strv_take(headers, ac_auth_basic(hit->user, hit->password));
	return 0;
}
