/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/codec/json.h"
#include "common/image/name.h"
#include "common/image/ref.h"
#include "common/net/discover.h"
#include "common/store/keystore.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "fetch/confine.h"
#include "fetch/credentials.h"
#include "fetch/trustkey.h"
#include "fetch/trustlist.h"
#include "fetch/trustpolicy.h"
#include "fetch/verify.h"

enum { MAX_KEYS = 1 << 20, MAX_ANSWER = 64 };

const struct ac_opt trust_opts[] = {
	AC_OPT_STRING(struct trust_opts, prefix, "prefix", "NAME",
		      "trust the key for images at and below this name"),
	AC_OPT_BOOL(struct trust_opts, root, "root",
		    "trust the key for all images"),
	AC_OPT_BOOL(struct trust_opts, skip_review, "skip-fingerprint-review",
		    "do not ask whether the fingerprint is right"),
	AC_OPT_BOOL(struct trust_opts, allow_http, "insecure-allow-http",
		    "fetch keys over plain http"),
	AC_OPT_UINT(struct trust_opts, port, "port", "PORT",
		    "port of discovery, in place of 443 (and 80)"),
	AC_OPT_BOOL(struct trust_opts, no_legend, "no-legend",
		    "of 'trust list': no line of headings"),
	AC_OPT_STRING(struct trust_opts, require, "require", "N",
		      "images need good signatures by N different keys"),
	AC_OPT_LIST(struct trust_opts, require_keys, "require-key",
		    "FINGERPRINT", "and one of them is by this key (repeat)"),
	AC_OPT_BOOL(struct trust_opts, policy, "policy",
		    "of 'trust remove': what --require wrote"),
	AC_OPT_END,
};

const char trust_about[] =
	"PUBKEY is a file or an https URL, of OpenPGP keys or a plain key in "
	"PEM;\n"
	"without one, the keys that the site of the prefix announces\n"
	"(ac-discovery-pubkeys) are shown.  Also:\n"
	"\n"
	"  acfetch trust --require=N --prefix=NAME|--root [PUBKEY...]\n"
	"  acfetch trust list\n"
	"  acfetch trust remove [--prefix=NAME|--root] FINGERPRINT...\n"
	"  acfetch trust remove --prefix=NAME\n"
	"  acfetch trust remove --policy --prefix=NAME|--root\n"
	"\n"
	"A file named 'list' or 'remove' is given as ./list or ./remove.";

static bool is_https(const char *location)
{
	return ac_str_starts(ac_str(location), "https://");
}

static bool is_http(const char *location)
{
	return ac_str_starts(ac_str(location), "http://");
}

/* A line of standard input, "" when it is longer than any answer (its end is
 * none either); false at the end. */
static bool read_answer(char line[MAX_ANSWER])
{
	size_t n = 0;
	int c;

	while ((c = getchar()) != EOF && c != '\n')
		if (n++ < MAX_ANSWER - 1)
			line[n - 1] = (char)c;
	line[n < MAX_ANSWER ? n : 0] = '\0';
	return n != 0 || c != EOF;
}

/* 1 yes, 0 no, -1. */
static int ask(FILE *out, struct ac_err *err)
{
	char line[MAX_ANSWER];

	for (;;) {
		struct ac_str s;

		fputs("Are you sure you want to trust this key (yes/no)?\n",
		      out);
		(void)fflush(out);
		if (!read_answer(line))
			return ac_err_set(err, AC_E_DENIED,
					  "no answer about the fingerprint");
		s = ac_str_trim(ac_str(line));
		if (ac_str_eq(s, "yes"))
			return 1;
		if (ac_str_eq(s, "no"))
			return 0;
		fputs("Please enter 'yes' or 'no'\n", out);
	}
}

static int no_tty(const struct trust_how *how, const char *location,
		  struct ac_err *err)
{
	AC_FREE char *scope =
		how->prefix != NULL
			? ac_xasprintf("--prefix \"%s\"", how->prefix)
			: ac_xstrdup("--root");

	return ac_err_set(err, AC_E_DENIED,
			  "unable to ask user to review fingerprint due to "
			  "lack of tty; to trust the key '%s', run 'acfetch "
			  "trust %s' on a terminal, or give "
			  "--skip-fingerprint-review to it, or "
			  "--trust-keys-from-https",
			  location, scope);
}

/* Show the keys from LOCATION and have them reviewed: 1 to trust, 0 not. */
static int review(const struct trust_how *how, const char *location,
		  const struct trust_keys *keys, struct ac_err *err)
{
	bool skip =
		how->skip_review || (how->g->trust_https && is_https(location));
	AC_FREE char *shown = ac_str_show(location);
	int r;

	ac_log("prefix: \"%s\"", how->prefix != NULL ? how->prefix : "");
	ac_log("key: \"%s\"", shown);
	trust_keys_show(keys, how->show);
	if (!skip && (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0))
		return no_tty(how, shown, err);
	r = skip ? 1 : ask(how->show, err);
	if (r < 0)
		return -1;
	if (r == 0)
		ac_log("Not trusting \"%s\"", shown);
	else if (how->prefix != NULL)
		ac_log("Trusting \"%s\" for prefix \"%s\" %s fingerprint "
		       "review.",
		       shown, how->prefix, skip ? "without" : "after");
	else
		ac_log("Trusting \"%s\" for all images %s fingerprint review.",
		       shown, skip ? "without" : "after");
	return r;
}

static void tell_added(const struct trust_how *how, struct ac_key_name key,
		       const char *path)
{
	struct ac_json *o = ac_json_object();

	if (how->prefix != NULL)
		ac_json_set_str(o, "prefix", how->prefix);
	ac_json_set(o, "root", ac_json_new_bool(how->prefix == NULL));
	ac_json_set_str(o, "kind", trust_kind(key.kind));
	ac_json_set_str(o, "fingerprint", key.fingerprint);
	ac_json_set_str(o, "path", path);
	ac_json_push(how->added, o);
}

static int keep(const struct trust_how *how, const struct trust_keys *keys,
		size_t i, const struct ac_buf *text, const char *location,
		struct ac_err *err)
{
	const struct ac_key_name key = trust_keys_name(keys, i);
	const struct ac_keystore ks = keystore(how->g);
	AC_FREE char *alone = NULL;
	AC_FREE char *path = NULL;

	if (trust_keys_extract(keys, i, text, location, &alone, err) < 0)
		return -1;
	if (ac_keystore_add(&ks, how->prefix, key, alone, &path, err) < 0)
		return ac_err_ctx(err,
				  err->sys == EACCES
					  ? "add key '%s' (as root, or with a "
					    "--user-config=DIR of your own)"
					  : "add key '%s'",
				  key.fingerprint);
	if (how->prefix != NULL)
		ac_log("Added key for prefix \"%s\" at \"%s\"", how->prefix,
		       path);
	else
		ac_log("Added root key at \"%s\"", path);
	if (how->added != NULL)
		tell_added(how, key, path);
	return 0;
}

/* Are all of these trusted at this very place already? */
static int all_trusted(const struct trust_how *how,
		       const struct trust_keys *keys, struct ac_err *err)
{
	AC_CLEANUP(ac_trust_release) struct ac_trust have = AC_TRUST_INIT;
	const struct ac_keystore ks = keystore(how->g);
	size_t found = 0;

	if (ac_keystore_load(&ks, NULL, &have, err) < 0)
		return -1;
	for (size_t i = 0; i < keys->n; i++)
		found += ac_trust_has(&have, how->prefix,
				      trust_keys_name(keys, i));
	return found == keys->n ? 1 : 0;
}

/* Trust KEYS, which came from LOCATION in TEXT: how many, or -1. */
static int trust_keys(const struct trust_how *how, const char *location,
		      const struct trust_keys *keys, const struct ac_buf *text,
		      struct ac_err *err)
{
	int r = all_trusted(how, keys, err);

	if (r > 0) {
		AC_FREE char *shown = ac_str_show(location);

		ac_log("key \"%s\" already trusted", shown);
	} else if (r == 0) {
		r = review(how, location, keys, err);
		for (size_t i = 0; r > 0 && i < keys->n; i++)
			if (keep(how, keys, i, text, location, err) < 0)
				r = -1;
	}
	return r > 0 ? (int)keys->n : r;
}

static int read_file(const char *path, struct ac_buf *out, struct ac_err *err)
{
	AC_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return ac_err_sys(err, errno, "open key '%s'", path);
	return ac_io_slurp(fd, out, path, err);
}

static int get_url(struct ac_http *h, const char *url, struct ac_buf *out,
		   struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response r = AC_HTTP_RESPONSE_INIT;
	struct ac_http_request q = {.url = url, .max_body = MAX_KEYS};

	if (ac_http_do(h, &q, &r, err) < 0)
		return ac_err_ctx(err, "get key '%s'", url);
	if (r.status != 200)
		return ac_err_set(err, AC_E_NET,
				  "get key '%s': bad HTTP status code: %ld",
				  url, r.status);
	ac_buf_add(out, ac_buf_str(&r.body), r.body.len);
	return ac_buf_check(out, url, err);
}

/* The file of keys at LOCATION, as text and as keys. */
static int get_keys(const struct trust_how *how, struct ac_http *h,
		    const char *location, struct ac_buf *text,
		    struct trust_keys *keys, struct ac_err *err)
{
	int r;

	if (is_http(location) && !how->allow_http)
		return ac_err_set(err, AC_E_DENIED,
				  "--insecure-allow-http required for http "
				  "URLs: key '%s'",
				  location);
	if (is_http(location) || is_https(location))
		r = get_url(h, location, text, err);
	else if (strstr(location, "://") != NULL)
		r = ac_err_set(err, AC_E_USAGE,
			       "key '%s': only files, http and https are known",
			       location);
	else
		r = read_file(location, text, err);
	return r < 0 ? -1 : trust_keys_read(keys, text, location, err);
}

/* Trust the keys at LOCATION: how many, or -1, and in *none whether that is
 * since there are none to be had. */
static int trust_location(const struct trust_how *how, struct ac_http *h,
			  const char *location, bool *none, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(MAX_KEYS);
	AC_CLEANUP(trust_keys_release)
	struct trust_keys keys = TRUST_KEYS_INIT;

	*none = get_keys(how, h, location, &text, &keys, err) < 0;
	return *none ? -1 : trust_keys(how, location, &keys, &text, err);
}

/* The same of a site's: it must not make us read files of this machine. */
static int trust_url(const struct trust_how *how, struct ac_http *h,
		     const char *url, bool *none, struct ac_err *err)
{
	if (is_https(url) || is_http(url))
		return trust_location(how, h, url, none, err);
	*none = true;
	return ac_err_set(err, AC_E_INVALID,
			  "key '%s': not an http or https URL", url);
}

int trust_urls(const struct trust_how *how, struct ac_http *h,
	       const struct ac_strv *urls, struct ac_err *err)
{
	struct ac_err broken = AC_ERR_INIT;
	size_t n_broken = 0;
	int total = 0;

	for (size_t i = 0; i < urls->n; i++) {
		bool none;
		int r = trust_url(how, h, urls->v[i], &none, err);

		if (r >= 0) {
			total += r;
			continue;
		}
		if (!none || ac_interrupt_check(err) < 0)
			return -1;
		if (n_broken++ != 0)
			ac_warn("%s", broken.msg);
		broken = *err;
	}
	if (n_broken != 0 && n_broken == urls->n) {
		*err = broken;
		return -1;
	}
	if (n_broken != 0)
		ac_warn("%s; the site's other keys are used", broken.msg);
	return total;
}

int trust_discovered(const struct trust_how *how, struct ac_http *h,
		     uint64_t port, struct ac_err *err)
{
	AC_CLEANUP(credentials_release)
	struct credentials credentials = CREDENTIALS_INIT;
	struct ac_discover_opts o = {.want = AC_DISCOVER_KEYS,
				     .port = (unsigned int)port,
				     .sign = credentials_sign,
				     .sign_ctx = &credentials};
	struct ac_ref name = AC_REF_INIT;
	struct ac_discovered d = AC_DISCOVERED_INIT;
	int r;

	if (credentials_load(how->g, &credentials, err) < 0)
		return -1;
	name.kind = AC_REF_NAME;
	name.text = ac_xstrdup(how->prefix);
	name.name = ac_xstrdup(how->prefix);
	r = ac_discover(h, &name, &o, &d, err);
	if (r == 0)
		r = trust_urls(how, h, &d.keys, err);
	ac_discovered_release(&d);
	ac_ref_release(&name);
	return r;
}

static int check_scope(const struct trust_opts *o, int n, struct ac_err *err)
{
	if (o->prefix != NULL && o->root)
		return ac_err_set(err, AC_E_USAGE,
				  "--root and --prefix exclude each other");
	if (o->prefix == NULL && !o->root && n != 0)
		return ac_err_set(err, AC_E_USAGE,
				  "aborting due to implicit unbounded trust: "
				  "say what the key may sign by --prefix=NAME, "
				  "or --root to trust it for every image");
	if (o->prefix == NULL && !o->root)
		return ac_err_set(err, AC_E_USAGE,
				  "trust: --prefix=NAME or a PUBKEY is needed");
	if (o->root && n == 0 && !trust_policy_given(o))
		return ac_err_set(err, AC_E_USAGE,
				  "--root needs a PUBKEY: a file or a URL");
	if (o->port > 65535)
		return ac_err_set(err, AC_E_USAGE, "--port: too large");
	if (o->policy)
		return ac_err_set(err, AC_E_USAGE,
				  "--policy goes with 'trust remove'");
	if (trust_policy_check(o, err) < 0)
		return -1;
	if (o->prefix == NULL)
		return 0;
	if (strstr(o->prefix, "://") != NULL)
		return ac_err_set(err, AC_E_USAGE,
				  "--prefix must not contain a URL scheme, "
				  "omit https://");
	if (ac_identifier_check(o->prefix, AC_NAME_STRICT, err) < 0) {
		err->code = AC_E_USAGE;
		return ac_err_ctx(err, "--prefix '%s'", o->prefix);
	}
	return 0;
}

static int trust_all(const struct trust_how *how, const struct trust_opts *o,
		     unsigned int insecure, struct ac_call *c,
		     struct ac_err *err)
{
	unsigned int bits = insecure & AC_INSECURE_TLS;
	struct ac_http *h =
		http_client(how->g,
			    bits | (how->allow_http ? AC_INSECURE_HTTP : 0),
			    NULL);
	bool none; /* all the same here */
	int r = 0;

	if (c->argc == 0 && !trust_policy_given(o))
		r = trust_discovered(how, h, o->port, err);
	for (int i = 0; i < c->argc && r >= 0; i++)
		r = trust_location(how, h, c->argv[i], &none, err);
	ac_http_free(h);
	if (r >= 0 && trust_policy_given(o))
		r = trust_policy_write(how->g, o, err);
	if (r >= 0 && how->added != NULL)
		r = ac_print_json(how->added, 2, err);
	return r < 0 ? -1 : 0;
}

void trust_offer(const struct globals *g, unsigned int insecure,
		 const char *name, uint64_t port)
{
	struct trust_how how = {.g = g, .prefix = name, .show = stderr};
	struct ac_err err = AC_ERR_INIT;
	unsigned int bits = 0;
	struct ac_http *h;
	int r = verify_has_keys(g, name, &err);

	if (r != 0)
		return; /* also when the keystore is broken: it is told later */
	/* Nobody looked at the way that keys come by, unless he said so. */
	if ((insecure & AC_INSECURE_PUBKEY) != 0)
		bits = insecure & (AC_INSECURE_TLS | AC_INSECURE_HTTP);
	how.allow_http = (bits & AC_INSECURE_HTTP) != 0;
	h = http_client(g, bits, ac_interrupt_catch());
	ac_log("no key is trusted for \"%s\": asking its site", name);
	if (trust_discovered(&how, h, port, &err) < 0)
		ac_warn("no key was added for \"%s\": %s", name, err.msg);
	ac_http_free(h);
}

int trust_run(struct ac_call *c, struct ac_err *err)
{
	const struct trust_opts *o = c->opts;
	const struct globals *g = c->globals;
	AC_JSON struct ac_json *added = g->json ? ac_json_array() : NULL;
	unsigned int insecure = ac_insecure_bits(g->insecure);
	struct trust_how how = {
		.g = g,
		.prefix = o->prefix,
		.skip_review = o->skip_review,
		.allow_http = o->allow_http,
		.show = g->json ? stderr : stdout,
		.added = added,
	};

	if (c->argc == 1 && strcmp(c->argv[0], "list") == 0)
		return trust_list(g, o->no_legend, err);
	if (c->argc != 0 && strcmp(c->argv[0], "remove") == 0)
		return trust_remove(g, o, c->argc - 1, c->argv + 1, err);
	if (check_scope(o, c->argc, err) < 0)
		return -1;
	if (insecure & AC_INSECURE_HTTP && insecure & AC_INSECURE_PUBKEY)
		how.allow_http = true;
	if (confine_trust(g, c->argv, c->argc, err) < 0)
		return -1;
	return trust_all(&how, o, insecure, c, err);
}
