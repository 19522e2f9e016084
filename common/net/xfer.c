/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/xfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"

enum {
	RECEIVE_BUFFER = 512 << 10,
	CONNECT_SECONDS = 20,
	STALL_SECONDS = 30,
	STALL_BYTES = 100, /* a second */
};

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

/* The headers that the caller makes for this exchange alone. */
static int sign(const struct ac_xfer *x, const char *range,
		struct curl_slist **list, struct ac_err *err)
{
	AC_FREE char *value =
		range != NULL ? ac_xasprintf("bytes=%s", range) : NULL;
	struct ac_http_exchange e = {&x->url, x->method, value};
	AC_CLEANUP(ac_strv_wipe) struct ac_strv v = AC_STRV_INIT;

	if (x->q->sign == NULL || !x->keep_secrets)
		return 0;
	if (x->q->sign(x->q->sign_ctx, &e, &v, err) < 0)
		return -1;
	for (size_t i = 0; i < v.n; i++)
		if (append(list, v.v[i], err) < 0)
			return -1;
	return 0;
}

/* They may hold secrets. */
static void free_headers(struct curl_slist *list)
{
	for (const struct curl_slist *l = list; l != NULL; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

static int set_headers(const struct ac_xfer *x, const char *range,
		       struct curl_slist **list, struct ac_err *err)
{
	const struct ac_strv *v = x->q->headers;

	if (append(list, "Accept-Encoding: identity", err) < 0 ||
	    append(list, "Expect:", err) < 0)
		return -1;
	for (size_t i = 0; v != NULL && i < v->n; i++)
		if ((x->keep_secrets || !is_secret(v->v[i])) &&
		    (x->got == 0 || strncasecmp(v->v[i], "If-", 3) != 0) &&
		    append(list, v->v[i], err) < 0)
			return -1;
	if (sign(x, range, list, err) < 0)
		return -1;
	/* A weak ETag is not for ranges (RFC 9110, 13.1.5); the answer's is
	 * compared in any case. */
	if (x->got != 0 && !x->whole && x->validator != NULL &&
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
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, ac_xfer_on_head);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, ac_xfer_on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	(void)curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(e, CURLOPT_XFERINFODATA, x);
	(void)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, x);
}

const char *ac_xfer_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Whom we believe.  Where the environment puts the system's certificates, as
 * OpenSSL and Go have it; libcurl itself does not look. */
static void set_authorities(const struct ac_xfer *x)
{
	const char *file = ac_xfer_env("SSL_CERT_FILE");
	const char *dir = ac_xfer_env("SSL_CERT_DIR");

	if (x->ca != NULL)
		(void)curl_easy_setopt(x->easy, CURLOPT_CAINFO_BLOB, x->ca);
	else if (file != NULL)
		(void)curl_easy_setopt(x->easy, CURLOPT_CAINFO, file);
	if (dir != NULL)
		(void)curl_easy_setopt(x->easy, CURLOPT_CAPATH, dir);
}

static void set_connection(const struct ac_xfer *x)
{
	CURL *e = x->easy;
	unsigned int stall = x->stall;

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
	set_authorities(x);
}

/* Give libcurl more of what is to be sent. */
static size_t on_read(char *p, size_t size, size_t n, void *ctx)
{
	struct ac_xfer *x = ctx;
	const struct ac_http_upload *u = x->q->upload;
	uint64_t left = u != NULL ? u->size - x->sent : 0;
	ssize_t got;

	n *= size;
	if (n > left)
		n = (size_t)left;
	if (n == 0)
		return 0;
	got = (ssize_t)n;
	if (u->p != NULL)
		memcpy(p, (const char *)u->p + x->sent, n);
	else
		got = pread(u->fd, p, n, (off_t)(u->off + x->sent));
	if (got <= 0) {
		if (got < 0)
			ac_err_sys(x->err, errno, "read what is to be sent");
		else
			ac_err_set(x->err, AC_E_INVALID,
				   "what is to be sent has become shorter");
		x->failed = true;
		return CURL_READFUNC_ABORT;
	}
	x->sent += (uint64_t)got;
	if (u->sent != NULL)
		u->sent(u->ctx, (size_t)got);
	return (size_t)got;
}

/* libcurl sends again what it had sent when a kept connection turns out to be
 * closed, or after a redirect. */
static int on_seek(void *ctx, curl_off_t off, int origin)
{
	struct ac_xfer *x = ctx;

	if (origin != SEEK_SET || off < 0 ||
	    (off != 0 && (uint64_t)off > x->q->upload->size))
		return CURL_SEEKFUNC_FAIL;
	x->sent = (uint64_t)off;
	return CURL_SEEKFUNC_OK;
}

static void set_upload(struct ac_xfer *x)
{
	CURL *e = x->easy;
	curl_off_t size = 0;

	if (x->q->upload != NULL)
		size = (curl_off_t)x->q->upload->size;
	(void)curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, x->method);
	(void)curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, size);
	(void)curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE,
			       (long)RECEIVE_BUFFER);
	(void)curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
	(void)curl_easy_setopt(e, CURLOPT_READDATA, x);
	(void)curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
	(void)curl_easy_setopt(e, CURLOPT_SEEKDATA, x);
}

static bool uploads(const struct ac_xfer *x)
{
	return strcmp(x->method, "PUT") == 0 || strcmp(x->method, "PATCH") == 0;
}

static void set_request(struct ac_xfer *x, const char *range)
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
	else if (uploads(x))
		set_upload(x);
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

/* The answer is complete; is what it carried? */
static enum ac_xfer_result complete(struct ac_xfer *x, struct ac_err *err)
{
	uint64_t have = x->q->sink != NULL ? x->got : x->r->body.len;
	uint64_t want = x->q->expect_size;

	if (!x->head_done && ac_xfer_begin(x, err) < 0)
		return AC_XFER_FAIL;
	x->r->status = ac_xfer_status(x);
	if (!ac_xfer_is_content(x, x->r->status) ||
	    strcmp(x->method, "HEAD") == 0)
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

/* The range to ask for, or NULL: all.  Of what is complete it is the last byte,
 * since there is no empty one.  Caller frees. */
static char *choose_range(struct ac_xfer *x)
{
	x->from = x->whole ? 0 : x->got;
	if (x->from != 0 && x->from == x->total)
		x->from--;
	return x->from != 0 || (x->got != 0 && !x->whole)
		       ? ac_xasprintf("%llu-", (unsigned long long)x->from)
		       : NULL;
}

enum ac_xfer_result ac_xfer_do(struct ac_xfer *x, struct ac_err *err)
{
	AC_FREE char *range = choose_range(x);
	char errbuf[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURLcode code;

	x->head_bytes = x->head_lines = 0;
	x->skip = x->body = x->sent = 0;
	x->head_done = x->failed = x->refused = x->enough = false;
	x->err = err;
	x->stall = x->opts->stall != 0 ? x->opts->stall : STALL_SECONDS;
	x->r->status = 0;
	ac_buf_reset(&x->r->body);
	ac_strv_release(&x->r->headers);
	curl_easy_reset(x->easy);
	set_callbacks(x, errbuf);
	set_connection(x);
	set_request(x, range);
	if (set_headers(x, range, &headers, err) < 0) {
		free_headers(headers);
		return AC_XFER_FAIL;
	}
	code = curl_easy_perform(x->easy);
	free_headers(headers);
	if (x->failed)
		return AC_XFER_FAIL;
	if (code != CURLE_OK && !x->enough)
		return ac_xfer_explain(x, code, errbuf, err);
	note_address(x);
	return complete(x, err);
}
