/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/discover.h"

#include <stdint.h>

#include "actool/cmd.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/sys/spawn.h"

const struct ac_opt discover_options[] = {
	AC_OPT_BOOL(struct discover_opts, json, "json", "print JSON"),
	AC_OPT_UINT(struct discover_opts, port, "port", "PORT",
		    "ask this port, in place of 443 (and 80)"),
	AC_OPT_BOOL(struct discover_opts, insecure, "insecure",
		    "do not check certificates, and ask by http where https "
		    "fails"),
	AC_OPT_CHOICES(struct discover_opts, insecure_options,
		       "insecure-options", "LIST", "tls http",
		       "only one of them: tls, http"),
	AC_OPT_STRING(struct discover_opts, ca_file, "ca-file", "FILE",
		      "trust the certificates in FILE (PEM) as well"),
	AC_OPT_UINT(struct discover_opts, timeout, "timeout", "SECONDS",
		    "give up a page that stands still for so long (default: "
		    "30)"),
	AC_OPT_END,
};

const char discover_about[] =
	"NAME is that of an image, with labels: example.com/app:1.0,os=linux,\n"
	"arch=amd64. Version is 'latest' and os and arch are this machine's "
	"where it\nhas none. What there is is printed, images or keys alone "
	"too; only a name that\nhas neither is a failure. 'acfetch discover' "
	"does the work.";

int run_discover(struct ac_call *c, struct ac_err *err)
{
	const struct discover_opts *o = c->opts;
	const struct globals *g = c->globals;
	AC_CLEANUP(ac_strv_release) struct ac_strv argv = AC_STRV_INIT;

	if (o->insecure && o->insecure_options != NULL)
		return ac_err_set(err, AC_E_USAGE,
				  "--insecure and --insecure-options exclude "
				  "each other");
	if (o->port > 65535)
		return ac_err_set(err, AC_E_USAGE, "--port is at most 65535");
	ac_strv_take(&argv, ac_spawn_sibling("acfetch"));
	ac_strv_push(&argv, "discover");
	if (g->debug)
		ac_strv_push(&argv, "--debug");
	if (o->json)
		ac_strv_push(&argv, "--json");
	if (o->port != 0)
		ac_strv_pushf(&argv, "--port=%ju", (uintmax_t)o->port);
	if (o->insecure)
		ac_strv_push(&argv, "--insecure-options=tls,http");
	if (o->insecure_options != NULL)
		ac_strv_pushf(&argv, "--insecure-options=%s",
			      o->insecure_options);
	if (o->ca_file != NULL)
		ac_strv_pushf(&argv, "--ca-file=%s", o->ca_file);
	if (o->timeout != 0)
		ac_strv_pushf(&argv, "--timeout=%ju", (uintmax_t)o->timeout);
	ac_strv_push(&argv, "--");
	for (int i = 0; i < c->argc; i++)
		ac_strv_push(&argv, c->argv[i]);
	return ac_spawn_become(argv.v, err);
}
