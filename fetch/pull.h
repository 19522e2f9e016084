/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PULL_H
#define AC_FETCH_PULL_H

/* acfetch pull (fetch): images into the store, from files, URLs, by discovery
 * and from registries. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/cli/opt.h"
#include "common/cli/prog.h"

struct pull_opts {
	struct ac_strv limits;     /* --limit */
	struct ac_strv signatures; /* --signature: FILE or URL */
	const char *policy;        /* --pull-policy: never, new, update */
	const char *platform;      /* --platform: OS/ARCH[/VARIANT] */
	const char *passphrase_fd; /* --passphrase-fd: of encrypted images */
	const char *events;        /* --events: the descriptor for them */
	uint64_t port;             /* --port: of discovery */
	bool quiet;                /* --events-error */
	bool full;                 /* --full: whole ids */
	bool store_only;           /* --store-only: as --pull-policy=never */
	bool no_store;             /* --no-store: as --pull-policy=update */
};

extern const struct ac_opt pull_opts[];
extern const char pull_about[];

/* Returns 0, or 128 and the number of the signal that ended it. */
int pull_run(struct ac_call *c, struct ac_err *err);

#endif
