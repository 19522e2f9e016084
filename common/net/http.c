/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/num.h"
#include "common/base/own.h"
#include "common/net/url.h"
#include "common/net/xfer.h"

enum {
	MAX_REDIRECTS = 10,
	MAX_CA = 16 << 20,
	BACKOFF_MS = 500,    /* doubled each time */
	MAX_WAIT_MS = 60000, /* a server that asks for more is told "no" */
	PROGRESS = 1 << 20,  /* bytes that make a try not count */
	SLICE_MS = 50,       /* how soon a cancel is noticed in a wait */
};

struct ac_http {
	struct ac_http_opts opts;
	CURLSH *share;
	pthread_mutex_t locks[CURL_LOCK_DATA_LAST];
	pthread_mutex_t mu; /* of idle */
	/* libcurl cannot share connections between threads that run side by
	 * side (CURL_LOCK_DATA_CONNECT): each handle keeps its own, and the
	 * handles are lent out. */
	CURL **idle;
	size_t n_idle;
	struct ac_buf ca;
	struct curl_blob ca_blob;
	struct ac_err broken; /* told by the first request */
	ac_http_retry_fn on_retry;
	void *retry_ctx;
};

static void start_libcurl(void)
{
	struct sigaction sa = {.sa_handler = SIG_IGN};

	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	(void)sigaction(SIGPIPE, &sa, NULL);
}

static void lock(CURL *easy AC_UNUSED, curl_lock_data data,
		 curl_lock_access access AC_UNUSED, void *ctx)
{
	struct ac_http *h = ctx;

	(void)pthread_mutex_lock(&h->locks[data]);
}

static void unlock(CURL *easy AC_UNUSED, curl_lock_data data, void *ctx)
{
	struct ac_http *h = ctx;

	(void)pthread_mutex_unlock(&h->locks[data]);
}

static int add_file(struct ac_buf *b, const char *path, struct ac_err *err)
{
	AC_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char part[65536];
	ssize_t n;

	if (fd < 0)
		return ac_err_sys(err, errno, "certificates '%s'", path);
	while ((n = read(fd, part, sizeof(part))) > 0)
		ac_buf_add(b, part, (size_t)n);
	if (n < 0)
		return ac_err_sys(err, errno, "certificates '%s'", path);
	ac_buf_addc(b, '\n');
	return ac_buf_check(b, "the file of certificates", err);
}

/* libcurl takes a file in place of the system's; we want it beside. */
static int load_ca(struct ac_http *h, const char *path, struct ac_err *err)
{
	struct ac_err ignored = AC_ERR_INIT;
	CURL *e = curl_easy_init();
	char *system = NULL;

	if (e != NULL)
		(void)curl_easy_getinfo(e, CURLINFO_CAINFO, &system);
	if (ac_xfer_env("SSL_CERT_FILE") != NULL)
		(void)add_file(&h->ca, ac_xfer_env("SSL_CERT_FILE"), &ignored);
	else if (system != NULL)
		(void)add_file(&h->ca, system, &ignored);
	curl_easy_cleanup(e);
	if (add_file(&h->ca, path, err) < 0)
		return -1;
	if (memmem(h->ca.p, h->ca.len, "-----BEGIN", 10) == NULL)
		return ac_err_set(err, AC_E_INVALID,
				  "certificates '%s': there is none in PEM "
				  "form",
				  path);
	h->ca_blob = (struct curl_blob){.data = h->ca.p, .len = h->ca.len};
	return 0;
}

struct ac_http *ac_http_new(const struct ac_http_opts *opts)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ac_http *h = ac_xcalloc(1, sizeof(*h));

	(void)pthread_once(&once, start_libcurl);
	h->opts = *opts;
	h->opts.ca_file = NULL;
	h->ca = AC_BUF_INIT(MAX_CA);
	(void)pthread_mutex_init(&h->mu, NULL);
	for (size_t i = 0; i < AC_LEN(h->locks); i++)
		(void)pthread_mutex_init(&h->locks[i], NULL);
	h->share = curl_share_init();
	(void)curl_share_setopt(h->share, CURLSHOPT_LOCKFUNC, lock);
	(void)curl_share_setopt(h->share, CURLSHOPT_UNLOCKFUNC, unlock);
	(void)curl_share_setopt(h->share, CURLSHOPT_USERDATA, h);
	(void)curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	(void)curl_share_setopt(h->share, CURLSHOPT_SHARE,
				CURL_LOCK_DATA_SSL_SESSION);
	if (opts->ca_file != NULL)
		(void)load_ca(h, opts->ca_file, &h->broken);
	return h;
}

void ac_http_free(struct ac_http *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n_idle; i++)
		curl_easy_cleanup(h->idle[i]);
	free(h->idle);
	(void)curl_share_cleanup(h->share);
	for (size_t i = 0; i < AC_LEN(h->locks); i++)
		(void)pthread_mutex_destroy(&h->locks[i]);
	(void)pthread_mutex_destroy(&h->mu);
	ac_buf_release(&h->ca);
	free(h);
}

void ac_http_on_retry(struct ac_http *h, ac_http_retry_fn fn, void *ctx)
{
	h->on_retry = fn;
	h->retry_ctx = ctx;
}

bool ac_http_allows_http(const struct ac_http *h)
{
	return h->opts.allow_http;
}

static CURL *borrow(struct ac_http *h)
{
	CURL *e = NULL;

	(void)pthread_mutex_lock(&h->mu);
	if (h->n_idle != 0)
		e = h->idle[--h->n_idle];
	(void)pthread_mutex_unlock(&h->mu);
	return e != NULL ? e : curl_easy_init();
}

static void give_back(struct ac_http *h, CURL *e)
{
	(void)pthread_mutex_lock(&h->mu);
	h->idle = ac_xrealloc(h->idle, h->n_idle + 1, sizeof(CURL *));
	h->idle[h->n_idle++] = e;
	(void)pthread_mutex_unlock(&h->mu);
}

void ac_http_response_release(struct ac_http_response *r)
{
	ac_buf_release(&r->body);
	ac_strv_release(&r->headers);
	free(r->url);
	r->url = NULL;
	r->status = 0;
}

const char *ac_http_header(const struct ac_http_response *r, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < r->headers.n; i++) {
		const char *h = r->headers.v[i];

		if (strncmp(h, name, n) == 0 && h[n] == ':')
			return h + n + 2;
	}
	return NULL;
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

static int check_scheme(const struct ac_http *h, const struct ac_xfer *x,
			const struct ac_url *u, struct ac_err *err)
{
	if (strcmp(u->scheme, "https") == 0 || h->opts.allow_http ||
	    x->q->allow_http)
		return 0;
	return ac_err_set(err, AC_E_DENIED,
			  "plain http to '%s' is not allowed; use https, or "
			  "--insecure-options=http",
			  u->host);
}

/* Point X to where the answer it has leads. */
static int follow(const struct ac_http *h, struct ac_xfer *x, const char *to,
		  struct ac_err *err)
{
	struct ac_url next = AC_URL_INIT;
	bool worse;

	if (ac_url_join(&next, &x->url, to, err) < 0)
		return ac_err_ctx(err, "redirect");
	worse = strcmp(x->url.scheme, "https") == 0 &&
		strcmp(next.scheme, "https") != 0;
	if (worse)
		ac_err_set(err, AC_E_DENIED,
			   "a redirect from https to http on '%s' is refused",
			   next.host);
	if (worse || check_scheme(h, x, &next, err) < 0) {
		ac_url_release(&next);
		return -1;
	}
	if (!ac_url_same_origin(&x->url, &next))
		x->keep_secrets = false;
	if (x->r->status < 307 && strcmp(x->method, "POST") == 0)
		x->method = "GET";
	/* What is posted is a secret. */
	if (!x->keep_secrets && strcmp(x->method, "POST") == 0 &&
	    x->q->body != NULL) {
		ac_err_set(err, AC_E_DENIED,
			   "a redirect to another host, '%s', is refused: "
			   "what is sent is for this one",
			   next.host);
		ac_url_release(&next);
		return -1;
	}
	ac_url_release(&x->url);
	x->url = next;
	return 0;
}

/* From the first URL, through redirects, to an answer. */
static enum ac_xfer_result attempt(const struct ac_http *h, struct ac_xfer *x,
				   struct ac_err *err)
{
	for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
		enum ac_xfer_result res = ac_xfer_do(x, err);
		AC_FREE char *shown = ac_url_show(x->url.text);
		const char *to;

		if (res != AC_XFER_DONE) {
			ac_debug("%s %s: %s", x->method, shown, err->msg);
			return res;
		}
		ac_debug("%s %s: %ld", x->method, shown, x->r->status);
		to = ac_http_header(x->r, "location");
		if (!is_redirect(x->r->status) || to == NULL)
			return AC_XFER_DONE;
		if (follow(h, x, to, err) < 0)
			return AC_XFER_FAIL;
	}
	ac_err_set(err, AC_E_NET, "more than %d redirects", MAX_REDIRECTS);
	return AC_XFER_FAIL;
}

static bool may_pass(long status)
{
	return status == 408 || status == 425 || status == 429 ||
	       status == 500 || status == 502 || status == 503 || status == 504;
}

/* What the server asks for, in milliseconds; 0: nothing. */
static uint64_t retry_after(const struct ac_http_response *r)
{
	uint64_t seconds = ac_http_retry_after(r);

	return seconds > MAX_WAIT_MS / 1000 ? MAX_WAIT_MS + 1 : seconds * 1000;
}

/* Sleep, unless told to stop. */
static int wait_ms(const struct ac_http *h, uint64_t ms, struct ac_err *err)
{
	const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};

	for (uint64_t t = 0; t < ms; t += SLICE_MS) {
		if (h->opts.cancel != NULL && atomic_load(h->opts.cancel) != 0)
			return ac_err_sys(err, EINTR, "waiting for a retry");
		(void)nanosleep(&slice, NULL);
	}
	return 0;
}

static void tell_retry(const struct ac_http *h, const struct ac_xfer *x,
		       const char *why, uint64_t ms)
{
	AC_FREE char *what = NULL;

	if (h->on_retry == NULL)
		return;
	what = ac_url_show(x->q->url);
	h->on_retry(h->retry_ctx, what, why, ms);
}

/* Before try number TRIES: true when it may be made, after a pause.  WHY the
 * last one broke; NULL: it was answered. */
static bool again(const struct ac_http *h, const struct ac_xfer *x,
		  unsigned int tries, const char *why)
{
	uint64_t ms = (uint64_t)BACKOFF_MS << (tries < 6 ? tries : 6);
	uint64_t asked = why == NULL ? retry_after(x->r) : 0;
	struct ac_err ignored = AC_ERR_INIT;
	char status[32];
	uint8_t jitter = 0;

	if (tries >= h->opts.retries || strcmp(x->method, "POST") == 0 ||
	    x->q->once || asked > MAX_WAIT_MS)
		return false;
	if (x->got != 0 && x->validator == NULL && !x->q->pinned)
		return false; /* it cannot be told that the rest fits */
	(void)!getrandom(&jitter, 1, GRND_NONBLOCK);
	ms += ms * jitter / 1024;
	ms = ms > asked ? ms : asked;
	(void)snprintf(status, sizeof(status), "status %ld", x->r->status);
	tell_retry(h, x, why != NULL ? why : status, ms);
	return wait_ms(h, ms, &ignored) == 0;
}

/* Everything was here before the connection broke. */
static bool nothing_left(const struct ac_xfer *x)
{
	uint64_t want = x->q->expect_size != 0 ? x->q->expect_size : x->total;

	return x->r->status == 416 && x->got != 0 && x->got == want &&
	       (x->q->pinned || !x->inherited);
}

/* What an earlier call left is not what the server has the rest of: ask once
 * for all of it, and see. */
static bool ask_for_all(struct ac_xfer *x, enum ac_xfer_result res)
{
	bool more = x->inherited && !x->whole &&
		    (x->anew || (res == AC_XFER_DONE && x->r->status == 416));

	x->anew = false;
	x->whole |= more;
	return more;
}

static int try_all(const struct ac_http *h, struct ac_xfer *x,
		   struct ac_err *err)
{
	const char *method = x->q->method != NULL ? x->q->method : "GET";
	unsigned int tries = 0;

	for (;;) {
		uint64_t before = x->got;
		enum ac_xfer_result res;

		x->method = method;
		x->keep_secrets = true;
		x->was_public = x->q->from_public;
		if (ac_url_parse(&x->url, x->q->url, err) < 0 ||
		    check_scheme(h, x, &x->url, err) < 0)
			return -1;
		res = attempt(h, x, err);
		if (x->q->sink != NULL &&
		    (nothing_left(x) || x->r->status == 206))
			x->r->status = 200;
		if (ask_for_all(x, res))
			continue;
		if (res == AC_XFER_FAIL)
			return -1;
		if (res == AC_XFER_DONE && !may_pass(x->r->status))
			return 0;
		if (x->got - before >= PROGRESS)
			tries = 0;
		if (!again(h, x, tries, res == AC_XFER_DONE ? NULL : err->msg))
			return res == AC_XFER_DONE ? 0 : -1;
		tries++;
	}
}

int ac_http_do(struct ac_http *h, const struct ac_http_request *q,
	       struct ac_http_response *r, struct ac_err *err)
{
	AC_FREE char *shown = ac_url_show(q->url);
	AC_CLEANUP(ac_url_release) struct ac_url first = AC_URL_INIT;
	struct ac_xfer x = {.opts = &h->opts,
			    .share = h->share,
			    .ca = h->ca_blob.len != 0 ? &h->ca_blob : NULL,
			    .q = q,
			    .r = r,
			    .got = q->offset,
			    .total = q->offset != 0 ? q->total : 0,
			    .validator = q->offset != 0
						 ? ac_xstrdup(q->validator)
						 : NULL,
			    .inherited = q->offset != 0};
	int ret;

	if (h->broken.code != AC_OK) {
		*err = h->broken;
		return -1;
	}
	if (ac_url_parse(&first, q->url, err) < 0)
		return -1;
	x.user = first.user;
	x.password = first.password;
	r->body.max =
		q->max_body != 0 && q->sink == NULL ? q->max_body : 8 << 20;
	x.easy = borrow(h);
	if (x.easy == NULL)
		return ac_err_set(err, AC_E_SYS, "libcurl does not start");
	ret = try_all(h, &x, err);
	if (ret < 0) {
		ac_err_ctx(err, "'%s'", shown);
	} else {
		free(r->url);
		r->url = ac_xstrdup(x.url.text);
		r->was_public = x.was_public;
	}
	give_back(h, x.easy);
	ac_url_release(&x.url);
	free(x.validator);
	return ret;
}
