/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "actool/cmd.h"
#include "actool/id.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/image/aci.h"
#include "common/image/acifile.h"

static int print_id(const char *file, bool name, struct ac_err *err)
{
	AC_CLEANUP(ac_aci_file_freep)
	struct ac_aci_file *f = ac_aci_file_open(file, NULL, err);
	char text[AC_DIGEST_TEXT];
	struct ac_aci_events none = {.ctx = NULL};
	struct ac_digest id;

	if (f == NULL ||
	    ac_aci_read_fd(ac_aci_file_fd(f), file, &none, &id, NULL, err) <
		    0 ||
	    ac_aci_file_end(f, err) < 0)
		return -1;
	ac_digest_print(&id, '-', text);
	printf("%s%s%s\n", text, name ? "  " : "", name ? file : "");
	return 0;
}

int run_id(struct ac_call *c, struct ac_err *err)
{
	int code = 0;

	if (c->argc == 1)
		return print_id(c->argv[0], false, err);
	for (int i = 0; i < c->argc; i++) {
		struct ac_err one = AC_ERR_INIT;

		if (print_id(c->argv[i], true, &one) < 0)
			code = tell_file(c->argv[i], &one);
	}
	return code;
}
