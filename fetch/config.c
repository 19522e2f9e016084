/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/config.h"

#include <stdio.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "common/codec/json.h"
#include "fetch/cmd.h"
#include "fetch/confignet.h"
#include "fetch/credentials.h"
#include "fetch/dockerauth.h"

const struct ac_opt config_opts[] = {
	AC_OPT_OPTIONAL(struct config_opts, pretty, "pretty-print", "BOOL",
			"indent it (default: true)"),
	AC_OPT_BOOL(struct config_opts, secrets, "show-secrets",
		    "print passwords, tokens, keys and headers, too"),
	AC_OPT_END,
};

const char config_about[] =
	"What the directories of the configuration come to, as JSON: for each\n"
	"server and registry what is sent there, then where things are, and the\n"
	"limits of what is unpacked.  Each entry tells its file.  Passwords and\n"
	"the like are '<hidden>'.\n";

enum { MAX_OUTPUT = 64 << 20 };

/* stage1.d: three values, of which two go together. */
struct stage1 {
	struct ac_config_value name, version, location;
};

static void stage1_release(struct stage1 *s)
{
	ac_config_value_release(&s->name);
	ac_config_value_release(&s->version);
	ac_config_value_release(&s->location);
}

static bool location_ok(const char *text)
{
	static const char *const begins[] = {"/", "file://", "docker://",
					     "http://", "https://"};

	for (size_t i = 0; i < AC_LEN(begins); i++)
		if (ac_str_starts(ac_str(text), begins[i]))
			return true;
	return false;
}

static int take_stage1(void *ctx, const struct ac_config_file *f,
		       struct ac_err *err)
{
	struct stage1 *s = ctx;
	int name;
	int version;
	int location;

	if (f->rkt)
		return 0; /* what runs rkt's pods is no concern of ours */
	ac_config_known(f, f->doc, "",
			"rktKind rktVersion name version location");
	name = ac_config_take(f, "name", &s->name, err);
	version =
		name < 0 ? -1 : ac_config_take(f, "version", &s->version, err);
	if (version < 0)
		return -1;
	if (name != version)
		return ac_err_at(err, "", name > 0 ? "version" : "name",
				 "is missing; name and version go together");
	location = ac_config_take(f, "location", &s->location, err);
	if (location > 0 && !location_ok(s->location.text))
		return ac_err_at(err, "", "location",
				 "expected an absolute path, or a file, "
				 "docker, http or https URL, found '%.200s'",
				 s->location.text);
	return location;
}

/* --- entries --- */

static struct ac_json *entry(enum ac_config_kind kind)
{
	struct ac_json *o = ac_json_object();

	ac_json_set_str(o, "rktVersion", "v1");
	ac_json_set_str(o, "rktKind", ac_config_kind_name(kind));
	return o;
}

static void set_one(struct ac_json *o, const char *key, const char *value)
{
	struct ac_json *a = ac_json_array();

	ac_json_push_str(a, value);
	ac_json_set(o, key, a);
}

/* A secret, when there is one. */
static void set_secret(struct ac_json *o, const char *key, const char *value,
		       bool show)
{
	if (value != NULL)
		ac_json_set_str(o, key, show ? value : "<hidden>");
}

static void set_text(struct ac_json *o, const char *key, const char *value)
{
	if (value != NULL)
		ac_json_set_str(o, key, value);
}

static struct ac_json *secrets_of(const struct credential *c, bool show)
{
	struct ac_json *o = ac_json_object();
	bool aws = c->type == CREDENTIAL_AWS;

	set_text(o, aws ? "accessKeyID" : "user", c->user);
	set_secret(o, aws ? "secretAccessKey" : "password", c->password, show);
	set_secret(o, aws ? "awsSessionToken" : "token", c->token, show);
	set_text(o, "awsRegion", c->region);
	set_secret(o, "identityToken", c->identity, show);
	set_text(o, "helper", c->helper);
	return o;
}

static struct ac_json *headers_of(const struct credential *c, bool show)
{
	struct ac_json *o = ac_json_object();

	for (size_t i = 0; i < c->headers.n; i++) {
		const char *text = c->headers.v[i];
		size_t n = strcspn(text, ":");
		AC_FREE char *name = ac_xstrndup(text, n);

		set_secret(o, name, text + n + 2, show);
	}
	return o;
}

static void add_credential(struct ac_json *all, const struct credential *c,
			   bool show)
{
	static const char *const types[] = {[CREDENTIAL_BASIC] = "basic",
					    [CREDENTIAL_OAUTH] = "oauth",
					    [CREDENTIAL_AWS] = "aws"};
	struct ac_json *o = entry(c->kind);

	set_one(o, c->kind == AC_CONFIG_DOCKER_AUTH ? "registries" : "domains",
		c->host);
	if (c->kind == AC_CONFIG_AUTH)
		ac_json_set_str(o, "type", types[c->type]);
	if (c->kind == AC_CONFIG_HEADERS)
		ac_json_set(o, "headers", headers_of(c, show));
	else
		ac_json_set(o, "credentials", secrets_of(c, show));
	ac_json_set_str(o, "file", c->file);
	ac_json_push(all, o);
}

/* As rkt: the members are there, empty, when nothing is said. */
static void add_value(struct ac_json *o, struct ac_json *files, const char *key,
		      const struct ac_config_value *v)
{
	ac_json_set_str(o, key, v->text != NULL ? v->text : "");
	set_text(files, key, v->file);
}

static void add_paths(struct ac_json *all, const struct ac_config_paths *p)
{
	struct ac_json *o = entry(AC_CONFIG_PATHS);
	struct ac_json *files = ac_json_object();

	add_value(o, files, "data", &p->data);
	add_value(o, files, "stage1-images", &p->stage1_images);
	ac_json_set(o, "files", files);
	ac_json_push(all, o);
}

static void add_stage1(struct ac_json *all, const struct stage1 *s)
{
	struct ac_json *o = entry(AC_CONFIG_STAGE1);
	struct ac_json *files = ac_json_object();

	add_value(o, files, "name", &s->name);
	add_value(o, files, "version", &s->version);
	add_value(o, files, "location", &s->location);
	ac_json_set(o, "files", files);
	ac_json_push(all, o);
}

/* What holds; those that files give have one in files. */
static void add_limits(struct ac_json *all, const struct ac_config_limits *l)
{
	struct ac_json *o = entry(AC_CONFIG_LIMITS);
	struct ac_json *files = ac_json_object();

	for (size_t i = 0; i < AC_LIMITS; i++) {
		enum ac_limit which = (enum ac_limit)i;
		uint64_t value = ac_limit(which);

		if (value != 0) /* the ratio, which depends on what it is of */
			ac_json_set(o, ac_limit_name(which),
				    ac_json_int(value < INT64_MAX
							? (int64_t)value
							: INT64_MAX));
		set_text(files, ac_limit_name(which), l->v[i].file);
	}
	ac_json_set(o, "files", files);
	ac_json_push(all, o);
}

static void add_all(struct ac_json *all, const struct credentials *c,
		    enum ac_config_kind kind, bool show)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].kind == kind)
			add_credential(all, &c->v[i], show);
}

/* --- what nothing uses yet --- */

static void warn_unused(const struct ac_config_value *v, const char *what)
{
	if (v->text != NULL)
		ac_warn("'%s': acrun has no stage1 but its own; %s is not used",
			v->file, what);
}

static int add_nets(struct ac_json *doc, const struct ac_config *c,
		    struct ac_err *err)
{
	struct ac_json *nets = ac_json_array();

	ac_json_set(doc, "net", nets);
	if (confignet_list(nets, c, err) < 0)
		return -1;
	if (ac_json_len(nets) != 0)
		ac_warn("net.d: acrun has no networks but --net=none and "
			"--net=host; those of the configuration are not used");
	return 0;
}

/* --- the command --- */

static int collect(const struct globals *g, bool show, struct ac_json *doc,
		   struct ac_err *err)
{
	AC_CLEANUP(credentials_release)
	struct credentials c = CREDENTIALS_INIT;
	AC_CLEANUP(ac_config_paths_release)
	struct ac_config_paths paths = AC_CONFIG_PATHS_INIT;
	AC_CLEANUP(stage1_release)
	struct stage1 stage1 = {.name = {.text = NULL}};
	AC_CLEANUP(ac_config_limits_release)
	struct ac_config_limits limits = AC_CONFIG_LIMITS_INIT;
	struct ac_config where = config(g);
	struct ac_json *all = ac_json_array();

	ac_json_set(doc, "stage0", all);
	if (credentials_load(g, &c, err) < 0 || dockerauth_list(&c, err) < 0 ||
	    ac_config_paths(&where, &paths, err) < 0 ||
	    ac_config_each(&where, "stage1.d", take_stage1, &stage1, err) < 0 ||
	    ac_config_limits_read(&where, &limits, err) < 0)
		return -1;
	add_all(all, &c, AC_CONFIG_AUTH, show);
	add_all(all, &c, AC_CONFIG_DOCKER_AUTH, show);
	add_all(all, &c, AC_CONFIG_HEADERS, show);
	add_paths(all, &paths);
	add_stage1(all, &stage1);
	add_limits(all, &limits);
	warn_unused(&paths.stage1_images, "stage1-images");
	warn_unused(stage1.location.text != NULL ? &stage1.location
						 : &stage1.name,
		    "stage1");
	return add_nets(doc, &where, err);
}

static int print(const struct ac_json *doc, bool pretty, struct ac_err *err)
{
	struct ac_buf text = AC_BUF_INIT(MAX_OUTPUT);
	int ret;

	ac_json_write(doc, pretty ? 2 : 0, false, &text);
	ret = ac_buf_check(&text, "output", err);
	if (ret == 0)
		puts(ac_buf_str(&text));
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	ac_buf_release(&text);
	return ret;
}

int config_run(struct ac_call *c, struct ac_err *err)
{
	const struct config_opts *o = c->opts;
	struct ac_json *doc = ac_json_object();
	bool pretty = true;
	int ret;

	if (o->pretty != NULL && o->pretty[0] != '\0' &&
	    ac_num_bool(ac_str(o->pretty), &pretty) < 0)
		ret = ac_err_set(err, AC_E_USAGE,
				 "--pretty-print: 'true' or 'false', not '%s'",
				 o->pretty);
	else
		ret = collect(c->globals, o->secrets, doc, err);
	if (ret == 0)
		ret = print(doc, pretty, err);
	ac_json_wipe(doc);
	return ret;
}
