/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_DISCOVER_H
#define AC_FETCH_DISCOVER_H

/*
 * `acfetch discover NAME...`: where images of these names and the keys that
 * sign them are, without fetching either.  `actool discover` executes it.
 *
 * Lines for people are those of the original actool; --json is its object
 * {"ACIEndpoints": [{"ACI": URL, "ASC": URL}], "PublicKeys": [URL]}, and with
 * several names an array of them, each with a "Name".
 */

#include <stdint.h>

#include "common/cli/prog.h"

struct ac_err;

struct discover_opts {
	uint64_t port; /* --port: of the pages; 0: 443 and 80 */
};

extern const struct ac_opt discover_opts[];
extern const char discover_about[];

/* 0 when something was found for every name, else 1. */
int discover_run(struct ac_call *c, struct ac_err *err);

#endif
