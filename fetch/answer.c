/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/answer.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/str.h"
#include "fetch/range.h"

enum { RANGE_TEXT = 80 };

const char *request_header(const struct request *q, const char *name)
{
	return MHD_lookup_connection_value(q->conn, MHD_HEADER_KIND, name);
}

const char *request_query(const struct request *q, const char *name)
{
	return MHD_lookup_connection_value(q->conn, MHD_GET_ARGUMENT_KIND,
					   name);
}

/* One line of the access log, with --debug. */
static void note(const struct request *q, unsigned int status, uint64_t size)
{
	const union MHD_ConnectionInfo *info;
	char who[INET6_ADDRSTRLEN] = "-";
	const void *addr = NULL;

	if (!ac_log_debugging())
		return;
	info = MHD_get_connection_info(q->conn,
				       MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info != NULL && info->client_addr->sa_family == AF_INET)
		addr = &((const struct sockaddr_in *)(const void *)
				 info->client_addr)
				->sin_addr;
	else if (info != NULL && info->client_addr->sa_family == AF_INET6)
		addr = &((const struct sockaddr_in6 *)(const void *)
				 info->client_addr)
				->sin6_addr;
	if (addr != NULL)
		(void)inet_ntop(info->client_addr->sa_family, addr, who,
				sizeof(who));
	{
		AC_FREE char *path = ac_str_show(q->path);

		ac_debug("%s %s %s %u %" PRIu64, who, q->method, path, status,
			 size);
	}
}

static enum MHD_Result queue(const struct request *q, unsigned int status,
			     struct MHD_Response *r, const char *type,
			     const struct header *more, uint64_t size)
{
	enum MHD_Result ok;

	if (r == NULL)
		return MHD_NO;
	if (type != NULL)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
					      type);
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	for (; more != NULL && more->name != NULL; more++)
		(void)MHD_add_response_header(r, more->name, more->value);
	ok = MHD_queue_response(q->conn, status, r);
	MHD_destroy_response(r);
	note(q, status, size);
	return ok;
}

enum MHD_Result answer_text(const struct request *q, unsigned int status,
			    const char *type, const char *text, size_t len,
			    const struct header *more)
{
	/* The library does not change it: it copies. */
	union {
		const char *from;
		void *to;
	} p = {.from = text};

	return queue(q, status,
		     MHD_create_response_from_buffer(len, p.to,
						     MHD_RESPMEM_MUST_COPY),
		     type, more, len);
}

enum MHD_Result answer_status(const struct request *q, unsigned int status)
{
	static const struct header allow[] = {{"Allow", "GET, HEAD"},
					      {NULL, NULL}};
	char text[64];
	int n = snprintf(text, sizeof(text), "%u %s\n", status,
			 MHD_get_reason_phrase_for(status));

	return answer_text(q, status, "text/plain", text, (size_t)n,
			   status == MHD_HTTP_METHOD_NOT_ALLOWED ? allow
								 : NULL);
}

/* What the request's Range means here: as range_parse. */
static int want_range(const struct request *q, const struct file *f,
		      uint64_t *off, uint64_t *len)
{
	const char *range = request_header(q, MHD_HTTP_HEADER_RANGE);
	const char *only = request_header(q, MHD_HTTP_HEADER_IF_RANGE);

	if (range == NULL || (only != NULL && strcmp(only, f->etag) != 0))
		return 0;
	return range_parse(range, f->size, off, len);
}

static enum MHD_Result no_range(const struct request *q, const struct file *f)
{
	char text[RANGE_TEXT];
	const struct header more[] = {{MHD_HTTP_HEADER_CONTENT_RANGE, text},
				      {NULL, NULL}};

	(void)snprintf(text, sizeof(text), "bytes */%" PRIu64, f->size);
	return answer_text(q, MHD_HTTP_RANGE_NOT_SATISFIABLE, "text/plain", "",
			   0, more);
}

/* The headers that come with a file, whole or part, and with 304. */
static void file_headers(struct MHD_Response *r, const struct file *f)
{
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, f->etag);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ACCEPT_RANGES,
				      "bytes");
}

enum MHD_Result answer_file(const struct request *q, const struct file *f)
{
	const char *have = request_header(q, MHD_HTTP_HEADER_IF_NONE_MATCH);
	AC_CLOSE int fd = f->fd;
	unsigned int status = MHD_HTTP_OK;
	struct MHD_Response *r;
	uint64_t off = 0;
	uint64_t len = f->size;
	int part;

	if (have != NULL && etag_listed(have, f->etag)) {
		r = MHD_create_response_from_buffer(0, NULL,
						    MHD_RESPMEM_PERSISTENT);
		if (r != NULL)
			file_headers(r, f);
		return queue(q, MHD_HTTP_NOT_MODIFIED, r, NULL, f->more, 0);
	}
	part = want_range(q, f, &off, &len);
	if (part < 0)
		return no_range(q, f);
	r = MHD_create_response_from_fd_at_offset64(len, fd, off);
	if (r == NULL)
		return MHD_NO;
	(void)ac_steal_fd(&fd); /* closed with the response */
	file_headers(r, f);
	if (part > 0) {
		char text[RANGE_TEXT];

		(void)snprintf(text, sizeof(text),
			       "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, off,
			       off + len - 1, f->size);
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_RANGE,
					      text);
		status = MHD_HTTP_PARTIAL_CONTENT;
	}
	return queue(q, status, r, f->type, f->more, len);
}
