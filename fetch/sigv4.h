/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_SIGV4_H
#define AC_FETCH_SIGV4_H

/* Requests signed as AWS wants them: Signature Version 4, by headers, with the
 * rules of S3 for paths (encoded once) and payloads. */

#include <time.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/net/http.h"

struct ac_err;

struct sigv4 {
	const char *access_key, *secret_key;
	const char *session; /* token of temporary keys, or NULL */
	const char *region, *service;
};

/* Add the headers for X, as at NOW: Authorization, X-Amz-Date,
 * X-Amz-Content-Sha256 and, with a session, X-Amz-Security-Token.  Signed are
 * these, the host, and the range when there is one.  The body of a GET or HEAD
 * is empty, that of another request is not signed. */
AC_MUSTUSE int sigv4_sign(const struct sigv4 *k,
			  const struct ac_http_exchange *x, time_t now,
			  struct ac_strv *headers, struct ac_err *err);

/* The region that the name of an S3 host has in it ("s3-eu-west-1" or
 * "s3.eu-west-1.amazonaws.com", a bucket or "dualstack" before it too), else
 * "us-east-1".  Caller frees. */
AC_MUSTUSE char *sigv4_region(const char *host);

#endif
