/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/registry.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/codec/json.h"
#include "common/net/registry_priv.h"
#include "common/net/url.h"

enum {
	MAX_MANIFEST = 8 << 20,
	MAX_LOGINS = 2, /* of one request */
	MAX_TOLD = 200, /* bytes of a registry's own words */
};

struct ac_registry *ac_registry_new(struct ac_http *h, const struct ac_ref *ref,
				    const struct ac_registry_auth *a)
{
	struct ac_registry *r = ac_xcalloc(1, sizeof(*r));

	r->http = h;
	r->host = ac_xstrdup(ref->registry);
	r->repository = ac_xstrdup(ref->repository);
	ac_auth_init(&r->auth, h, r->host, r->repository, a);
	return r;
}

void ac_registry_free(struct ac_registry *r)
{
	if (r == NULL)
		return;
	ac_auth_release(&r->auth);
	free(r->host);
	free(r->repository);
	free(r);
}

/* May this registry be spoken to by http when https does not work? */
static bool may_be_plain(const struct ac_registry *r)
{
	AC_FREE char *text = ac_xasprintf("https://%s/", r->host);
	AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;
	struct ac_err ignored = AC_ERR_INIT;

	if (ac_http_allows_http(r->http))
		return true;
	return ac_url_parse(&u, text, &ignored) == 0 &&
	       ac_url_host_is_loopback(u.host);
}

/* One request, without an answer to a challenge. */
static int ask(struct ac_registry *r, const char *where,
	       struct ac_http_request *q, struct ac_http_response *a,
	       struct ac_err *err)
{
	AC_FREE char *url =
		strstr(where, "://") != NULL
			? ac_xstrdup(where)
			: ac_xasprintf("%s://%s/v2/%s/%s",
				       r->plain ? "http" : "https", r->host,
				       r->repository, where);
	int ret;

	q->url = url;
	q->allow_http = r->plain;
	q->probe = !r->settled && !r->plain && may_be_plain(r);
	ret = ac_http_do(r->http, q, a, err);
	q->url = NULL;
	if (ret == 0 && !r->settled) { /* before any thread shares R */
		r->settled = true;
		r->public = a->was_public;
	}
	if (ret == 0)
		return 0;
	if (r->settled || r->plain || err->code != AC_E_NET || !may_be_plain(r))
		return -1;
	ac_debug("registry '%s': %s; trying http", r->host, err->msg);
	r->plain = true;
	return ask(r, where, q, a, err);
}

/* Is WHERE, which may be a URL that the registry gave, at its own place? */
static bool at_home(const struct ac_registry *r, const char *where)
{
	AC_FREE char *text = NULL;
	AC_CLEANUP(ac_url_release) struct ac_url home = AC_URL_INIT;
	AC_CLEANUP(ac_url_release) struct ac_url there = AC_URL_INIT;
	struct ac_err ignored = AC_ERR_INIT;

	if (strstr(where, "://") == NULL)
		return true;
	text = ac_xasprintf("%s://%s/", r->plain ? "http" : "https", r->host);
	return ac_url_parse(&home, text, &ignored) == 0 &&
	       ac_url_parse(&there, where, &ignored) == 0 &&
	       ac_url_same_origin(&home, &there);
}

int ac_registry_ask(struct ac_registry *r, const char *where,
		    const struct ac_strv *headers, struct ac_http_request *q,
		    const uint64_t *have, struct ac_http_response *a,
		    struct ac_err *err)
{
	bool home = at_home(r, where);

	for (int logins = 0;; logins++) {
		AC_CLEANUP(ac_strv_wipe) struct ac_strv h = AC_STRV_INIT;
		char *auth = NULL;
		unsigned int generation = 0;
		uint64_t before = have != NULL ? *have : 0;

		if (home &&
		    ac_auth_header(&r->auth, &auth, &generation, err) < 0) {
			free(auth);
			return -1;
		}
		if (auth != NULL)
			ac_strv_take(&h, auth);
		for (size_t i = 0; headers != NULL && i < headers->n; i++)
			ac_strv_push(&h, headers->v[i]);
		q->headers = &h;
		q->sign = home ? r->auth.sign : NULL;
		q->sign_ctx = r->auth.sign_ctx;
		q->offset = before;
		if (ask(r, where, q, a, err) < 0)
			return -1;
		if (have != NULL && *have != before)
			logins = 0;
		if (!home || a->status != 401 || logins >= MAX_LOGINS)
			return 0;
		if (ac_auth_challenge(&r->auth, generation, a, r->plain, err) <
		    0)
			return -1;
	}
}

char *ac_registry_words(const struct ac_http_response *a)
{
	struct ac_err ignored = AC_ERR_INIT;
	AC_JSON struct ac_json *doc =
		a->body.len != 0 ? ac_json_parse(a->body.p, a->body.len,
						 "error", &ignored)
				 : NULL;
	struct ac_json *errors = NULL;
	const char *text = NULL;

	if (doc == NULL ||
	    ac_json_get_array(doc, "", "errors", &errors, &ignored) != 1 ||
	    ac_json_len(errors) == 0 ||
	    ac_json_get_str(ac_json_at(errors, 0), "", "message", &text,
			    &ignored) != 1)
		return ac_xstrdup("");
	return ac_xasprintf(": %.*s", MAX_TOLD, text);
}

static int refused(const struct ac_registry *r, const char *what,
		   const struct ac_http_response *a, struct ac_err *err)
{
	AC_FREE char *words = ac_registry_words(a);

	switch (a->status) {
	case 401:
	case 403:
		return ac_err_set(err, AC_E_DENIED,
				  "registry '%s' does not give %s of '%s' "
				  "(status %ld)%s; it may not exist, or want "
				  "credentials",
				  r->host, what, r->repository, a->status,
				  words);
	case 404:
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "registry '%s' has no %s of '%s'%s", r->host,
				  what, r->repository, words);
	case 429:
		return ac_err_set(err, AC_E_NET,
				  "registry '%s' wants fewer requests (status "
				  "429)%s; try again later",
				  r->host, words);
	default:
		return ac_err_set(err, AC_E_NET,
				  "registry '%s': %s of '%s': status %ld%s",
				  r->host, what, r->repository, a->status,
				  words);
	}
}

/* The bytes of an answer must have this digest; WHO says so. */
static int check_digest(const struct ac_http_response *a,
			const struct ac_digest *expected, const char *who,
			struct ac_err *err)
{
	struct ac_digest digest;
	char want[AC_DIGEST_TEXT];
	char is[AC_DIGEST_TEXT];

	ac_digest_of(expected->alg, ac_buf_str(&a->body), a->body.len, &digest);
	if (ac_digest_equal(expected, &digest))
		return 0;
	ac_digest_print(expected, ':', want);
	ac_digest_print(&digest, ':', is);
	return ac_err_set(err, AC_E_VERIFY,
			  "digest does not match: '%s' %s, what came is '%s'",
			  want, who, is);
}

/* What was asked for by a tag must at least be what the registry itself says
 * that it is: a proxy or a broken store in between shows by that. */
static int check_told(const struct ac_http_response *a, struct ac_err *err)
{
	const char *told = ac_http_header(a, "docker-content-digest");
	struct ac_err ignored = AC_ERR_INIT;
	struct ac_digest d;

	if (told == NULL || ac_digest_parse(&d, told, ':', &ignored) < 0)
		return 0;
	return check_digest(a, &d, "is what the registry says", err);
}

static int check_manifest(const struct ac_http_response *a,
			  const struct ac_digest *expected,
			  struct ac_digest *digest, struct ac_err *err)
{
	const char *type = ac_http_header(a, "content-type");

	ac_digest_of(expected != NULL ? expected->alg : AC_SHA256,
		     ac_buf_str(&a->body), a->body.len, digest);
	if (expected != NULL &&
	    check_digest(a, expected, "was asked for", err) < 0)
		return -1;
	if (expected == NULL && check_told(a, err) < 0)
		return -1;
	if (expected == NULL && type != NULL &&
	    strncasecmp(type, "text/html", 9) == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "a web page came instead; is there a login "
				  "page or a proxy in between?");
	return 0;
}

int ac_registry_manifest(struct ac_registry *r, const char *reference,
			 struct ac_buf *out, struct ac_digest *digest,
			 struct ac_err *err)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv accept = AC_STRV_INIT;
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	AC_FREE char *path = ac_xasprintf("manifests/%s", reference);
	AC_FREE char *what = ac_xasprintf("manifest '%s'", reference);
	bool pinned = strchr(reference, ':') != NULL;
	struct ac_http_request q = {.max_body = MAX_MANIFEST};
	struct ac_digest expected;

	if (pinned && ac_digest_parse(&expected, reference, ':', err) < 0)
		return -1;
	ac_strv_push(&accept, "Accept: " AC_OCI_INDEX ", " AC_DOCKER_LIST
			      ", " AC_OCI_MANIFEST ", " AC_DOCKER_MANIFEST);
	if (ac_registry_ask(r, path, &accept, &q, NULL, &a, err) < 0)
		return -1;
	if (a.status != 200)
		return refused(r, what, &a, err);
	if (check_manifest(&a, pinned ? &expected : NULL, digest, err) < 0)
		return ac_err_ctx(err, "registry '%s': %s of '%s'", r->host,
				  what, r->repository);
	ac_buf_reset(out);
	ac_buf_add(out, ac_buf_str(&a.body), a.body.len);
	return ac_buf_check(out, what, err);
}

bool ac_registry_is_public(const struct ac_registry *r)
{
	return r->public;
}

/* Counts for the resuming, and stops what is too much of nothing. */
struct counted {
	ac_sink_fn sink;
	void *ctx;
	uint64_t have, size;
};

static int count(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct counted *c = ctx;

	if (n > c->size - c->have)
		return ac_err_set(err, AC_E_VERIFY,
				  "the server sends more than the %llu bytes "
				  "that were expected",
				  (unsigned long long)c->size);
	if (c->sink(c->ctx, p, n, err) < 0)
		return -1;
	c->have += n;
	return 0;
}

int ac_registry_blob(struct ac_registry *r, const struct ac_oci_desc *desc,
		     ac_sink_fn sink, void *ctx, struct ac_err *err)
{
	return ac_registry_blob_rest(r, desc, 0, sink, ctx, err);
}

int ac_registry_blob_rest(struct ac_registry *r, const struct ac_oci_desc *desc,
			  uint64_t have, ac_sink_fn sink, void *ctx,
			  struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	struct counted c = {.sink = sink,
			    .ctx = ctx,
			    .have = have,
			    .size = desc->size};
	struct ac_http_request q = {.sink = count,
				    .ctx = &c,
				    .expect_size = desc->size,
				    .pinned = true};
	char digest[AC_DIGEST_TEXT];
	AC_FREE char *path = NULL;
	AC_FREE char *what = NULL;

	if (have != 0 && have == desc->size)
		return 0;
	ac_digest_print(&desc->digest, ':', digest);
	path = ac_xasprintf("blobs/%s", digest);
	what = ac_xasprintf("blob '%s'", digest);
	if (ac_registry_ask(r, path, NULL, &q, &c.have, &a, err) < 0)
		return ac_err_ctx(err, "%s", what);
	if (a.status / 100 != 2)
		return refused(r, what, &a, err);
	if (c.have != c.size)
		return ac_err_set(err, AC_E_VERIFY,
				  "registry '%s': %s of '%s': %llu bytes came, "
				  "%llu were expected",
				  r->host, what, r->repository,
				  (unsigned long long)c.have,
				  (unsigned long long)c.size);
	return 0;
}
