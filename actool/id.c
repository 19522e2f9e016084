/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "actool/cmd.h"
#include "actool/id.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/image/acifile.h"
#include "common/store/config.h"

const struct ac_opt id_options[] = {
	AC_OPT_PASSPHRASE(struct id_opts, passphrase_fd),
	AC_OPT_END,
};

static int print_id(const char *file, bool name, struct ac_secret *secret,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *f = ac_aci_file_open(file, secret, err);
	AC_FREE char *shown = ac_str_show(file); /* a line is a line */
	char text[AC_DIGEST_TEXT];
	/* What an overlay takes for its own is no fault of an archive. */
	static const struct ac_aci_events none = {.overlay_ok = true};
	struct ac_digest id;

	if (f == NULL || ac_aci_file_read(f, &none, &id, NULL, err) < 0)
		return -1;
	ac_digest_print(&id, '-', text);
	printf("%s%s%s\n", text, name ? "  " : "", name ? shown : "");
	return 0;
}

int run_id(struct ac_call *c, struct ac_err *err)
{
	const struct id_opts *o = c->opts;
	AC_CLEANUP(ac_secret_release) struct ac_secret secret = AC_SECRET_INIT;
	int code = 0;

	if (ac_config_limits(NULL, NULL, err) < 0 ||
	    ac_secret_option(&secret, o->passphrase_fd, err) < 0)
		return -1;
	if (c->argc == 1)
		return print_id(c->argv[0], false, &secret, err);
	for (int i = 0; i < c->argc; i++) {
		struct ac_err one = AC_ERR_INIT;

		if (print_id(c->argv[i], true, &secret, &one) < 0)
			code = tell_file(c->argv[i], &one);
	}
	return code;
}
