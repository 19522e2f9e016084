/* SPDX-License-Identifier: Apache-2.0 */
/* ac_http against a server that does as each test scripts it. */
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/net/http.h"
#include "common/net/xfer.h"
#include "tests/unit/server.h"
#include "tests/unit/tap.h"

/* A request to S, with all that a test may look at. */
struct get {
	struct ac_http_opts opts;
	struct ac_http_request q;
	struct ac_http_response r;
	struct ac_buf sunk;
	struct ac_err err;
	int ret;
};

static int sink(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct get *g = ctx;

	ac_buf_add(&g->sunk, p, n);
	return ac_buf_check(&g->sunk, "the test", err);
}

static struct get begin(void)
{
	return (struct get){.opts = {.allow_http = true,
				     .retries = 2,
				     .stall = 2},
			    .r = AC_HTTP_RESPONSE_INIT,
			    .sunk = AC_BUF_INIT(1 << 20),
			    .err = AC_ERR_INIT};
}

static void run(struct get *g, const struct server *s, const char *path)
{
	AC_FREE char *url =
		ac_xasprintf("http://u:secret@127.0.0.1:%u%s", s->port, path);
	struct ac_http *h = ac_http_new(&g->opts);

	g->q.url = url;
	g->q.ctx = g;
	g->ret = ac_http_do(h, &g->q, &g->r, &g->err);
	g->q.url = NULL;
	ac_http_free(h);
}

static void end(struct get *g)
{
	ac_http_response_release(&g->r);
	ac_buf_release(&g->sunk);
}

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n"

TEST(plain_answer)
{
	static struct server s = {
		.steps = {{.reply = OK "X-Y:  z \r\nContent-Length: "
				       "3\r\n\r\nabc"}}};
	struct get g = begin();

	server_start(&s);
	run(&g, &s, "/a?b=c%20d");
	server_finish(&s);
	CHECK(g.ret == 0 && g.r.status == 200);
	CHECK(strcmp(ac_buf_str(&g.r.body), "abc") == 0);
	CHECK(strcmp(ac_http_header(&g.r, "x-y"), "z") == 0);
	CHECK(ac_http_header(&g.r, "x") == NULL);
	CHECK(strstr(s.steps[0].head, "GET /a?b=c%20d HTTP/1.1\r\n") != NULL);
	CHECK(strstr(s.steps[0].head, "User-Agent: acutils/") != NULL);
	CHECK(strstr(s.steps[0].head, "Accept-Encoding: identity") != NULL);
	CHECK(strstr(s.steps[0].head, "Authorization: Basic dTpzZWNyZXQ=") !=
	      NULL);
	end(&g);
}

TEST(secrets_stay_with_their_host)
{
	static struct server a = {
		.steps = {{.reply = "HTTP/1.1 307 x\r\nConnection: close\r\n"
				    "Location: /again\r\n\r\n"},
			  {.reply = "HTTP/1.1 302 x\r\nConnection: close\r\n"
				    "Location: http://w:x@127.0.0.1:%P/blob?"
				    "sig=a%2Fb\r\nContent-Length: 0\r\n\r\n"}}};
	static struct server b = {
		.steps = {{.reply = OK "Content-Length: 2\r\n\r\nok"}}};
	struct ac_strv headers = AC_STRV_INIT;
	struct get g = begin();

	ac_strv_push(&headers, "Cookie: c=d");
	ac_strv_push(&headers, "Accept: x/y");
	g.q.headers = &headers;
	server_start(&b);
	a.other = b.port;
	server_start(&a);
	run(&g, &a, "/first");
	server_finish(&a);
	server_finish(&b);
	CHECK(g.ret == 0 && g.r.status == 200);
	CHECK(strstr(a.steps[1].head, "Authorization: Basic") != NULL);
	CHECK(strstr(a.steps[1].head, "Cookie: c=d") != NULL);
	CHECK(strstr(b.steps[0].head, "GET /blob?sig=a%2Fb ") != NULL);
	CHECK(strstr(b.steps[0].head, "uthorization") == NULL);
	CHECK(strstr(b.steps[0].head, "ookie") == NULL);
	CHECK(strstr(b.steps[0].head, "Accept: x/y") != NULL);
	ac_strv_release(&headers);
	end(&g);
}

/* A header that tells how often it was asked, and of what. */
static int sign(void *ctx, const struct ac_http_exchange *x,
		struct ac_strv *headers, struct ac_err *err)
{
	int *asked = ctx;

	++*asked;
	if (*asked > 2)
		return ac_err_set(err, AC_E_INVALID, "no more");
	ac_strv_pushf(headers, "X-Sign: %d %s %s %s", *asked, x->method,
		      strrchr(x->url->text, '/'),
		      x->range != NULL ? x->range : "all");
	return 0;
}

TEST(every_exchange_with_the_host_is_signed)
{
	static struct server a = {
		.steps = {{.reply = "HTTP/1.1 307 x\r\nConnection: close\r\n"
				    "Location: /again\r\n\r\n"},
			  {.reply = "HTTP/1.1 302 x\r\nConnection: close\r\n"
				    "Location: http://127.0.0.1:%P/x\r\n"
				    "Content-Length: 0\r\n\r\n"}}};
	static struct server b = {
		.steps = {{.reply = OK "Content-Length: 2\r\n\r\nok"}}};
	struct get g = begin();
	int asked = 0;

	g.q.sign = sign;
	g.q.sign_ctx = &asked;
	server_start(&b);
	a.other = b.port;
	server_start(&a);
	run(&g, &a, "/first");
	server_finish(&a);
	server_finish(&b);
	CHECK(g.ret == 0 && g.r.status == 200 && asked == 2);
	CHECK(strstr(a.steps[0].head, "X-Sign: 1 GET /first all\r\n") != NULL);
	CHECK(strstr(a.steps[1].head, "X-Sign: 2 GET /again all\r\n") != NULL);
	CHECK(strstr(b.steps[0].head, "X-Sign") == NULL);
	end(&g);
}

TEST(the_rest_of_a_transfer_is_signed_too)
{
	static struct server s = {
		.steps = {{.reply = OK "ETag: \"e\"\r\nContent-Length: "
				       "6\r\n\r\nabc"},
			  {.reply = "HTTP/1.1 206 x\r\nConnection: close\r\n"
				    "ETag: \"e\"\r\nContent-Range: bytes "
				    "3-5/6\r\nContent-Length: "
				    "3\r\n\r\ndef"}}};
	struct get g = begin();
	int asked = 0;

	g.q.sign = sign;
	g.q.sign_ctx = &asked;
	g.q.sink = sink;
	server_start(&s);
	run(&g, &s, "/x");
	server_finish(&s);
	CHECK(g.ret == 0 && strcmp(ac_buf_str(&g.sunk), "abcdef") == 0);
	CHECK(strstr(s.steps[1].head, "X-Sign: 2 GET /x bytes=3-\r\n") != NULL);
	CHECK(strstr(s.steps[1].head, "\r\nRange: bytes=3-\r\n") != NULL);
	end(&g);
}

TEST(who_cannot_sign_does_not_ask)
{
	struct server s = {.port = 9};
	struct get g = begin();
	int asked = 2;

	g.q.sign = sign;
	g.q.sign_ctx = &asked;
	run(&g, &s, "/");
	CHECK(g.ret < 0 && g.err.code == AC_E_INVALID && asked == 3);
	end(&g);
}

TEST(what_is_posted_stays_with_its_host)
{
	static struct server a = {
		.steps = {{.reply = "HTTP/1.1 307 x\r\nConnection: close\r\n"
				    "Location: http://127.0.0.1:1/x\r\n"
				    "Content-Length: 0\r\n\r\n"}}};
	struct get g = begin();

	g.q.method = "POST";
	g.q.body = "refresh_token=secret";
	server_start(&a);
	run(&g, &a, "/token");
	server_finish(&a);
	CHECK(g.ret < 0 && g.err.code == AC_E_DENIED);
	CHECK(strstr(g.err.msg, "another host") != NULL);
	end(&g);
}

TEST(redirect_loop_ends)
{
	static struct server s;
	struct get g = begin();

	for (size_t i = 0; i < 11; i++)
		s.steps[i].reply = "HTTP/1.1 301 x\r\nConnection: close\r\n"
				   "Location: /loop\r\n\r\n";
	server_start(&s);
	run(&g, &s, "/loop");
	server_finish(&s);
	CHECK(g.ret < 0 && strstr(g.err.msg, "10 redirects") != NULL);
	CHECK(strstr(g.err.msg, "secret") == NULL);
	end(&g);
}

TEST(redirect_to_a_file_is_refused)
{
	static struct server s = {
		.steps = {{.reply = "HTTP/1.1 301 x\r\nConnection: close\r\n"
				    "Location: file:///etc/passwd\r\n\r\n"}}};
	struct get g = begin();

	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret < 0 && g.err.code == AC_E_INVALID);
	end(&g);
}

TEST(plain_http_must_be_allowed)
{
	struct server s = {.port = 9};
	struct get g = begin();

	g.opts.allow_http = false;
	run(&g, &s, "/");
	CHECK(g.ret < 0 && g.err.code == AC_E_DENIED);
	end(&g);
}

TEST(no_private_place_from_a_public_one)
{
	static struct server s = {.steps = {{.reply = OK "\r\nabc"}}};
	struct get g = begin();

	server_start(&s);
	g.q.from_public = true;
	run(&g, &s, "/");
	CHECK(g.ret < 0 && g.err.code == AC_E_DENIED);
	CHECK(strstr(g.err.msg, "private") != NULL);
	g.q.from_public = false;
	g.err = AC_ERR_INIT;
	run(&g, &s, "/");
	CHECK(g.ret == 0 && !g.r.was_public);
	server_finish(&s);
	end(&g);
}

TEST(nobody_listens)
{
	struct server s = {.port = 0};
	struct get g = begin();

	server_bind(&s);
	(void)close(s.fd);
	g.opts.retries = 0;
	run(&g, &s, "/");
	CHECK(g.ret < 0 && g.err.code == AC_E_NET);
	CHECK(strstr(g.err.msg, "refuses the connection") != NULL);
	end(&g);
}

TEST(busy_servers_are_asked_again)
{
	static struct server s = {
		.steps = {{.reply = "HTTP/1.1 429 x\r\nConnection: close\r\n"
				    "Retry-After: 1\r\n\r\n"},
			  {.reply = OK "Content-Length: 2\r\n\r\nok"}}};
	struct get g = begin();
	struct timespec t0;
	struct timespec t1;

	(void)clock_gettime(CLOCK_MONOTONIC, &t0);
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	(void)clock_gettime(CLOCK_MONOTONIC, &t1);
	CHECK(g.ret == 0 && g.r.status == 200);
	CHECK((double)(t1.tv_sec - t0.tv_sec) +
		      (double)(t1.tv_nsec - t0.tv_nsec) / 1e9 >
	      0.9);
	end(&g);
}

TEST(who_asks_for_too_long_is_told)
{
	static struct server s = {
		.steps = {{.reply = "HTTP/1.1 503 x\r\nConnection: close\r\n"
				    "Retry-After: 86400\r\n\r\n"}}};
	struct get g = begin();

	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret == 0 && g.r.status == 503);
	end(&g);
}

TEST(broken_transfer_is_resumed)
{
	static struct server s = {
		.steps = {{.reply = OK "ETag: \"1\"\r\nContent-Length: 10\r\n"
				       "\r\n01234"},
			  {.reply = "HTTP/1.1 206 x\r\nConnection: close\r\n"
				    "ETag: \"1\"\r\nContent-Range: bytes 5-9/10"
				    "\r\nContent-Length: 5\r\n\r\n56789"}}};
	struct get g = begin();

	g.q.sink = sink;
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret == 0 && strcmp(ac_buf_str(&g.sunk), "0123456789") == 0);
	CHECK(strstr(s.steps[1].head, "Range: bytes=5-\r\n") != NULL);
	CHECK(strstr(s.steps[1].head, "If-Range: \"1\"\r\n") != NULL);
	end(&g);
}

TEST(server_without_ranges)
{
	static struct server s = {
		.steps = {{.reply = OK "Last-Modified: x\r\nContent-Length: "
				       "10\r\n\r\n01234"},
			  {.reply = OK "Last-Modified: x\r\nContent-Length: "
				       "10\r\n\r\n0123456789"}}};
	struct get g = begin();

	g.q.sink = sink;
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret == 0 && strcmp(ac_buf_str(&g.sunk), "0123456789") == 0);
	end(&g);
}

TEST(changed_content_is_not_mixed)
{
	static struct server s = {
		.steps = {{.reply = OK "ETag: \"1\"\r\nContent-Length: 10\r\n"
				       "\r\n01234"},
			  {.reply = OK "ETag: \"2\"\r\nContent-Length: 10\r\n"
				       "\r\nabcdefghij"}}};
	struct get g = begin();

	g.q.sink = sink;
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret < 0 && strstr(g.err.msg, "changed on the server") != NULL);
	CHECK(strcmp(ac_buf_str(&g.sunk), "01234") == 0);
	end(&g);
}

TEST(without_a_validator_only_pinned_content_is_resumed)
{
	static const char cut[] = OK "Content-Length: 10\r\n\r\n01234";
	static struct server a = {.steps = {{.reply = cut}}};
	static struct server b = {
		.steps = {{.reply = cut},
			  {.reply = "HTTP/1.1 206 x\r\nConnection: close\r\n"
				    "Content-Range: bytes 5-9/10\r\n\r\n"
				    "56789"}}};
	struct get g = begin();
	struct get p = begin();

	g.q.sink = p.q.sink = sink;
	p.q.pinned = true;
	server_start(&a);
	run(&g, &a, "/");
	server_finish(&a);
	CHECK(g.ret < 0 && g.err.code == AC_E_NET);
	CHECK(strstr(g.err.msg, "5 of 10 bytes") != NULL);
	server_start(&b);
	run(&p, &b, "/");
	server_finish(&b);
	CHECK(p.ret == 0 && strcmp(ac_buf_str(&p.sunk), "0123456789") == 0);
	end(&g);
	end(&p);
}

TEST(wrong_part)
{
	static struct server s = {
		.steps = {{.reply = OK "Content-Length: 10\r\n\r\n01234"},
			  {.reply = "HTTP/1.1 206 x\r\nConnection: close\r\n"
				    "Content-Range: bytes 4-9/10\r\n\r\n"
				    "456789"}}};
	struct get g = begin();

	g.q.sink = sink;
	g.q.pinned = true;
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret < 0 && g.err.code == AC_E_INVALID);
	CHECK(g.sunk.len == 5);
	end(&g);
}

TEST(part_nobody_asked_for)
{
	static struct server s = {
		.steps = {{.reply = "HTTP/1.1 206 x\r\nConnection: close\r\n"
				    "Content-Range: bytes 0-1/10\r\n\r\nab"}}};
	struct get g = begin();

	g.q.sink = sink;
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret < 0 && g.err.code == AC_E_INVALID && g.sunk.len == 0);
	end(&g);
}

TEST(nothing_left_to_resume)
{
	static struct server s = {
		.steps = {{.reply = "HTTP/1.1 200 x\r\nConnection: close\r\n"
				    "Transfer-Encoding: chunked\r\n\r\n"
				    "5\r\n01234\r\n"},
			  {.reply = "HTTP/1.1 416 x\r\nConnection: close\r\n"
				    "Content-Range: bytes */5\r\n\r\n"}}};
	struct get g = begin();

	g.q.sink = sink;
	g.q.pinned = true;
	g.q.expect_size = 5;
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret == 0 && g.r.status == 200 && g.sunk.len == 5);
	end(&g);
}

TEST(sizes_that_lie)
{
	static const struct {
		const char *reply;
		uint64_t expect, max;
		enum ac_code code;
		size_t sunk;
	} t[] = {
		{OK "Content-Length: 11\r\n\r\n01234567890", 10, 0, AC_E_VERIFY,
		 0},
		{OK "Content-Length: 9\r\n\r\n012345678", 10, 0, AC_E_VERIFY,
		 0},
		{OK "\r\n01234567890", 10, 0, AC_E_VERIFY, 0},
		{OK "\r\n01234567890", 0, 10, AC_E_LIMIT, 0},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct server s = {.steps = {{.reply = t[i].reply}}};
		struct get g = begin();

		g.q.sink = sink;
		g.q.expect_size = t[i].expect;
		g.q.max_body = t[i].max;
		server_start(&s);
		run(&g, &s, "/");
		server_finish(&s);
		CHECK(g.ret < 0 && g.err.code == t[i].code);
		CHECK(g.sunk.len == t[i].sunk);
		end(&g);
	}
}

TEST(body_that_ends_with_its_connection)
{
	static struct server s = {
		.steps = {{.reply = OK "\r\n01234"},
			  {.reply = "HTTP/1.1 206 x\r\nConnection: close\r\n"
				    "Content-Range: bytes 5-9/*\r\n\r\n"
				    "56789"}}};
	struct get g = begin();

	g.q.sink = sink;
	g.q.pinned = true;
	g.q.expect_size = 10;
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret == 0 && strcmp(ac_buf_str(&g.sunk), "0123456789") == 0);
	end(&g);
}

TEST(stalled_transfer_is_given_up)
{
	static struct server s = {
		.steps = {{.reply = OK "Content-Length: 10\r\n\r\n01",
			   .hold_ms = 6000}}};
	struct get g = begin();

	g.opts.retries = 0;
	g.q.sink = sink;
	server_start(&s);
	run(&g, &s, "/");
	CHECK(g.ret < 0 && g.err.code == AC_E_NET);
	CHECK(strstr(g.err.msg, "2 seconds") != NULL);
	server_finish(&s);
	end(&g);
}

TEST(heads_have_limits)
{
	enum { N = 300 << 10 };
	char *text = malloc(N + 64);
	struct server s = {.steps = {{.reply = text}}};
	struct get g = begin();
	size_t at;

	CHECK(text != NULL);
	at = (size_t)snprintf(text, 64, "HTTP/1.1 200 OK\r\n");
	while (at < N) {
		memcpy(text + at, "X: y\r\n", 6);
		at += 6;
	}
	text[at] = '\0';
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret < 0 && g.err.code == AC_E_LIMIT);
	end(&g);
	free(text);
}

TEST(endless_interim_answers)
{
	enum { N = 100 << 10 };
	static const char one[] = "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n";
	char *text = calloc(1, N + sizeof(one));
	struct server s = {.steps = {{.reply = text}}};
	struct get g = begin();

	CHECK(text != NULL);
	for (size_t at = 0; at < N; at += sizeof(one) - 1)
		memcpy(text + at, one, sizeof(one) - 1);
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret < 0 && g.err.code == AC_E_LIMIT);
	end(&g);
	free(text);
}

TEST(not_http)
{
	static struct server s = {.steps = {{.reply = "220 ftp ready\r\n"}}};
	struct get g = begin();

	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret < 0 && g.err.code == AC_E_NET);
	end(&g);
}

TEST(bare_line_ends_in_the_head)
{
	static struct server s = {
		.steps = {{.reply = "HTTP/1.1 200 OK\nConnection: close\n"
				    "Content-Length: 2\n\nok"}}};
	struct get g = begin();

	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret == 0 && strcmp(ac_buf_str(&g.r.body), "ok") == 0);
	end(&g);
}

TEST(header_with_a_line_end_is_not_sent)
{
	struct server s = {.port = 9};
	struct ac_strv headers = AC_STRV_INIT;
	struct get g = begin();

	ac_strv_push(&headers, "Authorization: Bearer x\r\nHost: evil");
	g.q.headers = &headers;
	run(&g, &s, "/");
	CHECK(g.ret < 0 && g.err.code == AC_E_INVALID);
	ac_strv_release(&headers);
	end(&g);
}

TEST(error_bodies_are_cut)
{
	enum { N = 200 << 10 };
	char *text = calloc(1, N + 128);
	struct server s = {.steps = {{.reply = text}}};
	struct get g = begin();
	size_t at;

	CHECK(text != NULL);
	at = (size_t)snprintf(text, 128,
			      "HTTP/1.1 404 x\r\nConnection: close\r\n\r\n");
	memset(text + at, 'x', N);
	g.q.sink = sink;
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret == 0 && g.r.status == 404);
	CHECK(g.r.body.len <= 64 << 10 && g.sunk.len == 0);
	end(&g);
	free(text);
}

TEST(cancel)
{
	static atomic_int stop = 1;
	static struct server s = {
		.steps = {{.reply = OK "Content-Length: 9\r\n\r\n"}}};
	struct get g = begin();

	g.opts.cancel = &stop;
	server_start(&s);
	run(&g, &s, "/");
	CHECK(g.ret < 0 && g.err.code == AC_E_SYS && g.err.sys == EINTR);
	/* It may have been stopped before it connected. */
	g.opts.cancel = NULL;
	if (s.done == 0)
		run(&g, &s, "/");
	server_finish(&s);
	end(&g);
}

TEST(content_range)
{
	static const struct {
		const char *text;
		int ok;
		uint64_t first, last, total;
	} t[] = {
		{"bytes 0-4/5", 1, 0, 4, 5},
		{"bytes 2-4/*", 1, 2, 4, 0},
		{"bytes 4-2/9", 0, 0, 0, 0},
		{"bytes 0-5/5", 0, 0, 0, 0},
		{"bytes */5", 0, 0, 0, 0},
		{"bytes 0-4", 0, 0, 0, 0},
		{"items 0-4/5", 0, 0, 0, 0},
		{"bytes -4/5", 0, 0, 0, 0},
		{"bytes 0-4/5, x", 0, 0, 0, 0},
		{"", 0, 0, 0, 0},
		{"bytes 0-99999999999999999999/*", 0, 0, 0, 0},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		uint64_t first = 0;
		uint64_t last = 0;
		uint64_t total = 0;

		CHECK(ac_xfer_content_range(t[i].text, &first, &last, &total) ==
		      (t[i].ok != 0));
		if (t[i].ok)
			CHECK(first == t[i].first && last == t[i].last &&
			      total == t[i].total);
	}
}

/* Beginnings that were told, as text. */
static struct ac_buf begun;

static int on_begin(void *ctx, const char *validator, uint64_t total,
		    struct ac_err *err)
{
	struct get *g = ctx;

	(void)err;
	ac_buf_reset(&g->sunk);
	ac_buf_addf(&begun, "[%s %llu]", validator != NULL ? validator : "-",
		    (unsigned long long)total);
	return 0;
}

#define PART "HTTP/1.1 206 x\r\nConnection: close\r\n"

/* "01234" of an earlier process, whose whole had 10 bytes and the ETag "1". */
TEST(bytes_of_an_earlier_process)
{
	static const char rest[] = PART "ETag: \"1\"\r\nContent-Range: bytes "
					"5-9/10\r\n\r\n56789";
	static const char whole[] = OK "ETag: \"1\"\r\nContent-Length: "
				       "10\r\n\r\n0123456789";
	static const char other[] = OK "ETag: \"2\"\r\nContent-Length: "
				       "6\r\n\r\nabcdef";
	static const char gone[] = "HTTP/1.1 416 x\r\nConnection: close\r\n"
				   "Content-Range: bytes */6\r\n\r\n";
	static const char odd[] = PART "ETag: \"1\"\r\nContent-Range: bytes "
				       "0-9/10\r\n\r\n0123456789";
	static const char changed[] =
		PART "ETag: \"2\"\r\nContent-Range: bytes 5-9/10\r\n\r\nfghij";
	static const char longer[] =
		PART "ETag: \"1\"\r\nContent-Range: bytes 5-9/11\r\n\r\nfghij";
	static const struct {
		const char *first, *second, *sunk, *begun;
	} t[] = {
		{rest, NULL, "0123456789", ""},
		{whole, NULL, "0123456789", ""},
		{other, NULL, "abcdef", "[\"2\" 6]"},
		{gone, other, "abcdef", "[\"2\" 6]"},
		{gone, whole, "0123456789", ""},
		{odd, whole, "0123456789", ""},
		{changed, other, "abcdef", "[\"2\" 6]"},
		{longer, other, "abcdef", "[\"2\" 6]"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct server s = {.steps = {{.reply = t[i].first},
					     {.reply = t[i].second}}};
		struct get g = begin();

		begun = AC_BUF_INIT(4096);
		ac_buf_adds(&g.sunk, "01234");
		g.q.sink = sink;
		g.q.begin = on_begin;
		g.q.offset = 5;
		g.q.validator = "\"1\"";
		g.q.total = 10;
		server_start(&s);
		run(&g, &s, "/");
		server_finish(&s);
		CHECK(g.ret == 0 && g.r.status == 200);
		CHECK(strcmp(ac_buf_str(&g.sunk), t[i].sunk) == 0);
		CHECK(strcmp(ac_buf_str(&begun), t[i].begun) == 0);
		ac_buf_release(&begun);
		CHECK(strstr(s.steps[0].head, "Range: bytes=5-\r\n") != NULL);
		CHECK(strstr(s.steps[0].head, "If-Range: \"1\"\r\n") != NULL);
		CHECK(strstr(s.steps[1].head, "Range:") == NULL);
		end(&g);
	}
}

TEST(all_bytes_of_an_earlier_process)
{
	static struct server s = {
		.steps = {{.reply = PART "ETag: \"1\"\r\nContent-Range: bytes "
					 "4-4/5\r\n\r\n4"}}};
	struct ac_strv headers = AC_STRV_INIT;
	struct get g = begin();

	ac_buf_adds(&g.sunk, "01234");
	ac_strv_push(&headers, "If-None-Match: \"0\"");
	g.q.headers = &headers;
	g.q.sink = sink;
	g.q.begin = on_begin;
	g.q.offset = g.q.total = 5;
	g.q.validator = "\"1\"";
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret == 0 && strcmp(ac_buf_str(&g.sunk), "01234") == 0);
	CHECK(strstr(s.steps[0].head, "Range: bytes=4-\r\n") != NULL);
	CHECK(strstr(s.steps[0].head, "If-None-Match") == NULL);
	ac_strv_release(&headers);
	end(&g);
}

TEST(validators_that_last)
{
	static const struct {
		const char *head, *begun;
	} t[] = {
		{"ETag: \"a\"\r\nLast-Modified: Sat, 01 Jan 2022 00:00:00 GMT"
		 "\r\n",
		 "[\"a\" 2]"},
		{"ETag: W/\"a\"\r\n", "[- 2]"},
		{"X: y\r\n", "[- 2]"},
		{"ETag: W/\"a\"\r\nDate: Sat, 01 Jan 2022 00:01:00 GMT\r\n"
		 "Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n",
		 "[Sat, 01 Jan 2022 00:00:00 GMT 2]"},
		{"Date: Sat, 01 Jan 2022 00:00:59 GMT\r\n"
		 "Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n",
		 "[- 2]"},
		{"Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n", "[- 2]"},
		{"Date: x\r\nLast-Modified: y\r\n", "[- 2]"},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		AC_FREE char *reply =
			ac_xasprintf(OK "%sContent-Length: 2\r\n\r\nok",
				     t[i].head);
		struct server s = {.steps = {{.reply = reply}}};
		struct get g = begin();

		begun = AC_BUF_INIT(4096);
		g.q.sink = sink;
		g.q.begin = on_begin;
		server_start(&s);
		run(&g, &s, "/");
		server_finish(&s);
		CHECK(g.ret == 0);
		CHECK(strcmp(ac_buf_str(&begun), t[i].begun) == 0);
		ac_buf_release(&begun);
		end(&g);
	}
}

/* The body of a status that is not the content does not reach the sink. */
TEST(only_the_content_is_sunk)
{
	static struct server s = {
		.steps = {{.reply = "HTTP/1.1 202 x\r\nConnection: close\r\n"
				    "Content-Length: 5\r\n\r\nlater"}}};
	struct get g = begin();

	g.q.sink = sink;
	server_start(&s);
	run(&g, &s, "/");
	server_finish(&s);
	CHECK(g.ret == 0 && g.r.status == 202 && g.sunk.len == 0);
	end(&g);
}

static void headers_of(struct ac_http_response *r, const char *text)
{
	AC_FREE char *copy = ac_xstrdup(text);
	char *at = NULL;

	*r = AC_HTTP_RESPONSE_INIT;
	for (char *h = strtok_r(copy, "\n", &at); h != NULL;
	     h = strtok_r(NULL, "\n", &at))
		ac_strv_push(&r->headers, h);
}

TEST(max_age)
{
	static const struct {
		const char *head;
		uint64_t age;
	} t[] = {
		{"", 0},
		{"cache-control: max-age=60", 60},
		{"cache-control: public,  Max-Age=60 , must-revalidate", 60},
		{"cache-control: max-age=\"60\"", 60},
		{"cache-control: max-age=060", 60},
		{"cache-control: max-age", 0},
		{"cache-control: max-age=", 0},
		{"cache-control: max-age=-1", 0},
		{"cache-control: max-age=1.5", 0},
		{"cache-control: max-age=99999999999999999999999", 1U << 31},
		{"cache-control: max-age=60, max-age=30", 30},
		{"cache-control: max-age=60, no-cache", 0},
		{"cache-control: no-cache=\"a, max-age=9\", max-age=60", 0},
		{"cache-control: x=\"max-age=9, no-store\", max-age=60", 60},
		{"cache-control: no-store, max-age=60", 0},
		{"cache-control: max-age=60\ncache-control: no-store", 0},
		{"cache-control: s-maxage=60", 0},
		{"cache-control: max-age=60\nage: 20", 40},
		{"cache-control: max-age=60\nage: 60", 0},
		{"cache-control: max-age=60\nage: 99", 0},
		{"cache-control: max-age=60\nage: x", 0},
		{"cache-control: ,,;=\"", 0},
		{"expires: Sat, 01 Jan 2050 00:00:00 GMT", 0},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_http_response r;

		headers_of(&r, t[i].head);
		CHECK(ac_http_max_age(&r) == t[i].age);
		ac_http_response_release(&r);
	}
}

TEST(retry_after)
{
	static const struct {
		const char *head;
		uint64_t least, most;
	} t[] = {
		{"", 0, 0},
		{"retry-after: 7", 7, 7},
		{"retry-after: 99999999999999999999", 1U << 31, 1U << 31},
		{"retry-after: -7", 0, 0},
		{"retry-after: soon", 0, 0},
		{"retry-after: Sat, 01 Jan 2000 00:00:00 GMT", 0, 0},
		{"retry-after: Fri, 01 Jan 2100 00:00:00 GMT", 1, UINT32_MAX},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct ac_http_response r;
		uint64_t n;

		headers_of(&r, t[i].head);
		n = ac_http_retry_after(&r);
		CHECK(n >= t[i].least && n <= t[i].most);
		ac_http_response_release(&r);
	}
}
