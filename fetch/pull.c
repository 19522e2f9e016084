/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/limitopt.h"
#include "common/cli/print.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/net/url.h"
#include "common/store/config.h"
#include "common/store/render.h"
#include "common/sys/interrupt.h"
#include "fetch/confine.h"
#include "fetch/events.h"
#include "fetch/puller.h"

enum { SHORT_ID = 7 + 32 };

const char pull_about[] =
	"IMAGE is a file, an http(s) URL that ends in .aci, a name\n"
	"(example.com/app:1.0,os=linux) or docker://[HOST/]NAME[:TAG|@DIGEST].\n"
	"The id of each image is printed when it is in the store.\n"
	"\n"
	"Images must be signed by a key that 'acfetch trust' knows; images of\n"
	"registries carry no such signature: they need\n"
	"--insecure-options=image, a digest in the reference, or cosign's\n"
	"signature by a plain key that is trusted.\n";

const struct ac_opt pull_opts[] = {
	AC_OPT_LIST(struct pull_opts, signatures, "signature", "FILE",
		    "a signature of the image, a file or a URL (repeat); "
		    "default: beside the image, with .asc or .sigstore.json "
		    "behind its name"),
	AC_OPT_BOOL(struct pull_opts, full, "full", "print whole ids"),
	AC_OPT_CHOICE(struct pull_opts, policy, "pull-policy", "POLICY",
		      AC_OBTAIN_POLICIES,
		      "take images only from the store; fetch what is not "
		      "there (the default); or ask again"),
	AC_OPT_BOOL(struct pull_opts, store_only, "store-only",
		    "the same as --pull-policy=never"),
	AC_OPT_BOOL(struct pull_opts, no_store, "no-store",
		    "the same as --pull-policy=update"),
	AC_OPT_STRING(struct pull_opts, platform, "platform",
		      "OS/ARCH[/VARIANT]",
		      "of a multi-platform image, such as linux/arm64; "
		      "default: this machine's"),
	AC_OPT_PASSPHRASE(struct pull_opts, passphrase_fd),
	AC_OPT_STRING(struct pull_opts, events, "events", "N",
		      "write what is being done as JSON lines to this "
		      "descriptor, 2 or higher"),
	AC_OPT_BOOL(struct pull_opts, quiet, "events-error",
		    "an error is only an event, and no message"),
	AC_OPT_UINT(struct pull_opts, port, "port", "PORT",
		    "ask this port when a name is discovered"),
	AC_OPT_LIMIT(struct pull_opts, limits),
	AC_OPT_END,
};

static int set_policy(struct puller *p, struct ac_err *err)
{
	const char *text = p->o->policy;

	if (p->o->store_only + p->o->no_store + (p->o->policy != NULL) > 1)
		return ac_err_set(err, AC_E_USAGE,
				  "give only one of --pull-policy, "
				  "--store-only and --no-store");
	if (p->o->store_only)
		text = "never";
	if (p->o->no_store)
		text = "update";
	p->policy = ac_obtain_policy(text);
	return 0;
}

static bool plain_word(struct ac_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.p[i] < 'a' || s.p[i] > 'z') &&
		    (s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '_' &&
		    s.p[i] != '-' && s.p[i] != '.')
			return false;
	return s.len != 0;
}

static int set_platform(struct puller *p, struct ac_err *err)
{
	struct ac_str rest = ac_str(p->o->platform);
	struct ac_str os;
	struct ac_str arch;
	bool two;
	bool three;

	if (p->o->platform == NULL)
		return 0;
	two = ac_str_cut(&rest, '/', &os);
	three = ac_str_cut(&rest, '/', &arch);
	if (!two || !plain_word(os) || !plain_word(arch) ||
	    (three && !plain_word(rest)))
		return ac_err_set(err, AC_E_USAGE,
				  "bad --platform '%s'; it is OS/ARCH or "
				  "OS/ARCH/VARIANT, such as linux/arm64",
				  p->o->platform);
	p->os = ac_xstrndup(os.p, os.len);
	p->arch = ac_xstrndup(arch.p, arch.len);
	if (three)
		p->variant = ac_xstrndup(rest.p, rest.len);
	return 0;
}

static void puller_release(struct puller *p)
{
	free(p->os);
	free(p->arch);
	free(p->variant);
	ac_store_release(&p->store);
	ac_http_free(p->http);
	credentials_release(&p->credentials);
	pull_graph_release(&p->graph);
	ac_secret_release(&p->secret);
	events_free(p->events);
}

static void on_retry(void *ctx, const char *what, const char *why,
		     uint64_t pause_ms)
{
	struct ac_json *o = ac_json_object();

	ac_json_set_str(o, "reason", why);
	ac_json_set_int(o, "pause_ms", (int64_t)pause_ms);
	events_tell(ctx, "retry", what, o);
}

/* All that may be asked for: later nothing can be executed for it. */
static int load_credentials(struct puller *p, const struct ac_call *c,
			    struct ac_err *err)
{
	if (credentials_load(p->g, &p->credentials, err) < 0)
		return -1;
	for (int i = 0; p->policy != AC_OBTAIN_NEVER && i < c->argc; i++)
		if (credentials_find_for(&p->credentials, c->argv[i], err) < 0)
			return -1;
	return 0;
}

static int prepare(struct puller *p, const struct ac_call *c,
		   struct ac_err *err)
{
	struct ac_config where;

	*p = (struct puller){.g = c->globals,
			     .o = c->opts,
			     .store = AC_STORE_INIT,
			     .secret = AC_SECRET_INIT};
	p->insecure = ac_insecure_bits(p->g->insecure);
	where = config(p->g);
	if (ac_config_limits(&where, &p->o->limits, err) < 0 ||
	    set_policy(p, err) < 0 || set_platform(p, err) < 0)
		return -1;
	if (p->o->port > 65535)
		return ac_err_set(err, AC_E_USAGE, "--port is at most 65535");
	if (p->o->signatures.n != 0 && c->argc != 1)
		return ac_err_set(err, AC_E_USAGE,
				  "--signature is for one image only");
	if (events_open(p->o->events, &p->events, err) < 0 ||
	    ac_secret_option(&p->secret, p->o->passphrase_fd, err) < 0)
		return -1;
	if (load_credentials(p, c, err) < 0 || confine_pull(p, c, err) < 0 ||
	    open_store(p->g, true, &p->store, err) < 0)
		return -1;
	p->http = http_client(p->g, p->insecure, ac_interrupt_catch());
	if (p->events != NULL)
		ac_http_on_retry(p->http, on_retry, p->events);
	if ((p->insecure & AC_INSECURE_IMAGE) != 0)
		ac_warn("image signature verification has been disabled");
	if ((p->insecure & AC_INSECURE_TLS) != 0)
		ac_warn("TLS verification has been disabled");
	return 0;
}

static struct ac_json *result(const char *reference, const struct pulled *done)
{
	struct ac_json *o = ac_json_object();

	ac_json_set_str(o, "reference", reference);
	ac_json_set_str(o, "id", done->id);
	ac_json_set(o, "fetched", ac_json_new_bool(done->fetched));
	return o;
}

static void tell_error(const struct puller *p, const char *why)
{
	struct ac_json *o = ac_json_object();

	ac_json_set_str(o, "reason", why);
	events_tell(p->events, "error", NULL, o);
}

/* What 'acrun' needs beyond the layers: its own process writes nothing into the
 * store. */
static int make_runnable(struct puller *p, const char *id, struct ac_err *err)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	int found;

	/* Root does that, when root takes what a member offers. */
	if (p->store.offered)
		return 0;
	found = ac_store_get(&p->store, id, &r, err);
	return found > 0 ? ac_store_prepare(&p->store, &r, err) : found;
}

static int pull_one(struct puller *p, const char *text, struct ac_json *results,
		    struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref ref = AC_REF_INIT;
	AC_FREE char *shown = NULL;
	struct pulled done = {.fetched = false};

	if (ac_ref_parse(&ref, text, err) < 0)
		return -1;
	shown = ref.kind == AC_REF_URL ? ac_url_show(text) : ac_xstrdup(text);
	events_image(p->events, shown);
	if (p->o->signatures.n != 0 &&
	    (ref.kind == AC_REF_DOCKER || ref.kind == AC_REF_ID))
		return ac_err_set(err, AC_E_USAGE,
				  "--signature is of a file, a URL or a name; "
				  "'%s' is %s",
				  shown,
				  ref.kind == AC_REF_ID
					  ? "an id, which says what it is"
					  : "an image of a registry, where its "
					    "signatures are too");
	if (pull_image(p, &ref, &done, err) < 0 ||
	    make_runnable(p, done.id, err) < 0)
		return ac_err_ctx(err, "image '%s'", shown);
	events_tell(p->events, "done", NULL, result(shown, &done));
	if (p->g->json)
		ac_json_push(results, result(shown, &done));
	else
		printf("%.*s\n", p->o->full ? AC_DIGEST_TEXT : SHORT_ID,
		       done.id);
	return 0;
}

int pull_run(struct ac_call *c, struct ac_err *err)
{
	AC_CLEANUP(puller_release) struct puller p;
	AC_JSON struct ac_json *results = ac_json_array();
	int ret = prepare(&p, c, err);

	for (int i = 0; ret == 0 && i < c->argc; i++)
		ret = pull_one(&p, c->argv[i], results, err);
	if (ret < 0)
		tell_error(&p,
			   ac_interrupt_code() != 0 ? "interrupted" : err->msg);
	if (ret < 0 && ac_interrupt_code() != 0) {
		ac_log("interrupted; what came so far is kept where "
		       "another pull can go on with it");
		return ac_interrupt_code();
	}
	if (ret < 0 && p.o->quiet && p.events != NULL)
		return err->code == AC_E_USAGE ? 2 : 1;
	if (ret == 0 && p.g->json)
		ret = ac_print_json(results, 2, err);
	return ret;
}
