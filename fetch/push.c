/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/print.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/image/ref.h"
#include "common/net/registry.h"
#include "common/sys/interrupt.h"
#include "fetch/credentials.h"
#include "fetch/pusher.h"

const char push_about[] =
	"IMAGE is an App Container Image in a file, which becomes an OCI image\n"
	"of one layer, as 'acconvert to-oci' makes it; an OCI layout (a directory\n"
	"or a tar, with :TAG when it has several images); or an image of the\n"
	"store: an id, a name, docker://...\n"
	"\n"
	"The second operand is docker://HOST[:PORT]/NAME[:TAG]; the tag is\n"
	"'latest' by default.  Blobs that the registry has are not sent again.\n"
	"The digest of the manifest is printed.\n";

const struct ac_opt push_opts[] = {
	AC_OPT_PASSPHRASE(struct push_opts, passphrase_fd),
	AC_OPT_END,
};

/* One run of the command. */
struct pusher {
	const struct globals *g;
	struct ac_secret secret;
	struct credentials credentials;
	struct push_source source;
	struct ac_ref to;
	struct ac_http *http;
	struct push_count count;
};

static void pusher_release(struct pusher *p)
{
	push_source_release(&p->source);
	ac_ref_release(&p->to);
	credentials_release(&p->credentials);
	ac_http_free(p->http);
	ac_secret_release(&p->secret);
}

static int parse_target(struct pusher *p, const char *text, struct ac_err *err)
{
	if (ac_ref_parse(&p->to, text, err) < 0)
		return -1;
	if (p->to.kind != AC_REF_DOCKER)
		return ac_err_set(err, AC_E_USAGE,
				  "'%s' is no place in a registry; it is "
				  "written docker://HOST[:PORT]/NAME[:TAG]",
				  text);
	if (p->to.digest != NULL)
		return ac_err_set(err, AC_E_USAGE,
				  "'%s': the digest comes of the image; give a "
				  "tag",
				  text);
	return 0;
}

/* The repository of the same registry that an image of the store came from:
 * it has the blobs. */
static const char *sibling(const struct pusher *p, struct ac_ref *from)
{
	const struct ac_strv *names = &p->source.from.record.names;
	struct ac_err ignored = AC_ERR_INIT;

	for (size_t i = 0; i < names->n; i++) {
		ac_ref_release(from);
		*from = AC_REF_INIT;
		if (ac_ref_parse(from, names->v[i], &ignored) == 0 &&
		    from->kind == AC_REF_DOCKER &&
		    strcmp(from->registry, p->to.registry) == 0 &&
		    strcmp(from->repository, p->to.repository) != 0)
			return from->repository;
	}
	return NULL;
}

static int push(struct pusher *p, struct ac_err *err)
{
	AC_CLEANUP(ac_ref_release) struct ac_ref from = AC_REF_INIT;
	struct ac_registry_auth auth;
	struct ac_registry *reg;
	int ret;

	if (credentials_find(&p->credentials, p->to.registry, p->to.repository,
			     err) < 0)
		return -1;
	auth = credentials_registry(&p->credentials, p->to.registry,
				    p->to.repository);
	reg = ac_registry_new(p->http, &p->to, &auth);
	ret = push_image(reg, &p->to, &p->source, sibling(p, &from), &p->count,
			 err);
	ac_registry_free(reg);
	return ret;
}

static int print(const struct pusher *p, struct ac_err *err)
{
	AC_JSON struct ac_json *o = ac_json_object();
	AC_FREE char *reference = ac_ref_canonical(&p->to);
	char digest[AC_DIGEST_TEXT];

	ac_digest_print(&p->source.digest, ':', digest);
	ac_debug("%u blobs sent, %u were there, %u mounted", p->count.sent,
		 p->count.there, p->count.mounted);
	if (!p->g->json) {
		printf("%s\n", digest);
		return 0;
	}
	ac_json_set_str(o, "reference", reference);
	ac_json_set_str(o, "digest", digest);
	ac_json_set_int(o, "sent", p->count.sent);
	ac_json_set_int(o, "present", p->count.there);
	ac_json_set_int(o, "mounted", p->count.mounted);
	return ac_print_json(o, 2, err);
}

int push_run(struct ac_call *c, struct ac_err *err)
{
	const struct push_opts *o = c->opts;
	AC_CLEANUP(pusher_release)
	struct pusher p = {.g = c->globals,
			   .secret = AC_SECRET_INIT,
			   .source = PUSH_SOURCE_INIT,
			   .to = AC_REF_INIT};
	int ret;

	if (parse_target(&p, c->argv[1], err) < 0 ||
	    ac_secret_option(&p.secret, o->passphrase_fd, err) < 0 ||
	    credentials_load(p.g, &p.credentials, err) < 0)
		return -1;
	p.http = http_client(p.g, ac_insecure_bits(p.g->insecure),
			     ac_interrupt_catch());
	ret = push_source_open(&p.source, c->argv[0], p.g, &p.secret, err);
	if (ret == 0)
		ret = push(&p, err);
	if (ret < 0 && ac_interrupt_code() != 0) {
		ac_log("interrupted; no manifest was pushed");
		return ac_interrupt_code();
	}
	return ret < 0 ? -1 : print(&p, err);
}
