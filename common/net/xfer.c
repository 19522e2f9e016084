/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/xfer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/num.h"
#include "common/base/own.h"

enum {
	MAX_HEAD_BYTES = 256 << 10,
	MAX_HEAD_LINES = 1000,
	MAX_ERROR_BODY = 64 << 10,
	DEFAULT_MAX_BODY = 8 << 20,
	RECEIVE_BUFFER = 512 << 10,
	CONNECT_SECONDS = 20,
	STALL_SECONDS = 30,
	STALL_BYTES = 100, /* a second */
};

static unsigned int stall_of(const struct ac_xfer *x)
{
	return x->opts->stall != 0 ? x->opts->stall : STALL_SECONDS;
}

static long status_of(const struct ac_xfer *x)
{
	long status = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* A callback found something wrong: remember, and make libcurl stop. */
static size_t fail(struct ac_xfer *x)
{
	x->failed = true;
	return 0;
}

static void add_header(struct ac_http_response *r, struct ac_str line)
{
	struct ac_str name;
	char *text;

	if (!ac_str_cut(&line, ':', &name) || name.len == 0)
		return;
	name = ac_str_trim(name);
	line = ac_str_trim(line);
	text = ac_xasprintf("%.*s: %.*s", AC_STR_FMT(name), AC_STR_FMT(line));
	for (size_t i = 0; i < name.len; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
	ac_strv_take(&r->headers, text);
}

/* One line of a head: also of interim answers (1xx), whose number only the
 * limits bound, and of trailers. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct ac_xfer *x = ctx;
	struct ac_str line = ac_strn(p, size * n);

	x->head_bytes += line.len;
	x->head_lines++;
	if (x->head_bytes > MAX_HEAD_BYTES || x->head_lines > MAX_HEAD_LINES) {
		ac_err_set(x->err, AC_E_LIMIT,
			   "the head of the answer is larger than %d KiB or "
			   "%d lines",
			   MAX_HEAD_BYTES >> 10, MAX_HEAD_LINES);
		return fail(x);
	}
	if (x->head_done)
		return line.len;
	if (ac_str_starts(line, "HTTP/"))
		ac_strv_release(&x->r->headers);
	else
		add_header(x->r, line);
	return line.len;
}

/* What tells one version of the content from another, or NULL. */
static const char *validator_of(const struct ac_http_response *r)
{
	const char *v = ac_http_header(r, "etag");

	return v != NULL ? v : ac_http_header(r, "last-modified");
}

static int changed(struct ac_err *err)
{
	return ac_err_set(err, AC_E_NET,
			  "the content changed on the server while it was "
			  "fetched; try again");
}

/* Is this still what the sink has the first part of? */
static bool same_content(const struct ac_xfer *x, uint64_t total)
{
	const char *v = validator_of(x->r);

	if (x->total != 0 && total != 0 && total != x->total)
		return false;
	if (x->q->pinned)
		return true;
	return v != NULL && x->validator != NULL &&
	       strcmp(v, x->validator) == 0;
}

static int begin_part(struct ac_xfer *x, struct ac_err *err)
{
	const char *range = ac_http_header(x->r, "content-range");
	uint64_t first = 0;
	uint64_t last = 0;
	uint64_t total = 0;

	if (x->got == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the server sends a part (status 206) where "
				  "the whole was asked for");
	if (range == NULL ||
	    !ac_xfer_content_range(range, &first, &last, &total) ||
	    first != x->got)
		return ac_err_set(err, AC_E_INVALID,
				  "the server sends another part than asked "
				  "for (Content-Range '%.64s')",
				  range != NULL ? range : "");
	return same_content(x, total) ? 0 : changed(err);
}

static int begin_whole(struct ac_xfer *x, uint64_t length, struct ac_err *err)
{
	const char *v = validator_of(x->r);
	uint64_t expected = x->q->expect_size;

	if (expected != 0 && length != 0 && length != expected)
		return ac_err_set(err, AC_E_VERIFY,
				  "the server has %llu bytes, where %llu were "
				  "expected",
				  (unsigned long long)length,
				  (unsigned long long)expected);
	if (x->got != 0) {
		x->skip = x->got;
		return same_content(x, length) ? 0 : changed(err);
	}
	free(x->validator);
	x->validator = ac_xstrdup(v);
	x->total = length;
	return 0;
}

/* The head is complete and a body begins. */
static int begin(struct ac_xfer *x, struct ac_err *err)
{
	long status = status_of(x);
	curl_off_t length = -1;

	x->head_done = true;
	if (x->q->sink == NULL || status / 100 != 2)
		return 0;
	if (status == 206)
		return begin_part(x, err);
	(void)curl_easy_getinfo(x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
				&length);
	return begin_whole(x, length > 0 ? (uint64_t)length : 0, err);
}

/* N more bytes on top of HAVE: within what was announced and allowed? */
static int check_size(const struct ac_xfer *x, uint64_t have, size_t n,
		      struct ac_err *err)
{
	uint64_t max = x->q->max_body;

	if (max == 0 && x->q->sink == NULL)
		max = DEFAULT_MAX_BODY;
	if (x->q->expect_size != 0 && n > x->q->expect_size - have)
		return ac_err_set(err, AC_E_VERIFY,
				  "the server sends more than the %llu bytes "
				  "that were expected",
				  (unsigned long long)x->q->expect_size);
	if (max != 0 && n > max - have)
		return ac_err_set(err, AC_E_LIMIT,
				  "the server sends more than the limit of "
				  "%llu bytes",
				  (unsigned long long)max);
	return 0;
}

static int to_sink(struct ac_xfer *x, const char *p, size_t n,
		   struct ac_err *err)
{
	size_t skip = n < x->skip ? n : (size_t)x->skip;

	x->skip -= skip;
	p += skip;
	n -= skip;
	if (n == 0)
		return 0;
	if (check_size(x, x->got, n, err) < 0 ||
	    x->q->sink(x->q->ctx, p, n, err) < 0)
		return -1;
	x->got += n;
	return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct ac_xfer *x = ctx;
	bool good;

	n *= size;
	if (!x->head_done && begin(x, x->err) < 0)
		return fail(x);
	good = status_of(x) / 100 == 2;
	x->body += n;
	if (good && x->q->sink != NULL)
		return to_sink(x, p, n, x->err) < 0 ? fail(x) : n;
	if (good) {
		if (check_size(x, x->r->body.len, n, x->err) < 0)
			return fail(x);
	} else if (x->r->body.len + n > MAX_ERROR_BODY) {
		x->enough = true; /* nobody reads that much of an error */
		return 0;
	}
	ac_buf_add(&x->r->body, p, n);
	return n;
}

static int on_progress(void *ctx, curl_off_t dltotal AC_UNUSED,
		       curl_off_t dlnow AC_UNUSED, curl_off_t ultotal AC_UNUSED,
		       curl_off_t ulnow AC_UNUSED)
{
	const struct ac_xfer *x = ctx;

	return x->opts->cancel != NULL && atomic_load(x->opts->cancel) != 0;
}

/* Here, and not on the URL, because a name can resolve to anything. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose AC_UNUSED,
			       struct curl_sockaddr *a)
{
	struct ac_xfer *x = ctx;

	if (x->was_public && ac_url_address_is_private(&a->addr)) {
		x->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static bool is_secret(const char *header)
{
	static const char *const names[] = {"authorization:", "cookie:",
					    "proxy-authorization:"};

	for (size_t i = 0; i < AC_LEN(names); i++)
		if (strncasecmp(header, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* A header that a server had a hand in (a token) could hold another one. */
static int check_header(const char *header, struct ac_err *err)
{
	for (const char *c = header; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return ac_err_set(err, AC_E_INVALID,
					  "a header would have a control "
					  "character in it");
	return 0;
}

static int append(struct curl_slist **list, const char *header,
		  struct ac_err *err)
{
	struct curl_slist *l;

	if (check_header(header, err) < 0)
		return -1;
	l = curl_slist_append(*list, header);
	if (l == NULL)
		return ac_err_set(err, AC_E_SYS, "out of memory");
	*list = l;
	return 0;
}

static int set_headers(const struct ac_xfer *x, struct curl_slist **list,
		       struct ac_err *err)
{
	const struct ac_strv *v = x->q->headers;

	if (append(list, "Accept-Encoding: identity", err) < 0 ||
	    append(list, "Expect:", err) < 0)
		return -1;
	for (size_t i = 0; v != NULL && i < v->n; i++)
		if ((x->keep_secrets || !is_secret(v->v[i])) &&
		    append(list, v->v[i], err) < 0)
			return -1;
	/* A weak ETag is not for ranges (RFC 9110, 13.1.5); the answer's is
	 * compared in any case. */
	if (x->got != 0 && x->validator != NULL &&
	    strncmp(x->validator, "W/", 2) != 0) {
		AC_FREE char *h = ac_xasprintf("If-Range: %s", x->validator);

		if (append(list, h, err) < 0)
			return -1;
	}
	(void)curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, *list);
	return 0;
}

static void set_callbacks(struct ac_xfer *x, char *errbuf)
{
	CURL *e = x->easy;

	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, errbuf);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	(void)curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(e, CURLOPT_XFERINFODATA, x);
	(void)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, x);
}

static void set_connection(const struct ac_xfer *x)
{
	CURL *e = x->easy;
	unsigned int stall = stall_of(x);

	(void)curl_easy_setopt(e, CURLOPT_SHARE, x->share);
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	(void)curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
	(void)curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT,
			       (long)(stall < CONNECT_SECONDS
					      ? stall
					      : CONNECT_SECONDS));
	(void)curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
	(void)curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)stall);
	(void)curl_easy_setopt(e, CURLOPT_SSLVERSION,
			       (long)CURL_SSLVERSION_TLSv1_2);
	if (x->opts->insecure_tls) {
		(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (x->ca != NULL)
		(void)curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, x->ca);
}

static void set_request(const struct ac_xfer *x, const char *range)
{
	CURL *e = x->easy;

	(void)curl_easy_setopt(e, CURLOPT_URL, x->url.text);
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, "acutils/" AC_VERSION);
	(void)curl_easy_setopt(e, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	if (strcmp(x->method, "HEAD") == 0)
		(void)curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else if (strcmp(x->method, "POST") == 0)
		(void)curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS,
				       x->q->body != NULL ? x->q->body : "");
	else if (strcmp(x->method, "GET") != 0)
		(void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, x->method);
	if (x->keep_secrets && x->user != NULL) {
		(void)curl_easy_setopt(e, CURLOPT_HTTPAUTH,
				       (long)CURLAUTH_BASIC);
		(void)curl_easy_setopt(e, CURLOPT_USERNAME, x->user);
		(void)curl_easy_setopt(e, CURLOPT_PASSWORD,
				       x->password != NULL ? x->password : "");
	}
	if (range != NULL)
		(void)curl_easy_setopt(e, CURLOPT_RANGE, range);
}

static enum ac_xfer_result connect_failed(const struct ac_xfer *x,
					  struct ac_err *err)
{
	long sys = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &sys);
	if (x->refused)
		ac_err_set(err, AC_E_DENIED,
			   "'%s' is on a private network; a public server must "
			   "not redirect there",
			   x->url.host);
	else if (sys == ECONNREFUSED)
		ac_err_set(err, AC_E_NET,
			   "'%s:%s' refuses the connection; is a server "
			   "running there?",
			   x->url.host, x->url.port);
	else
		ac_err_set(err, AC_E_NET, "no connection to '%s:%s': %s",
			   x->url.host, x->url.port,
			   sys != 0 ? strerror((int)sys) : "no route");
	return AC_XFER_FAIL;
}

static enum ac_xfer_result timed_out(const struct ac_xfer *x,
				     struct ac_err *err)
{
	curl_off_t connected = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_CONNECT_TIME_T, &connected);
	if (connected == 0) {
		ac_err_set(err, AC_E_NET,
			   "'%s:%s' does not answer; check the network and "
			   "firewalls",
			   x->url.host, x->url.port);
		return AC_XFER_FAIL;
	}
	ac_err_set(err, AC_E_NET, "nothing came for %u seconds", stall_of(x));
	return AC_XFER_RETRY;
}

static enum ac_xfer_result broke(const struct ac_xfer *x, const char *why,
				 struct ac_err *err)
{
	uint64_t have = x->q->sink != NULL ? x->got : x->body;

	if (x->total != 0)
		ac_err_set(err, AC_E_NET,
			   "the connection broke after %llu of %llu bytes: %s",
			   (unsigned long long)have,
			   (unsigned long long)x->total, why);
	else
		ac_err_set(err, AC_E_NET,
			   "the connection broke after %llu bytes: %s",
			   (unsigned long long)have, why);
	return AC_XFER_RETRY;
}

/* Say what CODE means to somebody who wants a file. */
static enum ac_xfer_result explain(struct ac_xfer *x, CURLcode code,
				   const char *errbuf, struct ac_err *err)
{
	const char *why = errbuf[0] != '\0' ? errbuf : curl_easy_strerror(code);

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		ac_err_set(err, AC_E_NET,
			   "no such host '%s'; check the name and the network",
			   x->url.host);
		return AC_XFER_FAIL;
	case CURLE_COULDNT_CONNECT:
		return connect_failed(x, err);
	case CURLE_OPERATION_TIMEDOUT:
		return timed_out(x, err);
	case CURLE_PEER_FAILED_VERIFICATION:
		ac_err_set(err, AC_E_DENIED,
			   "the certificate of '%s' is not trusted (%s); give "
			   "its authority with --ca-file",
			   x->url.host, why);
		return AC_XFER_FAIL;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return broke(x, why, err);
	case CURLE_ABORTED_BY_CALLBACK:
		ac_err_sys(err, EINTR, "fetching from '%s'", x->url.host);
		return AC_XFER_FAIL;
	default:
		ac_err_set(err, AC_E_NET, "talking to '%s:%s': %s", x->url.host,
			   x->url.port, why);
		return AC_XFER_FAIL;
	}
}

/* The answer is complete; is what it carried? */
static enum ac_xfer_result complete(struct ac_xfer *x, struct ac_err *err)
{
	uint64_t have = x->q->sink != NULL ? x->got : x->r->body.len;
	uint64_t want = x->q->expect_size;

	if (!x->head_done && begin(x, err) < 0)
		return AC_XFER_FAIL;
	x->r->status = status_of(x);
	if (x->r->status / 100 != 2 || strcmp(x->method, "HEAD") == 0)
		return AC_XFER_DONE;
	if (x->q->sink != NULL && want == 0)
		want = x->total;
	if (want == 0 || have >= want)
		return AC_XFER_DONE;
	/* A body that ends with its connection ends anywhere. */
	ac_err_set(err, AC_E_NET, "only %llu of %llu bytes came",
		   (unsigned long long)have, (unsigned long long)want);
	return AC_XFER_RETRY;
}

/* Remember where we were, for where a redirect may lead. */
static void note_address(struct ac_xfer *x)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const char *ip = NULL;

	(void)curl_easy_getinfo(x->easy, CURLINFO_PRIMARY_IP, &ip);
	if (ip == NULL)
		return;
	if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
		x->was_public |= !ac_url_address_is_private(
			(const struct sockaddr *)&v4);
	else if (inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1)
		x->was_public |= !ac_url_address_is_private(
			(const struct sockaddr *)&v6);
}

enum ac_xfer_result ac_xfer_do(struct ac_xfer *x, struct ac_err *err)
{
	AC_FREE char *range =
		x->got != 0 ? ac_xasprintf("%llu-", (unsigned long long)x->got)
			    : NULL;
	char errbuf[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURLcode code;

	x->head_bytes = x->head_lines = 0;
	x->skip = x->body = 0;
	x->head_done = x->failed = x->refused = x->enough = false;
	x->err = err;
	x->r->status = 0;
	ac_buf_reset(&x->r->body);
	ac_strv_release(&x->r->headers);
	curl_easy_reset(x->easy);
	set_callbacks(x, errbuf);
	set_connection(x);
	set_request(x, range);
	if (set_headers(x, &headers, err) < 0) {
		curl_slist_free_all(headers);
		return AC_XFER_FAIL;
	}
	code = curl_easy_perform(x->easy);
	curl_slist_free_all(headers);
	if (x->failed)
		return AC_XFER_FAIL;
	if (code != CURLE_OK && !x->enough)
		return explain(x, code, errbuf, err);
	note_address(x);
	return complete(x, err);
}

bool ac_xfer_content_range(const char *text, uint64_t *first, uint64_t *last,
			   uint64_t *total)
{
	struct ac_str rest = ac_str(text);
	struct ac_str a;
	struct ac_str b;

	if (!ac_str_starts(rest, "bytes "))
		return false;
	rest = ac_strn(rest.p + 6, rest.len - 6);
	if (!ac_str_cut(&rest, '-', &a) || !ac_str_cut(&rest, '/', &b) ||
	    ac_num_u64(a, first) < 0 || ac_num_u64(b, last) < 0)
		return false;
	*total = 0;
	if (!ac_str_eq(rest, "*") &&
	    (ac_num_u64(rest, total) < 0 || *total <= *last))
		return false;
	return *first <= *last;
}
