/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/cli/progress.h"
#include "common/net/url.h"
#include "fetch/pull_job.h"

bool pull_is_damage(const struct ac_err *err)
{
	return err->code == AC_E_VERIFY || err->code == AC_E_INVALID ||
	       err->code == AC_E_LIMIT || err->code == AC_E_UNSUPPORTED;
}

/* Is all of it here?  A damaged blob may have been taken out, to be fetched
 * again. */
static bool whole(const struct ac_store *s, const struct ac_record *r)
{
	struct ac_err no = AC_ERR_INIT;

	for (size_t i = 0; i < r->n_blobs; i++) {
		AC_CLOSE int fd =
			ac_store_open_blob(s, &r->blobs[i].digest, &no);

		if (fd < 0)
			return false;
	}
	for (size_t i = 0; i < r->layers.n; i++) {
		AC_CLOSE int rootfs = -1;
		AC_CLOSE int lock = -1;

		if (ac_store_open_layer(s, r->layers.v[i], &rootfs, &lock,
					&no) < 0)
			return false;
	}
	return true;
}

/* Is the image that the URL gave the last time here, and as good as one that
 * came now? */
static bool usable(const struct job *j)
{
	AC_CLEANUP(ac_record_release) struct ac_record r = AC_RECORD_INIT;
	const struct pull_want *want = j->want;
	struct ac_err no = AC_ERR_INIT;

	if (!ac_store_owns(&j->p->store, j->cache.image) ||
	    ac_store_get(&j->p->store, j->cache.image, &r, &no) != 1 ||
	    !whole(&j->p->store, &r) || pull_check(&r.image, want, &no) < 0 ||
	    pull_check_pin(want->pin, r.id,
			   r.n_blobs != 0 ? r.blobs[0].size : 0, &no) < 0)
		return false;
	/* It may have come while nobody asked for a signature, or for fewer, or
	 * by a key that is not trusted any more. */
	return !job_verifies(j) ||
	       (j->p->o->signatures.n == 0 &&
		verify_recorded(j->p->g, r.image.name, &r.signers));
}

/* Take the store's image. */
static int reuse(struct job *j, struct pulled *out, struct ac_err *err)
{
	const struct pull_want *want = j->want;

	(void)snprintf(out->id, sizeof(out->id), "%s", j->cache.image);
	pull_tell_cached(j->p, out->id);
	out->fetched = false;
	if (want->record != NULL &&
	    ac_store_name(&j->p->store, out->id, want->record, NULL, err) < 0)
		return -1;
	return 1;
}

int web_begin(struct job *j, struct pulled *out, struct ac_err *err)
{
	AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;
	AC_FREE char *name = NULL;
	int64_t began = (int64_t)time(NULL);
	bool waited = false;
	int found;

	if (ac_url_parse(&u, j->src->url, err) < 0)
		return -1;
	j->url = ac_xstrdup(u.text);
	name = ac_partial_of_url(j->url);
	j->partial = ac_partial_open(&j->p->store, name, j->what, &waited, err);
	if (j->partial == NULL)
		return -1;
	if (waited && j->p->policy != AC_OBTAIN_UPDATE) {
		found = pull_find(j->p, j->want->ref, j->want->pin, out, err);
		if (found != 0)
			return found;
	}
	j->cached =
		ac_webcache_read(&j->p->store, j->url, &j->cache) && usable(j);
	if (!j->cached)
		return 0;
	if (ac_webcache_fresh(&j->cache, (int64_t)time(NULL)) ||
	    (waited && j->cache.checked >= began)) {
		ac_debug("'%s': the store's image is fresh", j->what);
		return reuse(j, out, err);
	}
	return 0;
}

static char *copy_header(const struct ac_http_response *r, const char *name)
{
	return ac_xstrdup(ac_http_header(r, name));
}

/* What R says about the image, as of the time ASKED. */
static void note(struct job *j, const struct ac_http_response *r, int64_t asked)
{
	struct ac_webcache *c = &j->cache;
	bool unchanged = r->status == 304;
	char *etag = copy_header(r, "etag");
	char *modified = copy_header(r, "last-modified");

	if (!unchanged || etag != NULL) {
		free(c->etag);
		c->etag = ac_steal_ptr(&etag);
	}
	if (!unchanged || modified != NULL) {
		free(c->modified);
		c->modified = ac_steal_ptr(&modified);
	}
	free(etag);
	free(modified);
	c->checked = asked;
	if (!unchanged || ac_http_header(r, "cache-control") != NULL)
		c->max_age = ac_http_max_age(r);
	/* How long a redirect stays as it is, its target cannot say. */
	if (strcmp(r->url, j->url) != 0)
		c->max_age = 0;
	free(c->url);
	c->url = ac_xstrdup(j->what);
}

/* A body begins: what came before, in another process, is not part of it. */
static int begin(void *ctx, const char *validator, uint64_t total,
		 struct ac_err *err)
{
	struct job *j = ctx;

	if (ac_ingest_size(j->in) != 0 && web_again(j, err) < 0)
		return -1;
	if (j->in == NULL && job_ingest(j, ac_steal_ptr(&j->partial), err) < 0)
		return -1;
	return ac_partial_begin(ac_ingest_partial(j->in), validator, total,
				err);
}

int web_again(struct job *j, struct ac_err *err)
{
	verify_abort(&j->verify);
	j->verifying = false;
	j->partial = ac_ingest_take_partial(j->in);
	ac_ingest_free(j->in);
	j->in = NULL;
	j->resumed = 0;
	return ac_partial_begin(j->partial, NULL, 0, err);
}

static int feed_rest(struct job *j, struct ac_http_response *r,
		     struct ac_err *err)
{
	const struct ac_partial *part = ac_ingest_partial(j->in);
	AC_FREE char *validator = ac_xstrdup(ac_partial_validator(part));
	AC_CLEANUP(ac_strv_release) struct ac_strv headers = AC_STRV_INIT;
	struct ac_http_request q = {.url = j->src->url,
				    .headers = &headers,
				    .sign = credentials_sign,
				    .sign_ctx = &j->p->credentials,
				    .sink = job_sink,
				    .begin = begin,
				    .on_total = job_on_total,
				    .ctx = j,
				    .offset = j->resumed,
				    .validator = validator,
				    .total = ac_partial_total(part)};

	if (j->want->pin != NULL)
		q.expect_size = j->want->pin->size;
	if (j->cached && j->cache.etag != NULL)
		ac_strv_pushf(&headers, "If-None-Match: %s", j->cache.etag);
	if (j->cached && j->cache.modified != NULL)
		ac_strv_pushf(&headers, "If-Modified-Since: %s",
			      j->cache.modified);
	return ac_http_do(j->p->http, &q, r, err);
}

/* R is no image: say what can be done about it. */
static int no_image(const struct job *j, const struct ac_http_response *r,
		    struct ac_err *err)
{
	uint64_t later = ac_http_retry_after(r);

	if (r->status == 401 || r->status == 403)
		return ac_err_set(err, AC_E_NET,
				  "'%s': status %ld; credentials for the "
				  "server go into a file in auth.d",
				  j->what, r->status);
	if (later != 0)
		return ac_err_set(err, AC_E_NET,
				  "'%s': status %ld; the server asks to try "
				  "again in %llu seconds",
				  j->what, r->status,
				  (unsigned long long)later);
	return ac_err_set(err, AC_E_NET, "'%s': status %ld", j->what,
			  r->status);
}

int web_feed(struct job *j, struct pulled *out, struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response r = AC_HTTP_RESPONSE_INIT;
	int64_t asked;

	if (ac_ingest_resume(j->in, &j->resumed, err) < 0)
		return -1;
	if (j->resumed != 0)
		ac_debug("'%s': %llu bytes of it are here", j->what,
			 (unsigned long long)j->resumed);
	ac_progress_add(j->progress, j->resumed);
	events_meter_add(&j->meter, j->resumed);
	if (j->resumed != 0)
		job_on_total(j, ac_partial_total(ac_ingest_partial(j->in)));
	asked = (int64_t)time(NULL);
	if (feed_rest(j, &r, err) < 0)
		return -1;
	if (r.status == 404 || r.status == 410)
		return ac_err_set(err, AC_E_NOT_FOUND,
				  "'%s': there is no such image (status %ld)",
				  j->what, r.status);
	if (r.status != 200 && (r.status != 304 || !j->cached))
		return no_image(j, &r, err);
	note(j, &r, asked);
	if (r.status == 200)
		return 0;
	if (ac_webcache_write(&j->p->store, j->url, &j->cache, err) < 0)
		return -1;
	return reuse(j, out, err);
}

int web_end(struct job *j, const char *id, struct ac_err *err)
{
	free(j->cache.image);
	j->cache.image = ac_xstrdup(id);
	return ac_webcache_write(&j->p->store, j->url, &j->cache, err);
}
