/* SPDX-License-Identifier: Apache-2.0 */
/* The examples that AWS publishes for S3 ("Authenticating Requests: Using the
 * Authorization Header"), and what they leave open. */
#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/net/url.h"
#include "fetch/sigv4.h"
#include "tests/unit/tap.h"

enum { DAY = 1369353600 }; /* 2013-05-24T00:00:00Z */

#define HOST "https://examplebucket.s3.amazonaws.com"
#define NOTHING \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct sigv4 key = {
	.access_key = "AKIAIOSFODNN7EXAMPLE",
	.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	.region = "us-east-1",
	.service = "s3",
};

static struct ac_strv sign(const struct sigv4 *k, const char *method,
			   const char *url, const char *range)
{
	AC_CLEANUP(ac_url_release) struct ac_url u = AC_URL_INIT;
	struct ac_http_exchange x = {&u, method, range};
	struct ac_strv headers = AC_STRV_INIT;
	struct ac_err err = AC_ERR_INIT;

	CHECK(ac_url_parse(&u, url, &err) == 0);
	CHECK(sigv4_sign(k, &x, DAY, &headers, &err) == 0);
	return headers;
}

static void check(const struct sigv4 *k, const char *method, const char *url,
		  const char *range, const char *signature)
{
	AC_CLEANUP(ac_strv_wipe)
	struct ac_strv h = sign(k, method, url, range);
	const char *at = strstr(h.v[0], ", Signature=");

	CHECK(at != NULL);
	if (strcmp(at + 12, signature) != 0)
		fprintf(stderr, "# %s %s: %s\n", method, url, at + 12);
	CHECK(strcmp(at + 12, signature) == 0);
}

TEST(get_object)
{
	AC_CLEANUP(ac_strv_wipe)
	struct ac_strv h = sign(&key, "GET", HOST "/test.txt", "bytes=0-9");

	CHECK(h.n == 3);
	CHECK(strcmp(h.v[0],
		     "Authorization: AWS4-HMAC-SHA256 "
		     "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
		     "aws4_request, SignedHeaders=host;range;"
		     "x-amz-content-sha256;x-amz-date, Signature="
		     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6"
		     "036bdb41") == 0);
	CHECK(strcmp(h.v[1], "X-Amz-Content-Sha256: " NOTHING) == 0);
	CHECK(strcmp(h.v[2], "X-Amz-Date: 20130524T000000Z") == 0);
}

TEST(bucket_lifecycle)
{
	check(&key, "GET", HOST "/?lifecycle", NULL,
	      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(list_objects)
{
	static const char want[] =
		"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6"
		"f7";

	check(&key, "GET", HOST "/?max-keys=2&prefix=J", NULL, want);
	/* The order of a query, and how it is encoded, do not count. */
	check(&key, "GET", HOST "/?prefix=J&max-keys=2", NULL, want);
	check(&key, "GET", HOST "/?%70refix=%4A&max-keys=2", NULL, want);
	check(&key, "GET", HOST ":443/?max-keys=2&prefix=J", NULL, want);
	check(&key, "GET", HOST "?max-keys=2&prefix=J", NULL, want);
}

TEST(what_is_signed)
{
	struct sigv4 k = key;
	AC_CLEANUP(ac_strv_wipe)
	struct ac_strv put = sign(&key, "PUT", HOST "/a", NULL);
	AC_CLEANUP(ac_strv_wipe) struct ac_strv temporary = AC_STRV_INIT;
	AC_CLEANUP(ac_strv_wipe)
	struct ac_strv plain = sign(&key, "GET", HOST "/a%2Bb%20c(d)", NULL);
	AC_CLEANUP(ac_strv_wipe)
	struct ac_strv same = sign(&key, "GET", HOST "/a+b%20c%28d%29", NULL);
	AC_CLEANUP(ac_strv_wipe)
	struct ac_strv port = sign(&key, "GET", HOST ":8443/a+b%20c(d)", NULL);

	CHECK(strcmp(put.v[1], "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD") == 0);
	CHECK(strstr(put.v[0], "SignedHeaders=host;x-amz-content-sha256;"
			       "x-amz-date,") != NULL);
	CHECK(strcmp(plain.v[0], same.v[0]) == 0);
	CHECK(strcmp(plain.v[0], port.v[0]) != 0);
	k.session = "a-token";
	temporary = sign(&k, "GET", HOST "/a", NULL);
	CHECK(temporary.n == 4);
	CHECK(strstr(temporary.v[0], ";x-amz-security-token, ") != NULL);
	CHECK(strcmp(temporary.v[3], "X-Amz-Security-Token: a-token") == 0);
}

TEST(regions)
{
	static const struct {
		const char *host, *region;
	} cases[] = {
		{"s3.amazonaws.com", "us-east-1"},
		{"s3-eu-west-1.amazonaws.com", "eu-west-1"},
		{"s3.eu-west-1.amazonaws.com", "eu-west-1"},
		{"S3.EU-WEST-1.AMAZONAWS.COM", "eu-west-1"},
		{"b.s3.eu-west-1.amazonaws.com", "eu-west-1"},
		{"b.c.s3-eu-west-1.amazonaws.com", "eu-west-1"},
		{"b.s3.dualstack.ap-south-1.amazonaws.com", "ap-south-1"},
		{"s3-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
		{"s3.cn-north-1.amazonaws.com.cn", "cn-north-1"},
		{"b.s3-accelerate.amazonaws.com", "us-east-1"},
		{"s3-external-1.amazonaws.com", "us-east-1"},
		{"eu-west-1.amazonaws.com", "us-east-1"},
		{"b.s3.amazonaws.com", "us-east-1"},
		{"amazonaws.com", "us-east-1"},
		{".amazonaws.com", "us-east-1"},
		{"s3-eu-west-1.example.com", "us-east-1"},
		{"s3-.amazonaws.com", "us-east-1"},
		{"", "us-east-1"},
	};

	for (size_t i = 0; i < AC_LEN(cases); i++) {
		AC_FREE char *region = sigv4_region(cases[i].host);

		if (strcmp(region, cases[i].region) != 0)
			fprintf(stderr, "# %s: %s\n", cases[i].host, region);
		CHECK(strcmp(region, cases[i].region) == 0);
	}
}
