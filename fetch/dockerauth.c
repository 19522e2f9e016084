/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/dockerauth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/field.h"
#include "common/sys/io.h"
#include "common/sys/path.h"
#include "common/sys/secret.h"
#include "common/sys/spawn.h"

enum { MAX_FILE = 1 << 20, MAX_ENTRIES = 4096, MAX_ANSWER = 64 << 10 };

static const char store_host[] = "*";

/* --- one file --- */

static void push(struct credentials *out, struct credential *one)
{
	struct credential *more = ac_xcalloc(out->n + 1, sizeof(*more));

	if (out->n != 0)
		memcpy(more, out->v, out->n * sizeof(*more));
	free(out->v);
	out->v = more;
	out->v[out->n++] = *one;
	*one = (struct credential){.host = NULL};
}

/* "https://index.docker.io/v1/" is "index.docker.io"; "host/path" stays. */
static char *plain_key(const char *key)
{
	const char *colon = strstr(key, "://");

	if (colon == NULL)
		return ac_xstrdup(key);
	return ac_xstrndup(colon + 3, strcspn(colon + 3, "/"));
}

/* "auth" is base64 of "user:password". */
static int take_pair(struct credential *c, const char *path, const char *text,
		     struct ac_err *err)
{
	struct ac_str s = ac_str_trim(ac_str(text));
	uint8_t *raw = ac_xcalloc(1, AC_BASE64_ROOM(s.len) + 1);
	size_t n = 0;
	const char *colon = NULL;
	int ret = 0;

	if (ac_base64_decode_bare(s.p, s.len, raw, &n) == 0) {
		raw[n] = '\0';
		colon = strchr((const char *)raw, ':');
	}
	if (colon == NULL) {
		ret = ac_err_at(err, "", path,
				"expected USER:PASSWORD in base64");
	} else {
		free(c->user);
		c->user = ac_xstrndup((const char *)raw,
				      (size_t)(colon - (const char *)raw));
		free(c->password);
		c->password = ac_xstrdup(colon + 1);
	}
	explicit_bzero(raw, AC_BASE64_ROOM(s.len) + 1);
	free(raw);
	return ret;
}

static int take_text(const struct ac_json *o, const char *path, const char *key,
		     char **to, struct ac_err *err)
{
	const char *text = NULL;
	int got = ac_field_str(o, path, key, &text, err);

	if (got > 0 && text[0] != '\0')
		*to = ac_xstrdup(text);
	return got < 0 ? -1 : 0;
}

static int take_entry(struct credential *c, const char *path,
		      const struct ac_json *o, struct ac_err *err)
{
	AC_FREE char *at = ac_xasprintf("%s.auth", path);
	const char *pair = "";

	if (ac_json_type(o) != AC_JSON_OBJECT)
		return ac_err_at(err, "", path, "expected an object, found %s",
				 ac_json_type_name(ac_json_type(o)));
	if (take_text(o, path, "username", &c->user, err) < 0 ||
	    take_text(o, path, "password", &c->password, err) < 0 ||
	    take_text(o, path, "identitytoken", &c->identity, err) < 0 ||
	    take_text(o, path, "registrytoken", &c->token, err) < 0 ||
	    ac_field_str(o, path, "auth", &pair, err) < 0)
		return -1;
	return pair[0] != '\0' ? take_pair(c, at, pair, err) : 0;
}

static int room(const struct credentials *out, struct ac_err *err)
{
	if (out->n < MAX_ENTRIES)
		return 0;
	return ac_err_set(err, AC_E_LIMIT, "there are more than %d entries",
			  MAX_ENTRIES);
}

static int take_auths(struct credentials *out, const char *file,
		      const struct ac_json *doc, struct ac_err *err)
{
	struct ac_json *auths = NULL;
	struct ac_json *o;
	const char *key;
	void *it = NULL;
	int got = ac_field_object(doc, "", "auths", &auths, err);

	if (got <= 0)
		return got;
	while (ac_json_each(auths, &it, &key, &o)) {
		AC_FREE char *path = ac_xasprintf("auths.%s", key);
		AC_CLEANUP(credential_release)
		struct credential c = {.kind = AC_CONFIG_DOCKER_AUTH,
				       .host = plain_key(key),
				       .file = ac_xstrdup(file)};

		if (room(out, err) < 0 || take_entry(&c, path, o, err) < 0)
			return -1;
		/* An empty one stands for what a helper has. */
		if (c.user != NULL || c.identity != NULL || c.token != NULL)
			push(out, &c);
	}
	return 0;
}

static bool helper_ok(const char *name)
{
	return name[0] != '\0' && name[0] != '-' && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
			    "XYZ0123456789._-") == strlen(name);
}

static int add_helper(struct credentials *out, const char *file,
		      const char *host, const char *path,
		      const struct ac_json *v, struct ac_err *err)
{
	const char *name = ac_json_text(v, NULL);
	struct credential c = {.kind = AC_CONFIG_DOCKER_AUTH};

	if (room(out, err) < 0)
		return -1;
	if (name == NULL || !helper_ok(name))
		return ac_err_at(err, "", path,
				 "expected NAME, of a program "
				 "docker-credential-NAME");
	c.host = plain_key(host);
	c.helper = ac_xstrdup(name);
	c.file = ac_xstrdup(file);
	push(out, &c);
	return 0;
}

static int take_helpers(struct credentials *out, const char *file,
			const struct ac_json *doc, struct ac_err *err)
{
	struct ac_json *helpers = NULL;
	struct ac_json *v;
	const char *key;
	void *it = NULL;
	int got = ac_field_object(doc, "", "credHelpers", &helpers, err);

	if (got < 0)
		return -1;
	while (got > 0 && ac_json_each(helpers, &it, &key, &v)) {
		AC_FREE char *path = ac_xasprintf("credHelpers.%s", key);

		if (add_helper(out, file, key, path, v, err) < 0)
			return -1;
	}
	v = ac_json_get(doc, "credsStore");
	if (v == NULL || ac_json_type(v) == AC_JSON_NULL ||
	    (ac_json_text(v, NULL) != NULL && ac_json_text(v, NULL)[0] == '\0'))
		return 0;
	return add_helper(out, file, store_host, "credsStore", v, err);
}

int dockerauth_parse(const char *path, const char *text, size_t len,
		     struct credentials *out, struct ac_err *err)
{
	struct ac_json *doc = ac_json_parse(text, len, "file", err);
	int ret = -1;

	if (doc != NULL && ac_json_type(doc) != AC_JSON_OBJECT)
		(void)ac_err_at(err, "", "", "expected an object, found %s",
				ac_json_type_name(ac_json_type(doc)));
	else if (doc != NULL && take_helpers(out, path, doc, err) == 0)
		ret = take_auths(out, path, doc, err);
	if (ret < 0)
		(void)ac_config_locate(path, text, len, err);
	ac_json_wipe(doc);
	return ret;
}

/* --- the files --- */

static char *in_home(const char *variable, const char *below_it,
		     const char *below_home)
{
	const char *dir = getenv(variable);
	const char *home = getenv("HOME");

	if (dir != NULL && dir[0] == '/')
		return ac_path_join(dir, below_it);
	return ac_path_join(home != NULL && home[0] == '/' ? home : "/",
			    below_home);
}

static void list_files(struct ac_strv *files)
{
	const char *only = getenv("REGISTRY_AUTH_FILE");
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (only != NULL && only[0] != '\0') {
		ac_strv_push(files, only);
		return;
	}
	if (runtime != NULL && runtime[0] == '/')
		ac_strv_pushf(files, "%s/containers/auth.json", runtime);
	else
		ac_strv_pushf(files, "/run/containers/%u/auth.json",
			      (unsigned int)geteuid());
	ac_strv_take(files, in_home("XDG_CONFIG_HOME", "containers/auth.json",
				    ".config/containers/auth.json"));
	ac_strv_take(files, in_home("DOCKER_CONFIG", "config.json",
				    ".docker/config.json"));
}

static int read_one(const char *path, struct credentials *out,
		    struct ac_err *err)
{
	struct ac_buf b = AC_BUF_INIT(MAX_FILE);
	int ret;

	/* All at once: what grows is copied, and the copy not wiped. */
	(void)!ac_buf_room(&b, MAX_FILE);
	ret = ac_io_read_regular(AT_FDCWD, path, &b, err);
	if (ret < 0 && (err->code == AC_E_NOT_FOUND || err->sys == EACCES ||
			err->sys == ENOTDIR)) {
		*err = AC_ERR_INIT;
		ac_buf_release(&b);
		return 0;
	}
	if (ret == 0)
		ret = dockerauth_parse(path, ac_buf_str(&b), b.len, out, err);
	if (b.p != NULL)
		explicit_bzero(b.p, b.cap);
	ac_buf_release(&b);
	if (out->n != 0)
		ac_secret_no_core();
	return ret;
}

static bool listed(const struct credentials *all, const char *host)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].kind == AC_CONFIG_DOCKER_AUTH &&
		    strcmp(all->v[i].host, host) == 0)
			return true;
	return false;
}

int dockerauth_list(struct credentials *out, struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv files = AC_STRV_INIT;

	list_files(&files);
	for (size_t i = 0; i < files.n; i++) {
		AC_CLEANUP(credentials_release)
		struct credentials one = CREDENTIALS_INIT;

		if (read_one(files.v[i], &one, err) < 0)
			return -1;
		for (size_t j = 0; j < one.n; j++)
			if (!listed(out, one.v[j].host))
				push(out, &one.v[j]);
	}
	return 0;
}

/* --- helpers --- */

static int not_ours(const char *program, const char *why, struct ac_err *err)
{
	return ac_err_set(err, AC_E_DENIED, "'%s' %s", program, why);
}

/* {"ServerURL": ..., "Username": ..., "Secret": ...} */
static int take_answer(const char *program, const struct ac_buf *b,
		       struct login *out, struct ac_err *err)
{
	struct ac_err ignored = AC_ERR_INIT;
	struct ac_json *doc =
		ac_json_parse(ac_buf_str(b), b->len, "answer", &ignored);
	const char *user = "";
	const char *secret = "";
	int ret = 0;

	/* Nothing of the answer is told: it may have the secret in it. */
	if (doc == NULL ||
	    ac_json_get_str(doc, "", "Username", &user, &ignored) < 0 ||
	    ac_json_get_str(doc, "", "Secret", &secret, &ignored) != 1)
		ret = not_ours(program, "answers what is not understood", err);
	else if (strcmp(user, "<token>") == 0)
		out->identity = ac_xstrdup(secret);
	else {
		out->user = ac_xstrdup(user);
		out->password = ac_xstrdup(secret);
	}
	ac_json_wipe(doc);
	return ret < 0 ? -1 : 1;
}

/* 1, 0 when it knows none, -1. */
static int ask(const struct credential *c, const char *host,
	       unsigned int seconds, struct login *out, struct ac_err *err)
{
	AC_FREE char *program = ac_xasprintf("docker-credential-%s", c->helper);
	char *const argv[] = {program, (char *)(uintptr_t) "get", NULL};
	const char *url = credentials_hub(ac_str(host))
				  ? "https://index.docker.io/v1/"
				  : host;
	struct ac_buf b = AC_BUF_INIT(MAX_ANSWER);
	int code;
	int ret = -1;

	(void)!ac_buf_room(&b, MAX_ANSWER);
	code = ac_spawn_ask(argv, url, seconds, &b, err);
	if (code == 0)
		ret = take_answer(program, &b, out, err);
	else if (code > 0 && ac_str_eq(ac_str_trim(ac_str(ac_buf_str(&b))),
				       "credentials not found in native "
				       "keychain"))
		ret = 0;
	else if (code > 0)
		(void)ac_err_set(err, AC_E_DENIED,
				 "'%s get' ended with status %d; 'echo %s | "
				 "%s get' shows why",
				 program, code, url, program);
	if (b.p != NULL)
		explicit_bzero(b.p, b.cap);
	ac_buf_release(&b);
	return ret;
}

/* The entry that fits best, of those with a helper or those without. */
static const struct credential *best(const struct credentials *all,
				     const char *host, const char *repository,
				     bool helpers)
{
	const struct credential *hit = NULL;
	size_t fit = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct credential *c = &all->v[i];
		size_t n = credentials_fit(c->host, host, repository);

		if ((c->helper != NULL) == helpers && n > fit) {
			fit = n;
			hit = c;
		}
	}
	return hit;
}

static const struct credential *store_of(const struct credentials *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].helper != NULL &&
		    strcmp(all->v[i].host, store_host) == 0)
			return &all->v[i];
	return NULL;
}

/* 1 when the entries of one file know it, 0, -1. */
static int look(const struct credentials *all, const char *host,
		const char *repository, unsigned int seconds, struct login *out,
		struct ac_err *err)
{
	const struct credential *hit = best(all, host, repository, true);
	struct ac_err why = AC_ERR_INIT;
	int got = hit != NULL ? ask(hit, host, seconds, out, err) : 0;

	if (got != 0)
		return got;
	hit = best(all, host, repository, false);
	if (hit != NULL) {
		out->user = ac_xstrdup(hit->user);
		out->password = ac_xstrdup(hit->password);
		out->identity = ac_xstrdup(hit->identity);
		out->token = ac_xstrdup(hit->token);
		return 1;
	}
	hit = store_of(all);
	got = hit != NULL ? ask(hit, host, seconds, out, &why) : 0;
	/* It is for all registries: most want nothing. */
	if (got < 0)
		ac_warn("no credentials for registry '%s': %s ('credsStore' of "
			"'%s')",
			host, why.msg, hit->file);
	return got > 0 ? 1 : 0;
}

int dockerauth_login(const char *host, const char *repository,
		     unsigned int seconds, struct login *out,
		     struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv files = AC_STRV_INIT;
	int got = 0;

	list_files(&files);
	for (size_t i = 0; got == 0 && i < files.n; i++) {
		AC_CLEANUP(credentials_release)
		struct credentials all = CREDENTIALS_INIT;

		if (read_one(files.v[i], &all, err) < 0)
			return -1;
		got = look(&all, host, repository, seconds, out, err);
	}
	return got < 0 ? -1 : 0;
}
