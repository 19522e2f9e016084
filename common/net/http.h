/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_HTTP_H
#define AC_NET_HTTP_H

/*
 * HTTP GET (and HEAD, POST, PUT, PATCH) by libcurl, for hostile servers:
 *redirects are followed by us (at most 10), never from https to http nor from a
 *public address to a private one; credentials never go to another host, scheme
 *or port; heads and bodies have limits; a transfer that stands still is given
 *up; what can be retried is, with backoff and Retry-After.
 *
 *	h = ac_http_new(&(struct ac_http_opts){.retries = 3});
 *	q = (struct ac_http_request){.url = url};
 *	if (ac_http_do(h, &q, &r, err) < 0)
 *		...nothing was answered...
 *	... r.status, r.body ...
 *	ac_http_response_release(&r);
 *
 * Bytes are given as they came: nothing is decoded, whatever Content-Encoding
 * says (we ask for none; digests and signatures are of the bytes).
 *
 * ac_http_new makes the process ignore SIGPIPE.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/codec/unzip.h"

struct ac_err;
struct ac_http;
struct ac_url;

struct ac_http_opts {
	bool insecure_tls;        /* do not check certificates */
	bool allow_http;          /* plain http may be used at all */
	const char *ca_file;      /* more trusted certificates, or NULL */
	unsigned int retries;     /* of one request, without progress between */
	unsigned int stall;       /* seconds without a byte (well, 100 bytes a
				   * second) before giving up; 0: 30 */
	const atomic_int *cancel; /* not 0: all requests end; or NULL */
};

/* A client: names and TLS sessions are shared by all its requests, from any
 * thread, and connections are used again.  The strings are copied.  Never
 * NULL; a ca_file that cannot be read is told by the first request. */
AC_MUSTUSE struct ac_http *ac_http_new(const struct ac_http_opts *opts);
void ac_http_free(struct ac_http *h); /* NULL is fine */
/* Have FN told of each further try, before the pause that it makes: of what
 * (without secrets), why the last one was not enough, and how long the pause
 * is.  From any thread that does a request. */
typedef void (*ac_http_retry_fn)(void *ctx, const char *what, const char *why,
				 uint64_t pause_ms);
void ac_http_on_retry(struct ac_http *h, ac_http_retry_fn fn, void *ctx);
bool ac_http_allows_http(const struct ac_http *h);

/* What is sent: SIZE bytes of the file FD from OFF on, or those at P. */
struct ac_http_upload {
	const void *p; /* or NULL: of the file */
	int fd;
	uint64_t off, size;
	/* Told of each part of them that goes out; may be NULL. */
	void (*sent)(void *ctx, size_t n);
	void *ctx;
};

/* One exchange of a request: redirects and resumed transfers have more. */
struct ac_http_exchange {
	const struct ac_url *url;
	const char *method;
	const char *range; /* value of its Range header, or NULL */
};
/* Add headers that only the place of X->url may see. */
typedef int (*ac_http_sign_fn)(void *ctx, const struct ac_http_exchange *x,
			       struct ac_strv *headers, struct ac_err *err);

struct ac_http_request {
	const char *url;               /* user:password@ becomes Basic */
	const char *method;            /* NULL: GET */
	const struct ac_strv *headers; /* "Name: value", or NULL; Authorization
					* and Cookie stay with their host; "If-"
					* is left out where a part is asked
					* for */
	/* Asked before each exchange, unless it is with another scheme, host or
	 * port than .url has; or NULL.  Its headers are wiped after it. */
	ac_http_sign_fn sign;
	void *sign_ctx;
	const char *body; /* of a POST, or NULL: not sent where a redirect
			   * leads to another host */
	const struct ac_http_upload *upload; /* of a PUT or PATCH, or NULL: an
					      * empty one */
	bool once;  /* never tried again here: the caller knows what to do */
	bool probe; /* there is another way: what does not even connect is not
		     * tried again */
	uint64_t max_body; /* 0: 8 MiB without a sink, no limit with one */
	/* The body of an answer with status 200 goes here as it comes; NULL:
	 * that of any 2xx into .body of the response.  With a sink nothing is
	 * sent twice to it: a broken transfer is resumed (Range, If-Range), and
	 * the status is 200 in the end. */
	ac_sink_fn sink;
	void *ctx;
	/* Told how many bytes the body will have, before the first of them,
	 * when the server says so; once more when it begins again.  CTX is that
	 * of the sink; may be NULL. */
	void (*on_total)(void *ctx, uint64_t total);
	uint64_t expect_size; /* of the body: another is AC_E_VERIFY, as soon as
			       * it shows; 0: unknown */
	bool pinned; /* the caller checks a digest: resume even when the server
		      * gives nothing (ETag, Last-Modified) to tell that the
		      * content is still the same */
	/* A body begins from its first byte: what the sink got before is void.
	 * VALIDATOR is what a later call needs to go on behind what came, and
	 * is NULL when the server gives nothing that lasts; TOTAL is the size,
	 * 0: unknown.  May be NULL. */
	int (*begin)(void *ctx, const char *validator, uint64_t total,
		     struct ac_err *err);
	/* The sink has so many bytes from an earlier call: with pinned, or with
	 * begin and what it was told then.  Where the server has another
	 * content by now, begin is called once more. */
	uint64_t offset;
	const char *validator;
	uint64_t total;
	bool allow_http;  /* for this one, whatever the client's say */
	bool from_public; /* a public server named this place: it must not be
			   * one of a private network, as of a redirect */
};

struct ac_http_response {
	long status;
	struct ac_buf body; /* without a sink; of an error its first 64 KiB */
	struct ac_strv headers; /* "name: value", names in lower case */
	char *url;              /* after redirects */
	bool was_public;        /* a server of the public internet answered */
};

#define AC_HTTP_RESPONSE_INIT \
	((struct ac_http_response){.body = AC_BUF_INIT(8 << 20)})
void ac_http_response_release(struct ac_http_response *r);

/* Do it.  Any complete answer is success: look at .status.  No answer:
 * AC_E_NET with the reason (name, connect, TLS, stall, ...); AC_E_DENIED for
 * what we do not do (plain http, certificates that are not trusted, redirects
 * to worse places); AC_E_LIMIT; AC_E_VERIFY for a wrong size; or the sink's
 * own. */
AC_MUSTUSE int ac_http_do(struct ac_http *h, const struct ac_http_request *q,
			  struct ac_http_response *r, struct ac_err *err);

/* The value of a header (first one), or NULL. */
const char *ac_http_header(const struct ac_http_response *r, const char *name);

/* How many seconds from now the server wants us to wait (Retry-After, as a
 * number or a date); 0: it does not say; a date that has passed too. */
uint64_t ac_http_retry_after(const struct ac_http_response *r);

/* For how many seconds the answer may be used again without asking
 * (Cache-Control, Age); 0: not at all, or it does not say. */
uint64_t ac_http_max_age(const struct ac_http_response *r);

#endif
