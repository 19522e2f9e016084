/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_XFER_H
#define AC_NET_XFER_H

/*
 * One exchange of HTTP: a request to one URL and its answer, no redirect, no
 * retry.  Between http.c (which decides) and libcurl; nobody else uses it.
 */

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/net/http.h"
#include "common/net/url.h"

struct ac_err;

/* The state of a whole request, across redirects and attempts. */
struct ac_xfer {
	const struct ac_http_opts *opts;
	CURLSH *share;
	const struct curl_blob *ca; /* or NULL */
	const struct ac_http_request *q;
	struct ac_http_response *r;

	const char *user, *password; /* of q->url, or NULL */
	CURL *easy;

	/* This hop. */
	struct ac_url url;
	const char *method;
	bool keep_secrets; /* still the host they are for */
	bool was_public;   /* an earlier hop was; so must this be */

	/* What the sink has, over all attempts. */
	uint64_t got;
	uint64_t total;  /* as the server said; 0: unknown */
	char *validator; /* ETag or Last-Modified; NULL: none */
	bool inherited;  /* an earlier call's, and not confirmed yet */
	bool whole;      /* ranges do not help here: ask for all of it */
	bool anew;       /* give this answer up, and ask so */

	/* This answer. */
	size_t head_bytes;
	size_t head_lines;
	uint64_t from;      /* the first byte that was asked for */
	bool head_done;     /* the body began */
	uint64_t skip;      /* bytes of it that the sink has already */
	uint64_t body;      /* bytes of it */
	uint64_t sent;      /* bytes of the request's own */
	bool refused;       /* a connection to a private address */
	bool enough;        /* of an error's body */
	unsigned int stall; /* seconds */
	struct ac_err *err;
	bool failed; /* *err is set by a callback */
};

/* The variable NAME of the environment, NULL when it is empty too. */
const char *ac_xfer_env(const char *name);

enum ac_xfer_result {
	AC_XFER_DONE,  /* a complete answer */
	AC_XFER_RETRY, /* it broke, *err says how; may work next time */
	AC_XFER_FAIL,  /* *err says why */
};

/* Do it on x->easy, which is reset first. */
AC_MUSTUSE enum ac_xfer_result ac_xfer_do(struct ac_xfer *x,
					  struct ac_err *err);

/* What xfer.c gives to libcurl: a line of a head, bytes of a body. */
size_t ac_xfer_on_head(char *p, size_t size, size_t n, void *ctx);
size_t ac_xfer_on_body(char *p, size_t size, size_t n, void *ctx);
/* The head is complete: judge it before the first byte of the body (or when
 * there is none). */
AC_MUSTUSE int ac_xfer_begin(struct ac_xfer *x, struct ac_err *err);
long ac_xfer_status(const struct ac_xfer *x);
/* Is STATUS that of an answer whose body X is after? */
bool ac_xfer_is_content(const struct ac_xfer *x, long status);

/* Say in *err what libcurl's CODE means to somebody who wants a file, and
 * whether another try can help. */
enum ac_xfer_result ac_xfer_explain(const struct ac_xfer *x, CURLcode code,
				    const char *errbuf, struct ac_err *err);

/* Parse "bytes FIRST-LAST/TOTAL"; a TOTAL of "*" gives 0.  False: it is not
 * that. */
AC_MUSTUSE bool ac_xfer_content_range(const char *text, uint64_t *first,
				      uint64_t *last, uint64_t *total);

#endif
