/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_DISCOVER_H
#define ACTOOL_DISCOVER_H

/* `actool discover NAME...`: where images and keys of names are.  It is
 * acfetch's job, which has the network: this becomes `acfetch discover`. */

#include <stdbool.h>
#include <stdint.h>

#include "common/cli/prog.h"

struct ac_err;

struct discover_opts {
	bool json;
	uint64_t port;                /* --port: 0: 443 and 80 */
	bool insecure;                /* no certificates, and http too */
	const char *insecure_options; /* as acfetch's; NULL: none */
	const char *ca_file;          /* as acfetch's; NULL: none */
	uint64_t timeout;             /* seconds; 0: the default */
};

extern const struct ac_opt discover_options[];
extern const char discover_about[];

/* Returns only on failure: -1. */
int run_discover(struct ac_call *c, struct ac_err *err);

#endif
