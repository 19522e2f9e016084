/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_TRUST_H
#define AC_FETCH_TRUST_H

/* acfetch trust: which keys may sign which images. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cli/opt.h"
#include "common/cli/prog.h"
#include "common/net/http.h"
#include "fetch/cmd.h"

struct ac_err;
struct ac_json;

struct trust_opts {
	const char *prefix;  /* --prefix: for images at and below this name */
	bool root;           /* --root: for all images */
	bool skip_review;    /* --skip-fingerprint-review */
	bool allow_http;     /* --insecure-allow-http */
	bool no_legend;      /* --no-legend, of `trust list` */
	const char *require; /* --require: so many different keys */
	struct ac_strv require_keys; /* --require-key: and these among them */
	bool policy;                 /* --policy, of `trust remove` */
	uint64_t port;               /* --port: of discovery */
};

extern const struct ac_opt trust_opts[];
extern const char trust_about[];

int trust_run(struct ac_call *c, struct ac_err *err);

/* How keys come to be trusted. */
struct trust_how {
	const struct globals *g;
	const char *prefix;    /* NULL: as root keys */
	bool skip_review;      /* do not ask */
	bool allow_http;       /* keys may come over plain http */
	FILE *show;            /* where fingerprints are shown for review */
	struct ac_json *added; /* array that gets what was added, or NULL */
};

/* Fetch the key files at URLS (as discovery found them), show the fingerprints
 * and ask on the terminal, and keep those that the user trusts.  Keys that come
 * over https are not asked about under --trust-keys-from-https.  A URL that
 * gives no keys is told by a warning when another one gives some.  Returns how
 * many keys were added (already trusted ones count), or -1: no terminal to ask
 * on is AC_E_DENIED. */
AC_MUSTUSE int trust_urls(const struct trust_how *how, struct ac_http *h,
			  const struct ac_strv *urls, struct ac_err *err);

/* The keys that the site of the prefix announces, in the same way. */
AC_MUSTUSE int trust_discovered(const struct trust_how *how, struct ac_http *h,
				uint64_t port, struct ac_err *err);

/* Before an image is fetched by its NAME: when no key is trusted for it, offer
 * those that its site announces, to be trusted for just that name.  INSECURE is
 * of enum ac_insecure.  That there are none, or none was taken, is told and is
 * no failure: the signature's check comes later. */
void trust_offer(const struct globals *g, unsigned int insecure,
		 const char *name, uint64_t port);

#endif
