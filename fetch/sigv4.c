/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/own.h"
#include "common/codec/digest.h"
#include "common/net/url.h"

enum { MAX_CANONICAL = 1 << 20, KEY = 32, STAMP = 17 };

/* --- region --- */

static bool begins(struct ac_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && strncasecmp(s.p, prefix, n) == 0;
}

/* The last label of *HOST, which loses it. */
static struct ac_str last_label(struct ac_str *host)
{
	const char *dot =
		host->len != 0 ? memrchr(host->p, '.', host->len) : NULL;
	struct ac_str label = *host;

	if (dot == NULL) {
		host->len = 0;
		return label;
	}
	label = ac_strn(dot + 1, (size_t)(host->p + host->len - (dot + 1)));
	host->len = (size_t)(dot - host->p);
	return label;
}

/* What is before "amazonaws.com" or "amazonaws.com.cn"; false: it is none of
 * theirs. */
static bool cut_aws(struct ac_str *host)
{
	static const char *const ends[] = {".amazonaws.com",
					   ".amazonaws.com.cn"};

	for (size_t i = 0; i < AC_LEN(ends); i++) {
		size_t n = strlen(ends[i]);

		if (host->len > n &&
		    strncasecmp(host->p + host->len - n, ends[i], n) == 0) {
			host->len -= n;
			return true;
		}
	}
	return false;
}

/* "eu-west-1": as "external-1" and "accelerate", which are endpoints, are not.
 */
static bool is_region(struct ac_str s)
{
	size_t dashes = 0;

	for (size_t i = 0; i < s.len; i++)
		dashes += s.p[i] == '-';
	return dashes >= 2 && s.p[s.len - 1] >= '0' && s.p[s.len - 1] <= '9';
}

static char *lower(struct ac_str s)
{
	char *out = ac_xstrndup(s.p, s.len);

	for (char *c = out; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return out;
}

char *sigv4_region(const char *host)
{
	struct ac_str rest = ac_str(host);
	struct ac_str label;
	struct ac_str before;

	if (!cut_aws(&rest))
		return ac_xstrdup("us-east-1");
	label = last_label(&rest);
	if (begins(label, "s3-") &&
	    is_region(ac_strn(label.p + 3, label.len - 3)))
		return lower(ac_strn(label.p + 3, label.len - 3));
	before = last_label(&rest);
	if (is_region(label) &&
	    (begins(before, "s3") || begins(before, "dualstack")))
		return lower(label);
	return ac_xstrdup("us-east-1");
}

/* --- the request, as the signature has it --- */

/* What is signed: names in lower case, sorted. */
struct header {
	const char *name, *value;
};
enum { MAX_HEADERS = 5 };
struct headers {
	struct header v[MAX_HEADERS];
	size_t n;
};

static void add(struct headers *h, const char *name, const char *value)
{
	if (value != NULL)
		h->v[h->n++] = (struct header){name, value};
}

/* TEXT without percent-encoding, and with it again: as the other end sees it.
 */
static void recode(struct ac_buf *b, struct ac_str text, bool slashes)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];

		if (c == '%' && i + 2 < text.len &&
		    ac_hex_digit(text.p[i + 1]) >= 0 &&
		    ac_hex_digit(text.p[i + 2]) >= 0) {
			c = (char)(ac_hex_digit(text.p[i + 1]) * 16 +
				   ac_hex_digit(text.p[i + 2]));
			i += 2;
		}
		ac_url_encode(b, ac_strn(&c, 1), slashes);
	}
}

/* "b=1&a" becomes "a=&b=1". */
static void add_query(struct ac_buf *b, struct ac_str query)
{
	AC_CLEANUP(ac_strv_release) struct ac_strv all = AC_STRV_INIT;
	struct ac_str one;

	while (query.len != 0) {
		struct ac_buf p = AC_BUF_INIT(MAX_CANONICAL);
		struct ac_str name;

		(void)ac_str_cut(&query, '&', &one);
		if (one.len == 0)
			continue;
		(void)ac_str_cut(&one, '=', &name);
		recode(&p, name, false);
		/* Sorts before all that names have in them. */
		ac_buf_addc(&p, '\1');
		recode(&p, one, false);
		ac_strv_take(&all, ac_buf_steal(&p));
	}
	ac_strv_sort(&all);
	for (size_t i = 0; i < all.n; i++) {
		*strchr(all.v[i], '\1') = '=';
		ac_buf_addf(b, "%s%s", i != 0 ? "&" : "", all.v[i]);
	}
}

static void add_names(struct ac_buf *b, const struct headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		ac_buf_addf(b, "%s%s", i != 0 ? ";" : "", h->v[i].name);
}

static void add_canonical(struct ac_buf *b, const struct ac_http_exchange *x,
			  const struct headers *h, const char *payload)
{
	const char *at = strstr(x->url->text, "://");
	struct ac_str rest = ac_str(at != NULL ? at + 3 : x->url->text);
	struct ac_str path;

	rest.p += strcspn(rest.p, "/?");
	rest.len = strlen(rest.p);
	(void)ac_str_cut(&rest, '?', &path);
	ac_buf_addf(b, "%s\n", x->method);
	recode(b, path.len != 0 ? path : ac_str("/"), true);
	ac_buf_addc(b, '\n');
	add_query(b, rest);
	ac_buf_addc(b, '\n');
	for (size_t i = 0; i < h->n; i++)
		ac_buf_addf(b, "%s:%s\n", h->v[i].name, h->v[i].value);
	ac_buf_addc(b, '\n');
	add_names(b, h);
	ac_buf_addf(b, "\n%s", payload);
}

/* --- the signature --- */

static void hex_of(const char *p, size_t n, char out[AC_DIGEST_TEXT])
{
	struct ac_digest d;

	ac_digest_of(AC_SHA256, p, n, &d);
	ac_digest_hex(&d, out);
}

static int mac(const void *key, size_t len, const char *text, uint8_t out[KEY],
	       struct ac_err *err)
{
	unsigned int n = KEY;

	if (HMAC(EVP_sha256(), key, (int)len, (const unsigned char *)text,
		 strlen(text), out, &n) == NULL ||
	    n != KEY)
		return ac_err_set(err, AC_E_SYS, "HMAC is not possible");
	return 0;
}

/* The key of a day, region and service; then the MAC of TEXT by it. */
static int sign(const struct sigv4 *k, const char *day, const char *text,
		uint8_t out[KEY], struct ac_err *err)
{
	const char *const steps[] = {k->region, k->service, "aws4_request",
				     text};
	AC_FREE char *first = ac_xasprintf("AWS4%s", k->secret_key);
	uint8_t key[KEY];
	int ret = mac(first, strlen(first), day, key, err);

	for (size_t i = 0; ret == 0 && i < AC_LEN(steps); i++) {
		ret = mac(key, KEY, steps[i], out, err);
		memcpy(key, out, KEY);
	}
	explicit_bzero(first, strlen(first));
	explicit_bzero(key, sizeof(key));
	return ret;
}

static int authorize(const struct sigv4 *k, const struct headers *h,
		     const char *stamp, const struct ac_buf *canonical,
		     struct ac_strv *headers, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release) struct ac_buf line = AC_BUF_INIT(8192);
	AC_FREE char *day = ac_xstrndup(stamp, 8);
	AC_FREE char *scope = ac_xasprintf("%s/%s/%s/aws4_request", day,
					   k->region, k->service);
	AC_FREE char *text = NULL;
	char digest[AC_DIGEST_TEXT];
	uint8_t out[KEY] = {0};

	hex_of(ac_buf_str(canonical), canonical->len, digest);
	text = ac_xasprintf("AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp, scope,
			    digest);
	if (sign(k, day, text, out, err) < 0)
		return -1;
	ac_buf_addf(&line,
		    "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, "
		    "SignedHeaders=",
		    k->access_key, scope);
	add_names(&line, h);
	ac_buf_adds(&line, ", Signature=");
	for (size_t i = 0; i < sizeof(out); i++)
		ac_buf_addf(&line, "%02x", out[i]);
	if (ac_buf_check(&line, "a signature", err) < 0)
		return -1;
	ac_strv_push(headers, ac_buf_str(&line));
	return 0;
}

int sigv4_sign(const struct sigv4 *k, const struct ac_http_exchange *x,
	       time_t now, struct ac_strv *headers, struct ac_err *err)
{
	AC_CLEANUP(ac_buf_release)
	struct ac_buf canonical = AC_BUF_INIT(MAX_CANONICAL);
	bool usual = strcmp(x->url->port, "443") == 0;
	AC_FREE char *host =
		ac_xasprintf("%s%s%s", x->url->host, usual ? "" : ":",
			     usual ? "" : x->url->port);
	struct headers h = {.n = 0};
	char payload[AC_DIGEST_TEXT] = "UNSIGNED-PAYLOAD";
	char stamp[STAMP];
	struct tm tm;

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "the clock is not set right");
	if (strcmp(x->method, "GET") == 0 || strcmp(x->method, "HEAD") == 0)
		hex_of("", 0, payload);
	add(&h, "host", host);
	add(&h, "range", x->range);
	add(&h, "x-amz-content-sha256", payload);
	add(&h, "x-amz-date", stamp);
	add(&h, "x-amz-security-token", k->session);
	add_canonical(&canonical, x, &h, payload);
	if (ac_buf_check(&canonical, "a request to be signed", err) < 0 ||
	    authorize(k, &h, stamp, &canonical, headers, err) < 0)
		return -1;
	ac_strv_pushf(headers, "X-Amz-Content-Sha256: %s", payload);
	ac_strv_pushf(headers, "X-Amz-Date: %s", stamp);
	if (k->session != NULL)
		ac_strv_pushf(headers, "X-Amz-Security-Token: %s", k->session);
	return 0;
}
