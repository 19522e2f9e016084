/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_CMD_H
#define AC_FETCH_CMD_H

/*
 * What the commands of acfetch share: the options that stand before or after
 * any command's name, and what they mean.  Each command has a header of its
 * own (pull.h, ...) with its option table, its options struct and the function
 * that runs it; main.c puts them into one table.
 *
 * Exit codes: 0 done, 1 it failed, 2 the command line is wrong.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/cli/insecure.h"
#include "common/cli/opt.h"
#include "common/net/http.h"
#include "common/store/config.h"
#include "common/store/keystore.h"

struct ac_call;
struct ac_err;
struct ac_store;

/* The program's options, as given. */
struct globals {
	const char *dir;           /* --dir: the store; NULL: the default */
	struct ac_strv store_read; /* --store-read: more stores */
	bool debug;                /* not first: ac_prog.debug_offset */
	const char *system_config; /* --system-config: /usr/lib/acutils */
	const char *local_config;  /* --local-config: /etc/acutils */
	const char *user_config;   /* --user-config: NULL: the user's own, which
				    * globals_settle makes of it */
	bool rkt_config;           /* --rkt-config: read rkt's too */
	const char *insecure;      /* --insecure-options: "image,http" */
	const char *ca_file;       /* --ca-file: more trusted certificates */
	uint64_t timeout;          /* --timeout: seconds; 0: the default */
	const char *retries;       /* --retries: 0 to 10; NULL: the default */
	bool trust_https;          /* --trust-keys-from-https */
	bool json;                 /* --json: output for machines */
};

extern const struct ac_opt global_opts[];

/* Before any command: what the options leave to the environment. */
void globals_settle(const struct ac_call *c);

/* The configuration that the options name. */
struct ac_config config(const struct globals *g);
/* The keystore in it. */
struct ac_keystore keystore(const struct globals *g);
/* ac_store_open, of the store that the options or the configuration name. */
AC_MUSTUSE int open_store(const struct globals *g, bool create,
			  struct ac_store *s, struct ac_err *err);

/* The HTTP client that the options and INSECURE (enum ac_insecure) ask for; its
 * requests end when *CANCEL (may be NULL) is not 0.  Never NULL. */
AC_MUSTUSE struct ac_http *http_client(const struct globals *g,
				       unsigned int insecure,
				       const atomic_int *cancel);

#endif
