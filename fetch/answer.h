/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_ANSWER_H
#define AC_FETCH_ANSWER_H

/*
 * One HTTP request to `acfetch serve`, and the answers it can get: text from
 * memory, or a file (by sendfile) with conditional requests and ranges
 * (RFC 9110).  HEAD gets what GET would, without the body.
 *
 * Each answer function queues the answer and gives libmicrohttpd's result,
 * which the handler returns.
 */

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct request {
	struct MHD_Connection *conn;
	const char *method;
	const char *path; /* decoded, without the query */
};

/* A header of an answer; lists end with {NULL, NULL}. */
struct header {
	const char *name, *value;
};

/* The first value of a request's header, or NULL; and of a query parameter. */
const char *request_header(const struct request *q, const char *name);
const char *request_query(const struct request *q, const char *name);

/* STATUS with LEN bytes of TEXT (copied).  MORE may be NULL. */
AC_MUSTUSE enum MHD_Result answer_text(const struct request *q,
				       unsigned int status, const char *type,
				       const char *text, size_t len,
				       const struct header *more);

/* STATUS with its reason as plain text. */
AC_MUSTUSE enum MHD_Result answer_status(const struct request *q,
					 unsigned int status);

/* A file: SIZE bytes of FD, which is taken over.  ETAG is a quoted string.
 * If-None-Match gives 304; one byte range (under If-Range, when it matches)
 * gives 206 or 416; several ranges give the whole file, as RFC 9110 allows. */
struct file {
	int fd;
	uint64_t size;
	const char *type;
	const char *etag;
	const struct header *more; /* or NULL */
};
AC_MUSTUSE enum MHD_Result answer_file(const struct request *q,
				       const struct file *f);

#endif
