/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/discover.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/image/ref.h"
#include "common/net/discover.h"
#include "common/sys/interrupt.h"
#include "fetch/cmd.h"
#include "fetch/confine.h"
#include "fetch/credentials.h"

const struct ac_opt discover_opts[] = {
	AC_OPT_UINT(struct discover_opts, port, "port", "PORT",
		    "ask this port, in place of 443 (and 80)"),
	AC_OPT_END,
};

const char discover_about[] =
	"NAME is that of an image, with labels: example.com/app:1.0,os=linux,\n"
	"arch=amd64. Version is 'latest' and os and arch are this machine's "
	"where it\nhas none. Pages that did not help are told on standard "
	"error. What there is\nis printed, images or keys alone too; only a "
	"name that has neither is a failure.";

/* One run over all names. */
struct run {
	const struct globals *g;
	unsigned int port;
	struct ac_http *http;
	struct credentials credentials;
	struct ac_ref *names;
	size_t n;
	struct ac_json *results; /* an array, or NULL: lines are printed */
};

static void run_release(struct run *r)
{
	for (size_t i = 0; i < r->n; i++)
		ac_ref_release(&r->names[i]);
	free(r->names);
	ac_http_free(r->http);
	credentials_release(&r->credentials);
	ac_json_free(r->results);
}

/* All names before the first is asked for: a typing error costs nothing. */
static int take_names(struct run *r, const struct ac_call *c,
		      struct ac_err *err)
{
	r->names = ac_xcalloc((size_t)c->argc, sizeof(r->names[0]));
	for (; r->n < (size_t)c->argc; r->n++) {
		const char *text = c->argv[r->n];
		struct ac_ref *name = &r->names[r->n];

		if (ac_ref_parse_name(name, text, err) < 0)
			return ac_err_ctx(err, "name '%s'", text);
		if (ac_identifier_check(name->name, AC_NAME_STRICT, err) < 0) {
			ac_ref_release(name);
			return ac_err_ctx(err, "name '%s'", text);
		}
		ac_ref_default_platform(name);
	}
	return 0;
}

static int prepare(struct run *r, const struct ac_call *c, struct ac_err *err)
{
	const struct discover_opts *o = c->opts;
	unsigned int insecure = ac_insecure_bits(r->g->insecure);

	if (o->port > 65535)
		return ac_err_set(err, AC_E_USAGE, "--port is at most 65535");
	r->port = (unsigned int)o->port;
	if (take_names(r, c, err) < 0 ||
	    credentials_load(r->g, &r->credentials, err) < 0)
		return -1;
	r->http = http_client(r->g, insecure, ac_interrupt_catch());
	if ((insecure & AC_INSECURE_TLS) != 0)
		ac_warn("TLS verification has been disabled");
	if (r->g->json)
		r->results = ac_json_array();
	return 0;
}

static void print_lines(const struct run *r, const char *name,
			const struct ac_discovered *d)
{
	if (r->n > 1)
		printf("Name: %s\n", name);
	for (size_t i = 0; i < d->n; i++) {
		AC_FREE char *aci = ac_str_show(d->endpoints[i].aci);
		AC_FREE char *asc = ac_str_show(d->endpoints[i].asc);

		printf("ACI: %s, ASC: %s\n", aci, asc);
	}
	for (size_t i = 0; i < d->keys.n; i++) {
		AC_FREE char *key = ac_str_show(d->keys.v[i]);

		printf("%s%s", i == 0 ? "PublicKeys: " : ",", key);
	}
	if (d->keys.n != 0)
		putchar('\n');
}

static void add_result(struct run *r, const char *name,
		       const struct ac_discovered *d)
{
	struct ac_json *o = ac_json_object();
	struct ac_json *endpoints = ac_json_array();
	struct ac_json *keys = ac_json_array();

	if (r->n > 1)
		ac_json_set_str(o, "Name", name);
	for (size_t i = 0; i < d->n; i++) {
		struct ac_json *e = ac_json_object();

		ac_json_set_str(e, "ACI", d->endpoints[i].aci);
		ac_json_set_str(e, "ASC", d->endpoints[i].asc);
		ac_json_push(endpoints, e);
	}
	for (size_t i = 0; i < d->keys.n; i++)
		ac_json_push_str(keys, d->keys.v[i]);
	ac_json_set(o, "ACIEndpoints", endpoints);
	ac_json_set(o, "PublicKeys", keys);
	ac_json_push(r->results, o);
}

static void tell_attempts(const struct ac_discovered *d)
{
	for (size_t i = 0; i < d->attempts.n; i++) {
		AC_FREE char *shown = ac_str_show(d->attempts.v[i]);

		ac_log("%s", shown);
	}
}

/* 1 when something was found for NAME, 0 when not, -1 to end. */
static int discover_one(struct run *r, const struct ac_ref *name,
			struct ac_err *err)
{
	AC_CLEANUP(ac_discovered_release)
	struct ac_discovered found = AC_DISCOVERED_INIT;
	struct ac_discover_opts o = {.port = r->port,
				     .sign = credentials_sign,
				     .sign_ctx = &r->credentials};
	struct ac_err why = AC_ERR_INIT;
	int ret = 1;

	if (ac_discover(r->http, name, &o, &found, &why) < 0) {
		AC_FREE char *shown = NULL;

		if (why.code != AC_E_NOT_FOUND || r->n == 1) {
			*err = why;
			return -1;
		}
		shown = ac_str_show(why.msg);
		ac_log("%s", shown);
		ret = 0;
	} else {
		tell_attempts(&found);
		if (found.n == 0)
			ac_warn("'%s': there are keys, but no images",
				name->text);
		if (found.keys.n == 0)
			ac_warn("'%s': there are images, but no keys",
				name->text);
	}
	if (r->results != NULL)
		add_result(r, name->text, &found);
	else if (ret == 1)
		print_lines(r, name->text, &found);
	return ret;
}

static int print_results(struct run *r, struct ac_err *err)
{
	const struct ac_json *doc = r->results;

	if (r->n == 1)
		doc = ac_json_at(doc, 0);
	return ac_print_json(doc, 4, err);
}

int discover_run(struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(run_release) struct run r = {.g = c->globals};
	size_t found = 0;

	if (prepare(&r, c, err) < 0 || confine_discover(r.g, err) < 0)
		return -1;
	for (size_t i = 0; i < r.n; i++) {
		int one = discover_one(&r, &r.names[i], err);

		if (one < 0)
			return -1;
		found += (size_t)one;
	}
	if (r.results != NULL && found != 0 && print_results(&r, err) < 0)
		return -1;
	return found == r.n ? 0 : 1;
}
