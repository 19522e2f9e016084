/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_SERVE_H
#define AC_FETCH_SERVE_H

/* acfetch serve: a site of images, OCI layouts and the store's OCI images over
 * HTTP, read-only. */

#include <stdbool.h>

#include "common/base/str.h"
#include "common/cli/opt.h"
#include "common/cli/prog.h"

struct serve_opts {
	const char *listen; /* --listen: ADDR:PORT */
	const char *site;   /* --site: the directory, as the operand */
	struct ac_strv oci; /* --oci: [NAME=]LAYOUT */
	bool store;         /* --store */
	const char *cert;   /* --tls-cert */
	const char *key;    /* --tls-key */
};

extern const struct ac_opt serve_opts[];
extern const char serve_about[];

int serve_run(struct ac_call *c, struct ac_err *err);

#endif
