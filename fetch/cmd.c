/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/cmd.h"

#include <stdlib.h>

#include "common/base/num.h"
#include "common/base/own.h"
#include "common/cli/prog.h"
#include "common/store/store.h"

enum { DEFAULT_RETRIES = 3 };

const struct ac_opt global_opts[] = {
	AC_OPT_BOOL(struct globals, debug, "debug", "say more on stderr"),
	AC_OPT_STRING(struct globals, dir, "dir", "DIR",
		      "the store (default: $ACUTILS_DIR, or /var/lib/acutils "
		      "for root and ~/.local/share/acutils for others)"),
	AC_OPT_LIST(struct globals, store_read, "store-read", "DIR",
		    "also read the store in DIR (repeat)"),
	AC_OPT_STRING(struct globals, system_config, "system-config", "DIR",
		      "configuration and keys of the system, by default "
		      "/usr/lib/acutils"),
	AC_OPT_STRING(struct globals, local_config, "local-config", "DIR",
		      "configuration and keys of this machine, by default "
		      "/etc/acutils"),
	AC_OPT_STRING(struct globals, user_config, "user-config", "DIR",
		      "configuration and keys of the user; by default "
		      "~/.config/acutils if there is one, none for root"),
	AC_OPT_BOOL(struct globals, rkt_config, "rkt-config",
		    "read credentials and keys in /usr/lib/rkt and /etc/rkt, "
		    "too"),
	AC_OPT_CHOICES(struct globals, insecure, "insecure-options", "LIST",
		       AC_INSECURE_VALUES,
		       "what not to insist on, separated by commas: image "
		       "(signatures), tls (certificates), http (https), pubkey "
		       "(keys over https), all-fetch (all of these)"),
	AC_OPT_STRING(struct globals, ca_file, "ca-file", "FILE",
		      "trust the certificates in FILE (PEM) as well"),
	AC_OPT_UINT(struct globals, timeout, "timeout", "SECONDS",
		    "give up a transfer that stands still for so long "
		    "(default: 30)"),
	AC_OPT_CHOICE(struct globals, retries, "retries", "N",
		      "0 1 2 3 4 5 6 7 8 9 10",
		      "try again so often without progress what can be tried "
		      "again (default: 3)"),
	AC_OPT_BOOL(struct globals, trust_https, "trust-keys-from-https",
		    "trust keys that come over https without asking"),
	AC_OPT_BOOL(struct globals, json, "json", "print results as JSON"),
	AC_OPT_END,
};

void globals_settle(const struct ac_call *c)
{
	static char *own; /* as long as the program */
	struct globals *g = c->globals;

	if (g->user_config != NULL)
		return;
	free(own);
	g->user_config = own = ac_config_user();
}

struct ac_config config(const struct globals *g)
{
	return (struct ac_config){g->system_config, g->local_config,
				  g->user_config, g->rkt_config};
}

struct ac_keystore keystore(const struct globals *g)
{
	return (struct ac_keystore){g->system_config, g->local_config,
				    g->user_config, g->rkt_config};
}

int open_store(const struct globals *g, bool create, struct ac_store *s,
	       struct ac_err *err)
{
	struct ac_config c = config(g);
	AC_FREE char *path = NULL;

	if (ac_store_path(g->dir, &c, &path, err) < 0)
		return -1;
	return ac_store_open(s, path, create, err);
}

struct ac_http *http_client(const struct globals *g, unsigned int insecure,
			    const atomic_int *cancel)
{
	uint64_t retries = DEFAULT_RETRIES;
	/* The table of options lets nothing but numbers through. */
	struct ac_http_opts o;

	if (g->retries != NULL)
		(void)!ac_num_u64(ac_str(g->retries), &retries);
	o = (struct ac_http_opts){
		.insecure_tls = (insecure & AC_INSECURE_TLS) != 0,
		.allow_http = (insecure & AC_INSECURE_HTTP) != 0,
		.ca_file = g->ca_file,
		.retries = (unsigned int)retries,
		.stall = g->timeout < 86400 ? (unsigned int)g->timeout : 86400,
		.cancel = cancel,
	};

	return ac_http_new(&o);
}
