/* SPDX-License-Identifier: Apache-2.0 */
/* The signatures of an App Container Image, before the image itself. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/image/aci.h"
#include "common/net/url.h"
#include "common/sys/interrupt.h"
#include "common/sys/io.h"
#include "fetch/events.h"
#include "fetch/puller.h"
#include "fetch/verify.h"

enum {
	MAX_SIGNATURE = 8 << 20,
	MAX_TRIED = 600,
	MAX_WAIT = 60, /* seconds, for one that is deferred */
};

/* The signatures of one image. */
struct job {
	struct puller *p;
	const char *what;
	struct verify *v;
	struct pull_deferred *deferred;
	bool again;          /* they were, and this is the second time */
	struct ac_buf tried; /* where there was none */
	struct ac_err other; /* another reason than that there is none */
};

static bool is_url(const char *s)
{
	return strncmp(s, "https://", 8) == 0 || strncmp(s, "http://", 7) == 0;
}

static void none_at(struct job *j, const char *place)
{
	ac_buf_addf(&j->tried, "%s'%s'", j->tried.len != 0 ? " or " : "",
		    place);
}

static int of_file(struct job *j, const char *path, struct ac_buf *out,
		   struct ac_err *err)
{
	if (ac_io_read_regular(AT_FDCWD, path, out, err) == 0)
		return 1;
	if (err->code != AC_E_NOT_FOUND)
		return -1;
	*err = AC_ERR_INIT;
	none_at(j, path);
	return 0;
}

int pull_deferred_wait(const struct pull_deferred *d, struct ac_err *err)
{
	const struct timespec slice = {.tv_nsec = 50000000};
	int64_t left = (d->ready - ac_clock_ms() + 999) / 1000;

	if (left > MAX_WAIT)
		return ac_err_set(err, AC_E_NET,
				  "the signature is promised for in %lld "
				  "seconds; try again then",
				  (long long)left);
	while (ac_clock_ms() < d->ready) {
		if (ac_interrupt_check(err) < 0)
			return -1;
		(void)nanosleep(&slice, NULL);
	}
	return 0;
}

/* The server wants to be asked after the image. */
static int defer(struct job *j, const struct ac_http_response *r,
		 const char *shown, struct ac_err *err)
{
	int64_t ready = ac_clock_ms() + (int64_t)ac_http_retry_after(r) * 1000;

	if (j->again)
		return ac_err_set(err, AC_E_NET,
				  "signature '%s': server asked to defer the "
				  "download again",
				  shown);
	if (!j->deferred->asked || j->deferred->ready < ready)
		j->deferred->ready = ready;
	j->deferred->asked = true;
	ac_log("signature '%s': the server wants to be asked after the image",
	       shown);
	return 0;
}

static int of_url(struct job *j, const char *url, struct ac_buf *out,
		  struct ac_err *err)
{
	AC_CLEANUP(ac_http_response_release)
	struct ac_http_response r = AC_HTTP_RESPONSE_INIT;
	AC_FREE char *shown = ac_url_show(url);
	struct ac_http_request q = {.url = url,
				    .sign = credentials_sign,
				    .sign_ctx = &j->p->credentials,
				    .max_body = out->max};

	if (ac_http_do(j->p->http, &q, &r, err) < 0)
		return ac_err_ctx(err, "signature");
	if (r.status == 404 || r.status == 410) {
		none_at(j, shown);
		return 0;
	}
	if (r.status == 202)
		return defer(j, &r, shown, err);
	if (r.status != 200) {
		/* Some servers say "forbidden" of what they do not have. */
		(void)ac_err_set(&j->other, AC_E_NET,
				 "signature '%s': status %ld", shown, r.status);
		return 0;
	}
	ac_buf_add(out, ac_buf_str(&r.body), r.body.len);
	return 1;
}

/* Get the signature file at PLACE; KIND is AC_SIG_KINDS when only its content
 * tells what it is.  1, 0 when there is none, -1. */
static int get(struct job *j, const char *place, size_t kind,
	       struct ac_err *err)
{
	size_t max =
		kind < AC_SIG_KINDS ? ac_sig_methods[kind]->max : MAX_SIGNATURE;
	AC_CLEANUP(ac_buf_release) struct ac_buf text = AC_BUF_INIT(max);
	AC_FREE char *shown =
		is_url(place) ? ac_url_show(place) : ac_xstrdup(place);
	int r;

	events_tell(j->p->events, "signature", shown, NULL);
	r = is_url(place) ? of_url(j, place, &text, err)
			  : of_file(j, place, &text, err);

	return r <= 0                                          ? r
	       : verify_add(j->v, kind, &text, shown, err) < 0 ? -1
							       : 1;
}

/* The place of a signature of another kind: ASC, where OpenPGP's is, with
 * SUFFIX for its ".asc".  NULL when there is none in it. */
static char *beside(const char *asc, const char *suffix)
{
	static const char ext[] = ".aci.asc";
	const char *last = NULL;

	for (const char *at = strstr(asc, ext); at != NULL;
	     at = strstr(at + 1, ext))
		last = at;
	if (last == NULL)
		return NULL;
	return ac_xasprintf("%.*s.aci%s%s", (int)(last - asc), asc, suffix,
			    last + sizeof(ext) - 1);
}

static int get_beside(struct job *j, const struct aci_source *src,
		      struct ac_err *err)
{
	const char *asc = src->path_asc != NULL ? src->path_asc : src->url_asc;
	int found = 0;

	for (size_t k = 0; k < AC_SIG_KINDS; k++) {
		const char *suffix = ac_sig_methods[k]->suffix;
		AC_FREE char *place = NULL;
		int r;

		if (!verify_wants(j->v, k))
			continue;
		place = strcmp(suffix, ".asc") == 0 ? ac_xstrdup(asc)
						    : beside(asc, suffix);
		r = place != NULL ? get(j, place, k, err) : 0;
		if (r < 0)
			return -1;
		found += r;
	}
	return found;
}

static int get_given(struct job *j, const struct ac_strv *given,
		     struct ac_err *err)
{
	for (size_t i = 0; i < given->n; i++) {
		int r = get(j, given->v[i], AC_SIG_KINDS, err);

		if (r <= 0)
			return r;
	}
	return 1;
}

static int no_signature(struct job *j, struct ac_err *err)
{
	if (j->other.code != AC_OK) {
		*err = j->other;
		return -1;
	}
	return ac_err_set(err, AC_E_NOT_FOUND,
			  "no signature %s for '%s'; put it there, give "
			  "--signature=FILE, or take the image unverified with "
			  "--insecure-options=image",
			  ac_buf_str(&j->tried), j->what);
}

/* The name in a file's manifest, so that the right key can be told; NULL when
 * it cannot be had: reading the image will say why.  Caller frees. */
static char *name_in_file(const char *path)
{
	AC_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	AC_CLEANUP(ac_image_release) struct ac_image m = AC_IMAGE_INIT;
	AC_FREE char *text = NULL;
	struct ac_err ignored = AC_ERR_INIT;
	size_t len = 0;

	if (fd < 0 || ac_aci_manifest_fd(fd, path, &text, &len, &ignored) < 0 ||
	    ac_image_parse(&m, text, len, NULL, &ignored) < 0)
		return NULL;
	return ac_xstrdup(m.name);
}

int pull_signatures(struct puller *p, const struct aci_source *src,
		    const struct pull_want *want, const char *what,
		    struct verify *v, struct pull_deferred *d,
		    struct ac_err *err)
{
	AC_FREE char *name = want->name == NULL && src->path != NULL
				     ? name_in_file(src->path)
				     : ac_xstrdup(want->name);
	struct job j = {.p = p,
			.what = what,
			.v = v,
			.deferred = d,
			.again = d->asked,
			.tried = AC_BUF_INIT(MAX_TRIED),
			.other = AC_ERR_INIT};
	int r = verify_start(v, p->g, name, what, err);

	/* Given is the signature of the image that was asked for, not of those
	 * that it stands on. */
	if (r == 0)
		r = p->o->signatures.n != 0 && want->pin == NULL
			    ? get_given(&j, &p->o->signatures, err)
			    : get_beside(&j, src, err);
	if (r >= 0 && d->asked && !j.again) {
		ac_buf_release(&j.tried);
		return 1;
	}
	if (r == 0)
		r = no_signature(&j, err);
	ac_buf_release(&j.tried);
	return r < 0 ? -1 : verify_known(v, err);
}
