/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/storecheck.h"

#include <stdio.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/store/check.h"
#include "common/store/config.h"
#include "common/sys/interrupt.h"
#include "fetch/cmd.h"

struct check_opts {
	bool repair, quick;
	const char *passphrase_fd;
};

static const struct ac_opt check_opts[] = {
	AC_OPT_BOOL(struct check_opts, repair, "repair", "repair what can be"),
	AC_OPT_BOOL(struct check_opts, quick, "quick",
		    "do not read files and layers, only see that they are "
		    "there"),
	AC_OPT_PASSPHRASE(struct check_opts, passphrase_fd),
	AC_OPT_END,
};

struct report {
	bool json;
	struct ac_json *faults;
	size_t n;
};

static void tell(void *ctx, const struct ac_fault *f)
{
	struct report *r = ctx;
	struct ac_json *o;

	r->n++;
	if (!r->json) {
		AC_FREE char *what = ac_str_show(f->what);
		AC_FREE char *name = ac_str_show(f->name);
		AC_FREE char *how = ac_str_show(f->how);

		printf("%s %s: %s; %s\n", f->object, name, what, how);
		return;
	}
	o = ac_json_object();
	ac_json_set_str(o, "object", f->object);
	ac_json_set_str(o, "name", f->name);
	ac_json_set_str(o, "problem", f->what);
	ac_json_set_str(o, "remedy", f->how);
	ac_json_set(o, "repaired", ac_json_new_bool(f->repaired));
	ac_json_set(o, "leftover", ac_json_new_bool(f->leftover));
	ac_json_push(r->faults, o);
}

static int check_run(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct check_opts *o = c->opts;
	AC_CLEANUP(ac_store_release) struct ac_store s = AC_STORE_INIT;
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	AC_JSON struct ac_json *faults = ac_json_array();
	struct report r = {.json = g->json, .faults = faults};
	const struct ac_check_opts opts = {.repair = o->repair,
					   .quick = o->quick,
					   .secret = &secret,
					   .tell = tell,
					   .ctx = &r};
	struct ac_config where = config(g);
	size_t left = 0;

	if (o->repair && o->quick)
		return ac_err_set(err, AC_E_USAGE,
				  "--repair reads all: it does not go with "
				  "--quick");
	(void)ac_interrupt_catch(); /* what is unfinished must go */
	if (ac_config_limits(&where, NULL, err) < 0 ||
	    ac_secret_option(&secret, o->passphrase_fd, err) < 0 ||
	    open_store(g, false, &s, err) < 0 ||
	    ac_store_check(&s, &opts, &left, err) < 0)
		return -1;
	ac_log("the store '%s' has layout %d", s.path, s.layout);
	if (g->json && ac_print_json(faults, 2, err) < 0)
		return -1;
	if (left != 0)
		return ac_err_set(err, AC_E_VERIFY,
				  "the store '%s' has %zu fault(s)%s", s.path,
				  left,
				  o->repair ? " that could not be repaired"
					    : "; --repair repairs what can be");
	return 0;
}

const struct ac_cmd store_cmds[] = {
	{.name = "check",
	 .help = "compare the store with what it should be, and repair it",
	 .opts = check_opts,
	 .opt_size = sizeof(struct check_opts),
	 .run = check_run},
	AC_CMD_END,
};
