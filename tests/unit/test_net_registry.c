/* SPDX-License-Identifier: Apache-2.0 */
/* A registry client against a server that does as each test scripts it. */
#include "common/net/registry.h"

#include "common/base/err.h"
#include "tests/unit/server.h"
#include "tests/unit/tap.h"

#define HEAD(status) "HTTP/1.1 " status " x\r\nConnection: close\r\n"
#define OK           HEAD("200")
#define BEARER                                                              \
	HEAD("401")                                                         \
	"WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%P/token?a=b\"," \
	"service=\"s v\"\r\nContent-Length: 0\r\n\r\n"
#define MANIFEST "{\"schemaVersion\":2}"

/* A client of S (the text of its replies may use its own port) and an answer.
 */
struct client {
	struct ac_http *http;
	struct ac_registry *reg;
	struct ac_buf out, sunk;
	struct ac_digest digest;
	struct ac_err err;
};

static struct client begin_as(struct server *s,
			      const struct ac_registry_auth *auth)
{
	struct client c = {.out = AC_BUF_INIT(1 << 20),
			   .sunk = AC_BUF_INIT(1 << 20),
			   .err = AC_ERR_INIT};
	char host[64];
	char repository[] = "lib/app";
	struct ac_ref ref = {.kind = AC_REF_DOCKER,
			     .registry = host,
			     .repository = repository};

	server_bind(s);
	s->other = s->port;
	server_start(s);
	(void)snprintf(host, sizeof(host), "127.0.0.1:%u", s->port);
	c.http = ac_http_new(&(struct ac_http_opts){.retries = 1, .stall = 2});
	c.reg = ac_registry_new(c.http, &ref, auth);
	return c;
}

static struct client begin(struct server *s, const char *user)
{
	return begin_as(s, &(struct ac_registry_auth){
				   .user = user,
				   .password = user != NULL ? "pw" : NULL});
}

static void end(struct client *c, struct server *s)
{
	server_finish(s);
	ac_registry_free(c->reg);
	ac_http_free(c->http);
	ac_buf_release(&c->out);
	ac_buf_release(&c->sunk);
}

static int manifest(struct client *c, const char *reference)
{
	return ac_registry_manifest(c->reg, reference, &c->out, &c->digest,
				    &c->err);
}

static int sink(void *ctx, const void *p, size_t n, struct ac_err *err)
{
	struct client *c = ctx;

	ac_buf_add(&c->sunk, p, n);
	return ac_buf_check(&c->sunk, "the test", err);
}

static int blob(struct client *c, uint64_t size)
{
	struct ac_oci_desc d = {.media_type = "", .size = size};

	ac_digest_of(AC_SHA256, "0123456789", 10, &d.digest);
	return ac_registry_blob(c->reg, &d, sink, c, &c->err);
}

/* The first connection of each test tries TLS; the server knows none. */

TEST(loopback_falls_back_to_http)
{
	static struct server s = {.steps = {{.reply = "no tls here\r\n"},
					    {.reply = OK "\r\n" MANIFEST}}};
	struct client c = begin(&s, NULL);

	CHECK(manifest(&c, "1.0") == 0);
	CHECK(strcmp(ac_buf_str(&c.out), MANIFEST) == 0);
	CHECK(c.digest.alg == AC_SHA256);
	end(&c, &s);
	CHECK(strstr(s.steps[1].head, "GET /v2/lib/app/manifests/1.0 ") !=
	      NULL);
	CHECK(strstr(s.steps[1].head,
		     "application/vnd.oci.image.index.v1+json") != NULL);
}

TEST(bearer_token)
{
	static struct server s = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = BEARER},
			  {.reply = OK "\r\n{\"access_token\":\"tok\","
				       "\"expires_in\":300}"},
			  {.reply = OK "\r\n" MANIFEST},
			  {.reply = OK "\r\n0123456789"}}};
	struct client c = begin(&s, "me");

	CHECK(manifest(&c, "1.0") == 0 && blob(&c, 10) == 0);
	CHECK(strcmp(ac_buf_str(&c.sunk), "0123456789") == 0);
	end(&c, &s);
	CHECK(strstr(s.steps[1].head, "Authorization") == NULL);
	CHECK(strstr(s.steps[2].head,
		     "GET /token?a=b&service=s%20v&scope="
		     "repository%3Alib%2Fapp%3Apull ") != NULL);
	CHECK(strstr(s.steps[2].head, "Authorization: Basic bWU6cHc=\r\n") !=
	      NULL);
	CHECK(strstr(s.steps[3].head, "Authorization: Bearer tok\r\n") != NULL);
	CHECK(strstr(s.steps[4].head, "Authorization: Bearer tok\r\n") != NULL);
}

TEST(identity_token)
{
	static struct server s = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = BEARER},
			  {.reply = OK "\r\n{\"access_token\":\"tok\"}"},
			  {.reply = OK "\r\n" MANIFEST}}};
	struct client c =
		begin_as(&s, &(struct ac_registry_auth){.user = "me",
							.identity = "i&"});

	CHECK(manifest(&c, "1.0") == 0);
	end(&c, &s);
	CHECK(strstr(s.steps[2].head, "POST /token?a=b HTTP/1.1\r\n") != NULL);
	CHECK(strstr(s.steps[2].head, "Authorization") == NULL);
	CHECK(strstr(s.steps[3].head, "Authorization: Bearer tok\r\n") != NULL);
}

/* A token server that knows no OAuth 2. */
TEST(identity_token_or_else_the_password)
{
	static struct server s = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = BEARER},
			  {.reply = HEAD("404") "Content-Length: 0\r\n\r\n"},
			  {.reply = OK "\r\n{\"token\":\"tok\"}"},
			  {.reply = OK "\r\n" MANIFEST}}};
	struct client c =
		begin_as(&s, &(struct ac_registry_auth){.user = "me",
							.password = "pw",
							.identity = "i"});

	CHECK(manifest(&c, "1.0") == 0);
	end(&c, &s);
	CHECK(strstr(s.steps[2].head, "POST /token") != NULL);
	CHECK(strstr(s.steps[3].head, "GET /token") != NULL);
	CHECK(strstr(s.steps[3].head, "Authorization: Basic bWU6cHc=\r\n") !=
	      NULL);
	CHECK(strstr(s.steps[4].head, "Authorization: Bearer tok\r\n") != NULL);
}

TEST(a_bearer_token_as_it_is)
{
	static struct server s = {.steps = {{.reply = "no tls\r\n"},
					    {.reply = OK "\r\n" MANIFEST}}};
	struct client c =
		begin_as(&s, &(struct ac_registry_auth){.token = "mine"});

	CHECK(manifest(&c, "1.0") == 0);
	end(&c, &s);
	CHECK(strstr(s.steps[1].head, "Authorization: Bearer mine\r\n") !=
	      NULL);
}

TEST(anonymous_token)
{
	static struct server s = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = BEARER},
			  {.reply = OK "\r\n{\"token\":\"t\"}"},
			  {.reply = OK "\r\n" MANIFEST}}};
	struct client c = begin(&s, NULL);

	CHECK(manifest(&c, "1.0") == 0);
	end(&c, &s);
	CHECK(strstr(s.steps[2].head, "Authorization") == NULL);
}

TEST(basic)
{
	static struct server s = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = HEAD("401") "WWW-Authenticate: Basic realm="
						"x\r\n\r\n"},
			  {.reply = OK "\r\n" MANIFEST}}};
	struct client c = begin(&s, "me");

	CHECK(manifest(&c, "1.0") == 0);
	end(&c, &s);
	CHECK(strstr(s.steps[2].head, "Authorization: Basic bWU6cHc=") != NULL);
}

TEST(basic_without_a_user)
{
	static struct server s = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = HEAD("401") "WWW-Authenticate: Basic realm="
						"x\r\n\r\n"}}};
	struct client c = begin(&s, NULL);

	CHECK(manifest(&c, "1.0") < 0 && c.err.code == AC_E_DENIED);
	CHECK(strstr(c.err.msg, "a user and a password") != NULL);
	end(&c, &s);
}

TEST(a_loop_of_challenges_ends)
{
	static struct server s = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = BEARER},
			  {.reply = OK "\r\n{\"token\":\"1\"}"},
			  {.reply = BEARER},
			  {.reply = OK "\r\n{\"token\":\"2\"}"},
			  {.reply = BEARER}}};
	struct client c = begin(&s, NULL);

	CHECK(manifest(&c, "1.0") < 0 && c.err.code == AC_E_DENIED);
	end(&c, &s);
}

TEST(bad_tokens)
{
	static const char *const answers[] = {
		OK "\r\n{}",
		OK "\r\n[]",
		OK "\r\nnot json",
		OK "\r\n{\"token\":7}",
		OK "\r\n{\"token\":\"\"}",
		OK "\r\n{\"token\":\"a\\r\\nHost: evil\"}",
		OK "\r\n{\"token\":\"a b\"}",
		HEAD("403") "\r\n",
	};

	for (size_t i = 0; i < AC_LEN(answers); i++) {
		struct server s = {.steps = {{.reply = "no tls\r\n"},
					     {.reply = BEARER},
					     {.reply = answers[i]}}};
		struct client c = begin(&s, NULL);

		CHECK(manifest(&c, "1.0") < 0);
		CHECK(strstr(c.err.msg, "token") != NULL);
		end(&c, &s);
	}
}

TEST(manifest_by_digest_must_have_it)
{
	static struct server good = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = OK "Docker-Content-Digest: sha256:0\r\n\r\n"
				       "0123456789"}}};
	static struct server bad = {.steps = {{.reply = "no tls\r\n"},
					      {.reply = OK "\r\n012345678x"}}};
	static const char digest[] =
		"sha256:84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9"
		"f882f7882";
	struct client c = begin(&good, NULL);

	CHECK(manifest(&c, digest) == 0);
	end(&c, &good);
	c = begin(&bad, NULL);
	CHECK(manifest(&c, digest) < 0 && c.err.code == AC_E_VERIFY);
	CHECK(strstr(c.err.msg, "digest does not match") != NULL);
	end(&c, &bad);
}

TEST(refusals_are_told)
{
	static const struct {
		const char *reply, *text;
		enum ac_code code;
	} t[] = {
		{HEAD("404") "\r\n{\"errors\":[{\"code\":\"X\",\"message\":"
			     "\"manifest unknown\"}]}",
		 "manifest unknown", AC_E_NOT_FOUND},
		{HEAD("403") "\r\n{\"errors\":[]}", "credentials", AC_E_DENIED},
		{OK "Content-Type: text/html\r\n\r\n<html>", "web page",
		 AC_E_INVALID},
		{HEAD("418") "\r\n", "status 418", AC_E_NET},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct server s = {.steps = {{.reply = "no tls\r\n"},
					     {.reply = t[i].reply}}};
		struct client c = begin(&s, NULL);

		CHECK(manifest(&c, "1.0") < 0 && c.err.code == t[i].code);
		CHECK(strstr(c.err.msg, t[i].text) != NULL);
		end(&c, &s);
	}
}

TEST(token_that_dies_within_a_blob)
{
	static struct server s = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = OK "\r\n" MANIFEST},
			  {.reply = OK "Content-Length: 10\r\n\r\n01234"},
			  {.reply = BEARER},
			  {.reply = OK "\r\n{\"token\":\"t\"}"},
			  {.reply = HEAD("206") "Content-Range: bytes 5-9/10"
						"\r\n\r\n56789"}}};
	struct client c = begin(&s, NULL);

	CHECK(manifest(&c, "1.0") == 0 && blob(&c, 10) == 0);
	CHECK(strcmp(ac_buf_str(&c.sunk), "0123456789") == 0);
	end(&c, &s);
	CHECK(strstr(s.steps[5].head, "Range: bytes=5-\r\n") != NULL);
	CHECK(strstr(s.steps[5].head, "Authorization: Bearer t\r\n") != NULL);
}

TEST(blob_sizes)
{
	static const struct {
		const char *reply;
		uint64_t size;
	} t[] = {
		{OK "Content-Length: 9\r\n\r\n012345678", 10},
		{OK "Content-Length: 11\r\n\r\n01234567890", 10},
		{OK "\r\n0", 0},
	};

	for (size_t i = 0; i < AC_LEN(t); i++) {
		struct server s = {.steps = {{.reply = "no tls\r\n"},
					     {.reply = OK "\r\n" MANIFEST},
					     {.reply = t[i].reply}}};
		struct client c = begin(&s, NULL);

		CHECK(manifest(&c, "1.0") == 0);
		CHECK(blob(&c, t[i].size) < 0 && c.err.code == AC_E_VERIFY);
		end(&c, &s);
	}
}

TEST(empty_blob)
{
	static struct server s = {
		.steps = {{.reply = "no tls\r\n"},
			  {.reply = OK "\r\n" MANIFEST},
			  {.reply = OK "Content-Length: 0\r\n\r\n"}}};
	struct client c = begin(&s, NULL);

	CHECK(manifest(&c, "1.0") == 0 && blob(&c, 0) == 0);
	end(&c, &s);
}
