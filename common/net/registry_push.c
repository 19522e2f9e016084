/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/registry_push.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/net/registry_priv.h"
#include "common/net/url.h"
#include "common/sys/interrupt.h"

enum {
	MAX_TRIES = 4,     /* of one blob, without progress between */
	BACKOFF_MS = 250,  /* doubled each time */
	SLICE_MS = 50,     /* how soon an interrupt is noticed in a wait */
	AT_ONCE = 1 << 20, /* what is sent with one request */
	MAX_ANSWER = 1 << 20,
};

/* A blob on its way. */
struct upload {
	struct ac_registry *r;
	const struct ac_registry_blob_src *b;
	char digest[AC_DIGEST_TEXT];
	char *location; /* of the upload under way, or NULL */
	uint64_t off;   /* what the registry has of it */
};

/* How a step ended. */
enum step {
	STEP_DONE,
	STEP_FAIL,  /* *err says why */
	STEP_RETRY, /* the same; another try may help */
};

static int refused(const struct ac_registry *r, const char *what,
		   const struct ac_http_response *a, struct ac_err *err)
{
	AC_FREE char *words = ac_registry_words(a);

	if (a->status == 401 || a->status == 403)
		return ac_err_set(err, AC_E_DENIED,
				  "registry '%s' does not take %s into '%s' "
				  "(status %ld)%s; it may want credentials, in "
				  "a file in auth.d",
				  r->host, what, r->repository, a->status,
				  words);
	if (a->status == 404 || a->status == 405)
		return ac_err_set(err, AC_E_UNSUPPORTED,
				  "registry '%s' does not take %s into '%s' "
				  "(status %ld)%s; it may be read-only",
				  r->host, what, r->repository, a->status,
				  words);
	return ac_err_set(err, AC_E_NET,
			  "registry '%s' does not take %s into '%s': status "
			  "%ld%s",
			  r->host, what, r->repository, a->status, words);
}

static bool may_pass(long status)
{
	return status == 408 || status == 429 || status >= 500;
}

/* The step that A answers did not do what it was for. */
static enum step not_done(struct upload *u, const struct ac_http_response *a,
			  struct ac_err *err)
{
	AC_FREE char *what = ac_xasprintf("blob '%s'", u->digest);
	bool lost = u->location != NULL && a->status == 404;

	(void)refused(u->r, what, a, err);
	return lost || a->status == 416 || may_pass(a->status) ? STEP_RETRY
							       : STEP_FAIL;
}

/* A request of the upload.  STEP_DONE: there is an answer. */
static enum step ask(struct upload *u, const char *where,
		     const struct ac_strv *headers, struct ac_http_request *q,
		     struct ac_http_response *a, struct ac_err *err)
{
	q->once = true;
	q->max_body = MAX_ANSWER;
	if (ac_registry_ask(u->r, where, headers, q, NULL, a, err) == 0)
		return STEP_DONE;
	return err->code == AC_E_NET ? STEP_RETRY : STEP_FAIL;
}

/* Where the upload goes on. */
static enum step take_location(struct upload *u,
			       const struct ac_http_response *a,
			       struct ac_err *err)
{
	AC_CLEANUP(ac_url_release) struct ac_url base = AC_URL_INIT;
	AC_CLEANUP(ac_url_release) struct ac_url next = AC_URL_INIT;
	const char *to = ac_http_header(a, "location");

	if (to == NULL && u->location != NULL)
		return STEP_DONE; /* where it was */
	if (to == NULL) {
		ac_err_set(err, AC_E_INVALID,
			   "registry '%s' does not say where to send a blob",
			   u->r->host);
		return STEP_FAIL;
	}
	if (ac_url_parse(&base, a->url, err) < 0 ||
	    ac_url_join(&next, &base, to, err) < 0)
		return STEP_FAIL;
	if (strcmp(base.scheme, "https") == 0 &&
	    strcmp(next.scheme, "https") != 0 &&
	    !ac_http_allows_http(u->r->http)) {
		ac_err_set(err, AC_E_DENIED,
			   "registry '%s' wants blobs by plain http, which is "
			   "refused",
			   u->r->host);
		return STEP_FAIL;
	}
	free(u->location);
	u->location = ac_xstrdup(next.text);
	return STEP_DONE;
}

/* Begin an upload: *mounted when none is needed. */
static enum step start(struct upload *u, bool *mounted, struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	struct ac_http_request q = {.method = "POST"};
	AC_FREE char *mount =
		ac_url_with_query("blobs/uploads/", "mount", u->digest);
	AC_FREE char *from =
		u->b->mount_from != NULL
			? ac_url_with_query(mount, "from", u->b->mount_from)
			: ac_xstrdup("blobs/uploads/");
	enum step s = ask(u, from, NULL, &q, &a, err);

	if (s != STEP_DONE)
		return s;
	u->off = 0;
	*mounted = a.status == 201;
	if (*mounted)
		return STEP_DONE;
	return a.status == 202 ? take_location(u, &a, err)
			       : not_done(u, &a, err);
}

/* All from where the registry has it. */
static enum step send_rest(struct upload *u, struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv h = AC_STRV_INIT;
	const struct ac_http_upload body = {.fd = u->b->fd,
					    .off = u->b->off + u->off,
					    .size = u->b->size - u->off,
					    .sent = u->b->sent,
					    .ctx = u->b->ctx};
	struct ac_http_request q = {.method = "PATCH", .upload = &body};
	enum step s;

	ac_strv_push(&h, "Content-Type: application/octet-stream");
	if (u->off != 0)
		ac_strv_pushf(&h, "Content-Range: %ju-%ju", (uintmax_t)u->off,
			      (uintmax_t)(u->b->size - 1));
	s = ask(u, u->location, &h, &q, &a, err);
	if (s != STEP_DONE)
		return s;
	if (a.status / 100 != 2)
		return not_done(u, &a, err);
	u->off = u->b->size;
	return take_location(u, &a, err);
}

/* The end, with the whole blob when nothing of it was sent. */
static enum step finish(struct upload *u, struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv h = AC_STRV_INIT;
	AC_FREE char *url = ac_url_with_query(u->location, "digest", u->digest);
	const struct ac_http_upload body = {.fd = u->b->fd,
					    .off = u->b->off + u->off,
					    .size = u->b->size - u->off,
					    .sent = u->b->sent,
					    .ctx = u->b->ctx};
	struct ac_http_request q = {.method = "PUT", .upload = &body};
	enum step s;

	ac_strv_push(&h, "Content-Type: application/octet-stream");
	s = ask(u, url, &h, &q, &a, err);
	if (s != STEP_DONE)
		return s;
	return a.status == 201 || a.status == 204 ? STEP_DONE
						  : not_done(u, &a, err);
}

/* How much of an upload that broke the registry has; without an answer it
 * begins anew. */
static void find_offset(struct upload *u)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	struct ac_http_request q = {.method = "GET"};
	struct ac_err ignored = AC_ERR_INIT;
	const char *range = NULL;
	uint64_t last = 0;

	if (u->location == NULL)
		return;
	if (ask(u, u->location, NULL, &q, &a, &ignored) == STEP_DONE &&
	    a.status == 204)
		range = ac_http_header(&a, "range");
	if (range != NULL && strncmp(range, "bytes=", 6) == 0)
		range += 6;
	if (range == NULL || strncmp(range, "0-", 2) != 0 ||
	    ac_num_max(ac_str(range + 2), u->b->size - 1, &last) < 0 ||
	    take_location(u, &a, &ignored) != STEP_DONE) {
		free(u->location);
		u->location = NULL;
		u->off = 0;
		return;
	}
	/* "0-0" is also said of nothing. */
	u->off = last != 0 ? last + 1 : 0;
	ac_debug("blob '%s': the registry has %ju bytes", u->digest,
		 (uintmax_t)u->off);
}

static enum step step(struct upload *u, bool *mounted, struct ac_err *err)
{
	enum step s = STEP_DONE;

	if (u->location == NULL)
		s = start(u, mounted, err);
	if (s != STEP_DONE || *mounted)
		return s;
	if (u->b->size > AT_ONCE && u->off < u->b->size)
		s = send_rest(u, err);
	return s == STEP_DONE ? finish(u, err) : s;
}

static int wait_ms(unsigned int ms, struct ac_err *err)
{
	const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};

	for (unsigned int t = 0; t < ms; t += SLICE_MS) {
		if (ac_interrupt_check(err) < 0)
			return -1;
		(void)nanosleep(&slice, NULL);
	}
	return 0;
}

static int upload(struct upload *u, struct ac_err *err)
{
	unsigned int tries = 0;
	bool mounted = false;

	for (;;) {
		uint64_t before = u->off;
		struct ac_err ignored = AC_ERR_INIT;
		enum step s = step(u, &mounted, err);

		if (s == STEP_DONE)
			return mounted ? AC_PUSHED_MOUNTED : AC_PUSHED_SENT;
		if (s == STEP_FAIL)
			return -1;
		ac_debug("blob '%s': %s", u->digest, err->msg);
		if (++tries >= MAX_TRIES ||
		    wait_ms((unsigned int)BACKOFF_MS << tries, &ignored) < 0)
			return -1;
		find_offset(u);
		if (u->off > before)
			tries = 0;
	}
}

/* Does the repository have it?  1, 0, -1. */
static int has_blob(struct upload *u, struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	AC_FREE char *path = ac_xasprintf("blobs/%s", u->digest);
	struct ac_http_request q = {.method = "HEAD"};

	if (ac_registry_ask(u->r, path, NULL, &q, NULL, &a, err) < 0)
		return -1;
	return a.status == 200;
}

int ac_registry_push_blob(struct ac_registry *r,
			  const struct ac_registry_blob_src *b,
			  struct ac_err *err)
{
	struct upload u = {.r = r, .b = b};
	int ret;

	ac_digest_print(&b->digest, ':', u.digest);
	ret = has_blob(&u, err);
	if (ret > 0)
		return AC_PUSHED_THERE;
	if (ret == 0)
		ret = upload(&u, err);
	free(u.location);
	return ret < 0 ? ac_err_ctx(err, "blob '%s'", u.digest) : ret;
}

int ac_registry_push_manifest(struct ac_registry *r, const char *reference,
			      const char *type, const char *text, size_t len,
			      struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response a = AC_HTTP_RESPONSE_INIT;
	AC_CLEANUP(ac_strv_release) struct ac_strv h = AC_STRV_INIT;
	AC_FREE char *path = ac_xasprintf("manifests/%s", reference);
	AC_FREE char *what = ac_xasprintf("manifest '%s'", reference);
	const struct ac_http_upload body = {.p = text, .size = len};
	struct ac_http_request q = {.method = "PUT", .upload = &body};
	const char *said;
	struct ac_digest is;
	char digest[AC_DIGEST_TEXT];

	ac_strv_pushf(&h, "Content-Type: %s", type);
	if (ac_registry_ask(r, path, &h, &q, NULL, &a, err) < 0)
		return ac_err_ctx(err, "%s", what);
	if (a.status / 100 != 2)
		return refused(r, what, &a, err);
	ac_digest_of(AC_SHA256, text, len, &is);
	ac_digest_print(&is, ':', digest);
	said = ac_http_header(&a, "docker-content-digest");
	if (said != NULL && strncmp(said, "sha256:", 7) == 0 &&
	    strcmp(said, digest) != 0)
		return ac_err_set(err, AC_E_VERIFY,
				  "registry '%s' keeps another manifest than "
				  "it was given: '%.80s', not '%s'",
				  r->host, said, digest);
	return 0;
}
