/* SPDX-License-Identifier: Apache-2.0 */
/* One file of auth.d. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/image/field.h"
#include "fetch/credentials.h"

enum {
	MAX_HEADERS = 64,
	MAX_HEADER = 8192,     /* characters */
	MAX_SECRET = 16 << 10, /* of one, and of all headers */
	MAX_HOST = 300,
};

/* The file being read. */
struct reading {
	struct credentials *out;
	const struct ac_config_file *f;
	const struct ac_json *secrets; /* its "credentials" */
	struct credential one;         /* what each host gets; host apart */
};

static bool visible(char c)
{
	return c > ' ' && c < 0x7f;
}

/* What may not be in the text at PATH. */
static int refuse(const char *path, const char *text, bool (*ok)(char),
		  const char *what, struct ac_err *err)
{
	for (const char *c = text; *c != '\0'; c++)
		if (!ok(*c))
			return ac_err_at(err, "", path, "has %s in it", what);
	return 0;
}

static bool no_control(char c)
{
	return (unsigned char)c >= ' ' && c != 0x7f;
}

static bool of_user(char c)
{
	return no_control(c) && c != ':';
}

static bool of_region(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool of_value(char c)
{
	return visible(c) || c == ' ' || c == '\t';
}

/* RFC 9110, 5.6.2 */
static bool of_name(char c)
{
	return visible(c) && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

/* The member KEY of the credentials, of characters that are OK. */
static int take(struct reading *r, const char *key, bool (*ok)(char),
		const char *what, char **to, struct ac_err *err)
{
	AC_FREE char *path = ac_field_path("credentials", key);
	const char *text = NULL;

	if (ac_config_want(r->secrets, "credentials", key, &text, err) < 0 ||
	    refuse(path, text, ok, what, err) < 0)
		return -1;
	if (strlen(text) > MAX_SECRET)
		return ac_err_at(err, "", path, "is longer than %d bytes",
				 MAX_SECRET);
	*to = ac_xstrdup(text);
	return 0;
}

static const char ctrl[] = "a control character";
static const char odd[] = "something that is neither letter, digit nor sign";

static int take_basic(struct reading *r, struct ac_err *err)
{
	ac_config_known(r->f, r->secrets, "credentials", "user password");
	r->one.type = CREDENTIAL_BASIC;
	if (take(r, "user", of_user, "a colon or a control character",
		 &r->one.user, err) < 0)
		return -1;
	return take(r, "password", no_control, ctrl, &r->one.password, err);
}

static int take_oauth(struct reading *r, struct ac_err *err)
{
	ac_config_known(r->f, r->secrets, "credentials", "token");
	r->one.type = CREDENTIAL_OAUTH;
	return take(r, "token", visible, odd, &r->one.token, err);
}

/* One that may be missing. */
static int may_take(struct reading *r, const char *key, bool (*ok)(char),
		    const char *what, char **to, struct ac_err *err)
{
	struct ac_json *v = NULL;
	int got = ac_field_find(r->secrets, "credentials", key, &v, err);

	if (got <= 0 || ac_json_type(v) == AC_JSON_NULL ||
	    (ac_json_text(v, NULL) != NULL && ac_json_text(v, NULL)[0] == '\0'))
		return got < 0 ? -1 : 0;
	return take(r, key, ok, what, to, err);
}

static int take_aws(struct reading *r, struct ac_err *err)
{
	ac_config_known(
		r->f, r->secrets, "credentials",
		"accessKeyID secretAccessKey awsRegion awsSessionToken");
	r->one.type = CREDENTIAL_AWS;
	if (take(r, "accessKeyID", visible, odd, &r->one.user, err) < 0 ||
	    take(r, "secretAccessKey", visible, odd, &r->one.password, err) <
		    0 ||
	    may_take(r, "awsSessionToken", visible, odd, &r->one.token, err) <
		    0)
		return -1;
	return may_take(r, "awsRegion", of_region,
			"something that is neither a small letter, a digit "
			"nor '-'",
			&r->one.region, err);
}

static int take_secrets(struct reading *r, struct ac_err *err)
{
	struct ac_json *o = NULL;
	const char *type = "";
	int got = ac_field_object(r->f->doc, "", "credentials", &o, err);

	if (got < 0)
		return -1;
	if (got == 0)
		return ac_err_at(err, "", "credentials",
				 "is missing; expected an object");
	r->secrets = o;
	if (r->f->kind == AC_CONFIG_DOCKER_AUTH)
		return take_basic(r, err);
	if (ac_config_want(r->f->doc, "", "type", &type, err) < 0)
		return -1;
	if (strcmp(type, "basic") == 0)
		return take_basic(r, err);
	if (strcmp(type, "oauth") == 0)
		return take_oauth(r, err);
	if (strcmp(type, "aws") == 0)
		return take_aws(r, err);
	return ac_err_at(err, "", "type",
			 "expected 'basic', 'oauth' or 'aws', found '%.64s'",
			 type);
}

/* --- headers --- */

/* What the transfer itself says, or another kind does. */
static const char *reserved(const char *name)
{
	static const char *const names[] = {"Accept",
					    "Accept-Encoding",
					    "Connection",
					    "Content-Length",
					    "Content-Type",
					    "Expect",
					    "Host",
					    "If-Match",
					    "If-Modified-Since",
					    "If-None-Match",
					    "If-Range",
					    "If-Unmodified-Since",
					    "Keep-Alive",
					    "Range",
					    "TE",
					    "Trailer",
					    "Transfer-Encoding",
					    "Upgrade"};

	if (strcasecmp(name, "Authorization") == 0)
		return "is what the kind 'auth' is for";
	if (strncasecmp(name, "Proxy-", 6) == 0)
		return "is for proxies";
	for (size_t i = 0; i < AC_LEN(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return "is made by each request itself";
	return NULL;
}

static int take_header(struct reading *r, const char *name,
		       const struct ac_json *value, size_t *total,
		       struct ac_err *err)
{
	AC_FREE char *path = ac_field_path("headers", name);
	const char *text = ac_json_text(value, NULL);

	if (name[0] == '\0' || strlen(name) > MAX_HOST)
		return ac_err_at(err, "", path, "a name is missing or long");
	if (refuse(path, name, of_name, "what no name of a header has", err) <
	    0)
		return -1;
	if (reserved(name) != NULL)
		return ac_err_at(err, "", path, "this header %s",
				 reserved(name));
	if (text == NULL)
		return ac_err_at(err, "", path, "expected a string, found %s",
				 ac_json_type_name(ac_json_type(value)));
	if (text[0] == '\0' || strlen(text) > MAX_HEADER)
		return ac_err_at(err, "", path, "expected 1 to %d characters",
				 MAX_HEADER);
	if (refuse(path, text, of_value, "what no header has", err) < 0)
		return -1;
	ac_strv_pushf(&r->one.headers, "%s: %s", name, text);
	*total += strlen(text);
	if (*total > MAX_SECRET)
		return ac_err_at(err, "", "headers",
				 "are longer than %d bytes together",
				 MAX_SECRET);
	return 0;
}

static int take_headers(struct reading *r, struct ac_err *err)
{
	struct ac_json *o = NULL;
	struct ac_json *v;
	const char *name;
	void *it = NULL;
	size_t total = 0;
	int got = ac_field_object(r->f->doc, "", "headers", &o, err);

	if (got < 0)
		return -1;
	if (got == 0 || ac_json_len(o) == 0 || ac_json_len(o) > MAX_HEADERS)
		return ac_err_at(err, "", "headers",
				 "expected an object of 1 to %d headers",
				 MAX_HEADERS);
	while (ac_json_each(o, &it, &name, &v))
		if (take_header(r, name, v, &total, err) < 0)
			return -1;
	return 0;
}

/* --- hosts --- */

static bool of_host(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || strchr(".-_:[]", c) != NULL;
}

static bool of_path(char c)
{
	return of_host(c) || c == '/';
}

static bool port_ok(const char *host)
{
	const char *colon = strrchr(host, ':');
	uint64_t port;

	if (colon == NULL || strchr(colon, ']') != NULL)
		return true;
	return ac_num_max(ac_strn(colon + 1, strcspn(colon + 1, "/")), 65535,
			  &port) == 0 &&
	       port != 0;
}

static int check_host(const struct reading *r, const char *path,
		      const char *host, struct ac_err *err)
{
	bool registry = r->f->kind == AC_CONFIG_DOCKER_AUTH;
	bool bad = host[0] == '\0' || strlen(host) > MAX_HOST ||
		   strchr(":/", host[0]) != NULL || !port_ok(host);

	for (const char *c = host; *c != '\0'; c++)
		bad = bad || !(registry ? of_path(*c) : of_host(*c));
	if (!bad)
		return 0;
	return ac_err_at(err, "", path,
			 "expected HOST or HOST:PORT%s, found "
			 "'%.200s'",
			 registry ? " (or a path behind it)" : "", host);
}

/* The same for another host. */
static struct credential copy(const struct credential *c)
{
	struct credential to = *c;

	to.user = ac_xstrdup(c->user);
	to.password = ac_xstrdup(c->password);
	to.token = ac_xstrdup(c->token);
	to.region = ac_xstrdup(c->region);
	to.file = ac_xstrdup(c->file);
	to.headers = AC_STRV_INIT;
	for (size_t i = 0; i < c->headers.n; i++)
		ac_strv_push(&to.headers, c->headers.v[i]);
	return to;
}

static int take_host(struct reading *r, const char *key, size_t i,
		     const struct ac_json *value, struct ac_err *err)
{
	AC_FREE char *path = ac_field_path_at("", key, i);
	const char *host = ac_json_text(value, NULL);
	struct credential c;
	int ret;

	if (host == NULL)
		return ac_err_at(err, "", path, "expected a string, found %s",
				 ac_json_type_name(ac_json_type(value)));
	if (check_host(r, path, host, err) < 0)
		return -1;
	c = copy(&r->one);
	c.host = ac_xstrdup(host);
	ret = credentials_add(r->out, &c, path, err);
	credential_release(&c);
	return ret;
}

static int take_hosts(struct reading *r, struct ac_err *err)
{
	const char *key =
		r->f->kind == AC_CONFIG_DOCKER_AUTH ? "registries" : "domains";
	struct ac_json *hosts = NULL;
	int got = ac_field_find(r->f->doc, "", key, &hosts, err);

	if (got < 0)
		return -1;
	if (got == 0 || ac_json_type(hosts) != AC_JSON_ARRAY ||
	    ac_json_len(hosts) == 0)
		return ac_err_at(err, "", key, "%s; expected an array of hosts",
				 got == 0 ? "is missing" : "is none");
	for (size_t i = 0; i < ac_json_len(hosts); i++)
		if (take_host(r, key, i, ac_json_at(hosts, i), err) < 0)
			return -1;
	return 0;
}

int credentials_read(void *ctx, const struct ac_config_file *f,
		     struct ac_err *err)
{
	static const char *const known[] = {
		[AC_CONFIG_AUTH] = "rktKind rktVersion domains type "
				   "credentials",
		[AC_CONFIG_DOCKER_AUTH] = "rktKind rktVersion registries "
					  "credentials",
		[AC_CONFIG_HEADERS] = "rktKind rktVersion domains headers",
	};
	struct reading r = {.out = ctx,
			    .f = f,
			    .one = {.kind = f->kind,
				    .file = ac_xstrdup(f->path),
				    .level = f->level}};
	int ret;

	ac_config_known(f, f->doc, "", known[f->kind]);
	ret = f->kind == AC_CONFIG_HEADERS ? take_headers(&r, err)
					   : take_secrets(&r, err);
	if (ret == 0)
		ret = take_hosts(&r, err);
	credential_release(&r.one);
	return ret;
}
