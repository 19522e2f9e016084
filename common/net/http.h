/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_HTTP_H
#define AC_NET_HTTP_H

/*
 * HTTP GET (and HEAD, POST) by libcurl, for hostile servers: redirects are
 * followed by us (at most 10), never from https to http, credentials never go
 * to another host, scheme or port; bodies have limits; a transfer slower than
 * 1 byte a second for 30 s is given up; what can be retried is, with backoff
 * and Retry-After.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/codec/unzip.h"

struct ac_err;
struct ac_http;

struct ac_http_opts {
	bool insecure_tls;    /* do not check certificates */
	bool allow_http;      /* plain http may be used at all */
	const char *ca_file;  /* more trusted certificates, or NULL */
	unsigned int retries; /* of one request; default 3 */
};

/* A client: connections, names and TLS sessions are shared by all its requests,
 * from any thread. */
AC_MUSTUSE struct ac_http *ac_http_new(const struct ac_http_opts *opts);
void ac_http_free(struct ac_http *h);

struct ac_http_request {
	const char *url;
	const char *method;            /* NULL: GET */
	const struct ac_strv *headers; /* "Name: value"; secrets among them are
					* not sent elsewhere; or NULL */
	const char *body;              /* of a POST, or NULL */
	uint64_t max_body;             /* 0: 8 MiB */
	/* The body of a 2xx answer goes here as it comes; NULL: into .body of
	 * the response.  With a sink there is no retry after its first byte,
	 * but a broken transfer is resumed (Range, If-Range) where the server
	 * can. */
	ac_sink_fn sink;
	void *ctx;
	uint64_t expect_size; /* of the body, for progress and for stopping; 0:
				 unknown */
};

struct ac_http_response {
	long status;
	struct ac_buf body;     /* without a sink, or of an error */
	struct ac_strv headers; /* "name: value", names in lower case */
	char *url;              /* after redirects */
};

#define AC_HTTP_RESPONSE_INIT \
	((struct ac_http_response){.body = AC_BUF_INIT(8 << 20)})
void ac_http_response_release(struct ac_http_response *r);

/* Do it.  Any complete answer is success: look at .status.  No answer:
 * AC_E_NET with the reason (name, connect, TLS, timeout, ...). */
AC_MUSTUSE int ac_http_do(struct ac_http *h, const struct ac_http_request *q,
			  struct ac_http_response *r, struct ac_err *err);
/* The value of a header (first one), or NULL. */
const char *ac_http_header(const struct ac_http_response *r, const char *name);

#endif
