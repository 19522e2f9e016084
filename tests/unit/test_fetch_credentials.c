/* SPDX-License-Identifier: Apache-2.0 */
/* Files of auth.d and of Docker: what they give, and how they are refused. */
#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/net/url.h"
#include "fetch/credentials.h"
#include "fetch/dockerauth.h"
#include "tests/unit/tap.h"

#define V1(kind) "{\"rktKind\":\"" kind "\",\"rktVersion\":\"v1\","

static int read_at(struct credentials *c, size_t level, const char *text,
		   struct ac_err *err)
{
	*err = AC_ERR_INIT;
	return ac_config_parse("f", "auth.d", level, text, strlen(text),
			       credentials_read, c, err);
}

TEST(mistakes_have_a_place)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "f:1:1: unexpected end of JSON input"},
		{"[]", "f:1:1: expected an object, found an array"},
		{"{\n \"rktKind\": 1}",
		 "f:2:2: rktKind: expected a string, found a number"},
		{"{\"rktKind\":\"auth\"}", "f:1:1: rktVersion: is missing"},
		{"{\"rktKind\":\"auth\",\n\n\"rktVersion\":\"v2\"}",
		 "f:3:1: rktVersion: expected 'v1', found 'v2'"},
		{V1("paths") "\"data\":\"/x\"}",
		 "f:1:2: rktKind: expected 'auth', 'dockerAuth', 'headers' in "
		 "'auth.d', found 'paths'"},
		{V1("auth") "\n\"type\":\"x\",\"credentials\":{}}",
		 "f:2:1: type: expected 'basic', 'oauth' or 'aws', found 'x'"},
		{V1("auth") "\"credentials\":{}}", "type: is missing"},
		{V1("auth") "\"type\":\"basic\"}", "credentials: is missing"},
		{V1("auth") "\"type\":\"basic\",\"credentials\":[]}",
		 "credentials: expected an object, found an array"},
		{V1("auth") "\"type\":\"basic\",\n\"credentials\":{\n\"user\":"
			    "\"u:v\",\"password\":\"p\"}}",
		 "f:3:1: credentials.user: has a colon"},
		{V1("auth") "\"type\":\"basic\",\"credentials\":{\"user\":"
			    "\"u\",\"password\":\"a\\nsecret\"}}",
		 "credentials.password: has a control character in it"},
		{V1("auth") "\"type\":\"oauth\",\"credentials\":{\"token\":"
			    "\"a secret\"}}",
		 "credentials.token: has something that is neither"},
		{V1("auth") "\"type\":\"oauth\",\"credentials\":{\"token\":"
			    "\"\"}}",
		 "credentials.token: is empty"},
		{V1("auth") "\"type\":\"aws\",\"credentials\":{\"accessKeyID\":"
			    "\"a\"}}",
		 "credentials.secretAccessKey: is missing"},
		{V1("auth") "\"type\":\"aws\",\"credentials\":{\"accessKeyID\":"
			    "\"a\",\"secretAccessKey\":\"secret\",\"awsRegion\""
			    ":\"E\"}}",
		 "credentials.awsRegion: has something"},
		{V1("auth") "\"type\":\"oauth\",\"credentials\":{\"token\":"
			    "\"secret\"}}",
		 "domains: is missing; expected an array of hosts"},
		{V1("auth") "\"type\":\"oauth\",\"credentials\":{\"token\":"
			    "\"secret\"},\n\"domains\":[\"a\",\n 7]}",
		 "f:3:2: domains[1]: expected a string, found a number"},
		{V1("auth") "\"type\":\"oauth\",\"credentials\":{\"token\":"
			    "\"secret\"},\"domains\":[\"https://a/\"]}",
		 "domains[0]: expected HOST or HOST:PORT, found 'https://a/'"},
		{V1("auth") "\"type\":\"oauth\",\"credentials\":{\"token\":"
			    "\"secret\"},\"domains\":[\"a:0\"]}",
		 "domains[0]: expected HOST or HOST:PORT"},
		{V1("auth") "\"type\":\"oauth\",\"credentials\":{\"token\":"
			    "\"secret\"},\"domains\":[\"a\",\"A\"]}",
		 "domains[1]: what 'A' wants is given twice in this directory, "
		 "in 'f' too"},
		{V1("auth") "\"type\":\"oauth\",\"TYPE\":\"aws\","
			    "\"credentials\":{}}",
		 "type: duplicate key"},
		{V1("headers") "\"domains\":[\"a\"],\"headers\":{}}",
		 "headers: expected an object of 1 to 64 headers"},
		{V1("headers") "\"domains\":[\"a\"],\n\"headers\":{\n"
			       "\"Authorization\":\"secret\"}}",
		 "f:3:1: headers.Authorization: this header is what the kind "
		 "'auth' is for"},
		{V1("headers") "\"domains\":[\"a\"],\"headers\":{\"hOST\":"
			       "\"secret\"}}",
		 "this header is made by each request itself"},
		{V1("headers") "\"domains\":[\"a\"],\"headers\":{\"a b\":"
			       "\"secret\"}}",
		 "has what no name of a header has in it"},
		{V1("headers") "\"domains\":[\"a\"],\"headers\":{\"X\":"
			       "\"secret\\r\\nY: z\"}}",
		 "headers.X: has what no header has in it"},
		{V1("headers") "\"domains\":[\"a\"],\"headers\":{\"X\":1}}",
		 "headers.X: expected a string, found a number"},
		{V1("dockerAuth") "\"registries\":[\"h/../x y\"],"
				  "\"credentials\":{\"user\":\"u\","
				  "\"password\":\"secret\"}}",
		 "registries[0]: expected HOST or HOST:PORT (or a path"},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++) {
		AC_CLEANUP(credentials_release)
		struct credentials c = CREDENTIALS_INIT;
		struct ac_err err;

		CHECK(read_at(&c, 0, cases[i].text, &err) < 0);
		if (strstr(err.msg, cases[i].says) == NULL ||
		    strncmp(err.msg, "f:", 2) != 0 ||
		    strstr(err.msg, "secret\"") != NULL)
			fprintf(stderr, "# %zu: %s\n", i, err.msg);
		CHECK(strstr(err.msg, cases[i].says) != NULL);
		CHECK(strncmp(err.msg, "f:", 2) == 0);
		CHECK(strstr(err.msg, " secret ") == NULL);
	}
}

/* The headers for URL, each followed by a line end; static memory. */
static const char *signed_by(struct credentials *c, const char *url)
{
	static char out[1024];
	AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;
	AC_CLEANUP(ac_strv_wipe) struct ac_strv h = AC_STRV_INIT;
	struct ac_http_exchange x = {&u, "GET", NULL};
	struct ac_err err = AC_ERR_INIT;
	size_t n = 0;

	CHECK(ac_url_parse(&u, url, &err) == 0);
	CHECK(credentials_sign(c, &x, &h, &err) == 0);
	out[0] = '\0';
	for (size_t i = 0; i < h.n; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s\n", h.v[i]);
	return out;
}

TEST(who_gets_what)
{
	AC_CLEANUP(credentials_release)
	struct credentials c = CREDENTIALS_INIT;
	struct ac_err err;

	CHECK(read_at(&c, 0,
		      V1("auth") "\"domains\":[\"a\",\"b:8443\"],\"type\":"
				 "\"basic\",\"credentials\":{\"user\":\"u\","
				 "\"password\":\"p:q\"}}",
		      &err) == 0);
	CHECK(read_at(&c, 0,
		      V1("headers") "\"domains\":[\"a\"],\"headers\":{"
				    "\"X-Y\":\"z\"}}",
		      &err) == 0);
	CHECK(strcmp(signed_by(&c, "https://a/x"),
		     "X-Y: z\nAuthorization: Basic dTpwOnE=\n") == 0);
	CHECK(strcmp(signed_by(&c, "https://A:443/x"),
		     "X-Y: z\nAuthorization: Basic dTpwOnE=\n") == 0);
	CHECK(strcmp(signed_by(&c, "https://b:8443/"),
		     "Authorization: Basic dTpwOnE=\n") == 0);
	/* Another port, host, scheme; a user of the URL's own. */
	CHECK(signed_by(&c, "https://a:8443/")[0] == '\0');
	CHECK(signed_by(&c, "https://b/")[0] == '\0');
	CHECK(signed_by(&c, "https://a.a/")[0] == '\0');
	CHECK(signed_by(&c, "http://a/")[0] == '\0');
	CHECK(signed_by(&c, "http://b:8443/")[0] == '\0');
	CHECK(strcmp(signed_by(&c, "https://v:w@a/"), "X-Y: z\n") == 0);
	/* A later directory; and twice in one. */
	CHECK(read_at(&c, 1,
		      V1("auth") "\"domains\":[\"A\"],\"type\":\"oauth\","
				 "\"credentials\":{\"token\":\"t\"}}",
		      &err) == 0);
	CHECK(strcmp(signed_by(&c, "https://a/"),
		     "X-Y: z\nAuthorization: Bearer t\n") == 0);
	CHECK(read_at(&c, 1,
		      V1("auth") "\"domains\":[\"a\"],\"type\":\"oauth\","
				 "\"credentials\":{\"token\":\"t\"}}",
		      &err) < 0);
}

TEST(registries_fit)
{
	static const struct {
		const char *key, *host, *repository;
		size_t fit;
	} cases[] = {
		{"h", "h", "a/b", 1},
		{"H", "h", "a/b", 1},
		{"h/a", "h", "a/b", 2},
		{"h/a/", "h", "a/b", 2},
		{"h/a/b", "h", "a/b", 4},
		{"h/a/b/c", "h", "a/b", 0},
		{"h/a", "h", "ab", 0},
		{"h:5000", "h", "a", 0},
		{"h:5000", "h:5000", "a", 1},
		{"docker.io", "registry-1.docker.io", "library/x", 1},
		{"index.docker.io/library", "registry-1.docker.io", "library/x",
		 8},
		{"registry-1.docker.io", "registry-1.docker.io", "x", 1},
		{"docker.io", "x.docker.io", "x", 0},
		{"", "h", "a", 0},
		{"*", "h", "a", 0},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++)
		CHECK(credentials_fit(cases[i].key, cases[i].host,
				      cases[i].repository) == cases[i].fit);
}

static int docker(struct credentials *c, const char *text, struct ac_err *err)
{
	*err = AC_ERR_INIT;
	return dockerauth_parse("f", text, strlen(text), c, err);
}

TEST(files_of_docker)
{
	AC_CLEANUP(credentials_release)
	struct credentials c = CREDENTIALS_INIT;
	struct ac_err err;

	CHECK(docker(&c,
		     "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":"
		     "\"dTpwOnE=\"},\"g/x\":{\"username\":\"v\",\"password\":"
		     "\"w\"},\"i\":{\"auth\":\"PHRva2VuPjo=\","
		     "\"identitytoken\":\"it\"},\"r\":{\"registrytoken\":"
		     "\"rt\"},\"empty\":{}},\"credHelpers\":{\"gcr.io\":"
		     "\"gcloud\"},\"credsStore\":\"pass\",\"HttpHeaders\":{}}",
		     &err) == 0);
	CHECK(c.n == 6);
	CHECK(strcmp(c.v[0].host, "gcr.io") == 0);
	CHECK(strcmp(c.v[0].helper, "gcloud") == 0);
	CHECK(strcmp(c.v[1].host, "*") == 0);
	CHECK(strcmp(c.v[1].helper, "pass") == 0);
	CHECK(strcmp(c.v[2].host, "index.docker.io") == 0);
	CHECK(strcmp(c.v[2].user, "u") == 0);
	CHECK(strcmp(c.v[2].password, "p:q") == 0);
	CHECK(strcmp(c.v[3].host, "g/x") == 0);
	CHECK(strcmp(c.v[3].user, "v") == 0);
	CHECK(strcmp(c.v[3].password, "w") == 0);
	CHECK(strcmp(c.v[4].identity, "it") == 0);
	CHECK(strcmp(c.v[5].token, "rt") == 0);
}

TEST(mistakes_in_files_of_docker)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"{", "f:1:2: "},
		{"[]", "f:1:1: expected an object"},
		{"{\"auths\":[]}", "f:1:2: auths: expected an object"},
		{"{\"auths\":{\n\"h\":1}}",
		 "f:2:1: auths.h: expected an object, found a number"},
		{"{\"auths\":{\"h\":{\n\"auth\":\"secret!\"}}}",
		 "f:2:1: auths.h.auth: expected USER:PASSWORD in base64"},
		{"{\"auths\":{\"h\":{\"auth\":\"c2VjcmV0\"}}}",
		 "auths.h.auth: expected USER:PASSWORD in base64"},
		{"{\"credHelpers\":{\"h\":\"../x\"}}",
		 "credHelpers.h: expected NAME"},
		{"{\"credsStore\":7}", "credsStore: expected NAME"},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++) {
		AC_CLEANUP(credentials_release)
		struct credentials c = CREDENTIALS_INIT;
		struct ac_err err;

		CHECK(docker(&c, cases[i].text, &err) < 0);
		if (strstr(err.msg, cases[i].says) == NULL)
			fprintf(stderr, "# %s\n", err.msg);
		CHECK(strstr(err.msg, cases[i].says) != NULL);
		CHECK(strstr(err.msg, "secret") == NULL);
	}
}
