/* SPDX-License-Identifier: Apache-2.0 */
#include "actool/validate.h"

#include <stdlib.h>
#include <string.h>

#include "actool/cmd.h"
#include "actool/confine.h"
#include "actool/examine.h"
#include "actool/report.h"
#include "actool/resolved.h"
#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/sys/interrupt.h"

const struct ac_opt validate_options[] = {
	AC_OPT_CHOICE(struct validate_opts, type, "type", "TYPE",
		      "appimage layout manifest",
		      "take it for this, whatever it looks like"),
	AC_OPT_BOOL(struct validate_opts, strict, "strict",
		    "what the specification forbids is an error, also where "
		    "it was always accepted"),
	AC_OPT_BOOL(struct validate_opts, resolved, "resolved",
		    "pod manifests must be ready to run; images are looked "
		    "for among the other files"),
	AC_OPT_BOOL(struct validate_opts, json, "json",
		    "print what was found as JSON"),
	AC_OPT_PASSPHRASE(struct validate_opts, passphrase_fd),
	AC_OPT_END,
};

/* Tell what was found in R: whether it is valid. */
static bool tell(struct report *r, const struct validate_opts *o,
		 struct ac_json *all)
{
	bool valid = report_valid(r, o->strict);

	report_tell(r, o->strict);
	if (o->json)
		ac_json_push(all, report_json(r, o->strict));
	report_release(r);
	return valid;
}

static bool validate(const struct ac_call *c, const struct validate_opts *o,
		     struct ac_secret *secret, struct ac_json *all)
{
	size_t n = (size_t)c->argc;
	AC_FREE struct report *v = ac_xcalloc(n, sizeof(*v));
	struct ac_err stop;
	bool valid = true;
	size_t done = 0;

	for (; done < n && ac_interrupt_check(&stop) == 0; done++) {
		v[done] = REPORT_INIT;
		v[done].file = c->argv[done];
		v[done].type = o->type;
		examine(&v[done], secret);
		/* A pod may need an image that comes later. */
		if (!o->resolved)
			valid = tell(&v[done], o, all) && valid;
	}
	for (size_t i = 0; o->resolved && i < done; i++)
		resolved_check(&v[i], v, done);
	for (size_t i = 0; o->resolved && i < done; i++)
		valid = tell(&v[i], o, all) && valid;
	return valid;
}

int run_validate(struct ac_call *c, struct ac_err *err)
{
	const struct validate_opts *o = c->opts;
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	AC_JSON struct ac_json *all = ac_json_array();
	bool valid;

	if (c->argc == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "must pass one or more files");
	if (ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	if (confine_files(c->argv, c->argc, NULL, false, err) < 0)
		return -1;
	valid = validate(c, o, &secret, all);
	if (ac_interrupt_check(err) < 0 ||
	    (o->json && ac_print_json(all, 2, err) < 0))
		return -1;
	return valid ? 0 : 1;
}
