/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "common/base/str.h"

enum { MAX_URL = 64 << 10 };

static void handle_free(CURLU **h)
{
	curl_url_cleanup(*h);
}
#define AC_CURLU AC_CLEANUP(handle_free)

static char *part(CURLU *h, CURLUPart what, unsigned int flags)
{
	char *from = NULL;
	char *copy;

	if (curl_url_get(h, what, &from, flags) != CURLUE_OK)
		return NULL;
	copy = ac_xstrdup(from);
	curl_free(from);
	return copy;
}

static int bad(const char *text, const char *why, struct ac_err *err)
{
	AC_FREE char *shown = ac_url_show(text);

	return ac_err_set(err, AC_E_INVALID, "URL '%s': %s", shown, why);
}

/* Take the parts of H, which holds TEXT. */
static int take(struct ac_url *u, CURLU *h, const char *text,
		struct ac_err *err)
{
	struct ac_url n = AC_URL_INIT;

	n.scheme = part(h, CURLUPART_SCHEME, 0);
	n.host = part(h, CURLUPART_HOST, 0);
	n.port = part(h, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	n.user = part(h, CURLUPART_USER, CURLU_URLDECODE);
	n.password = part(h, CURLUPART_PASSWORD, CURLU_URLDECODE);
	(void)curl_url_set(h, CURLUPART_USER, NULL, 0);
	(void)curl_url_set(h, CURLUPART_PASSWORD, NULL, 0);
	(void)curl_url_set(h, CURLUPART_FRAGMENT, NULL, 0);
	n.text = part(h, CURLUPART_URL, 0);
	if (n.scheme == NULL || n.host == NULL || n.host[0] == '\0' ||
	    n.port == NULL || n.text == NULL) {
		ac_url_release(&n);
		return bad(text, "it has no host", err);
	}
	if (strcmp(n.scheme, "https") != 0 && strcmp(n.scheme, "http") != 0) {
		ac_url_release(&n);
		return bad(text, "only https and http are supported", err);
	}
	ac_url_release(u);
	*u = n;
	return 0;
}

int ac_url_parse(struct ac_url *u, const char *text, struct ac_err *err)
{
	AC_CURLU CURLU *h = curl_url();
	CURLUcode code;

	if (h == NULL)
		return ac_err_set(err, AC_E_SYS, "out of memory");
	if (strlen(text) > MAX_URL)
		return ac_err_set(err, AC_E_LIMIT,
				  "a URL is longer than %d bytes", MAX_URL);
	code = curl_url_set(h, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
	if (code != CURLUE_OK)
		return bad(text, curl_url_strerror(code), err);
	return take(u, h, text, err);
}

int ac_url_join(struct ac_url *u, const struct ac_url *base,
		const char *reference, struct ac_err *err)
{
	AC_CURLU CURLU *h = curl_url();
	CURLUcode code;

	if (h == NULL)
		return ac_err_set(err, AC_E_SYS, "out of memory");
	if (strlen(reference) > MAX_URL)
		return ac_err_set(err, AC_E_LIMIT,
				  "a redirect is longer than %d bytes",
				  MAX_URL);
	code = curl_url_set(h, CURLUPART_URL, base->text, 0);
	if (code == CURLUE_OK)
		code = curl_url_set(h, CURLUPART_URL, reference,
				    CURLU_NON_SUPPORT_SCHEME);
	if (code != CURLUE_OK)
		return bad(reference, curl_url_strerror(code), err);
	(void)curl_url_set(h, CURLUPART_USER, NULL, 0);
	(void)curl_url_set(h, CURLUPART_PASSWORD, NULL, 0);
	return take(u, h, reference, err);
}

void ac_url_release(struct ac_url *u)
{
	free(u->text);
	free(u->scheme);
	free(u->host);
	free(u->port);
	free(u->user);
	free(u->password);
	*u = AC_URL_INIT;
}

bool ac_url_same_origin(const struct ac_url *a, const struct ac_url *b)
{
	return strcmp(a->scheme, b->scheme) == 0 &&
	       strcasecmp(a->host, b->host) == 0 &&
	       strcmp(a->port, b->port) == 0;
}

char *ac_url_show(const char *text)
{
	struct ac_buf b = AC_BUF_INIT(MAX_URL);
	struct ac_str rest = ac_strn(text, strcspn(text, "?#"));
	const char *colon = memmem(rest.p, rest.len, "://", 3);
	size_t host;
	const char *at;

	if (rest.len > 256)
		rest.len = 256;
	if (colon != NULL && colon + 3 <= rest.p + rest.len) {
		ac_buf_add(&b, rest.p, (size_t)(colon + 3 - rest.p));
		rest = ac_strn(colon + 3,
			       (size_t)(rest.p + rest.len - (colon + 3)));
	}
	for (host = 0; host < rest.len && rest.p[host] != '/';)
		host++;
	at = host != 0 ? memrchr(rest.p, '@', host) : NULL;
	if (at != NULL)
		rest = ac_strn(at + 1, (size_t)(rest.p + rest.len - (at + 1)));
	ac_buf_add(&b, rest.p, rest.len);
	return ac_buf_steal(&b);
}

void ac_url_encode(struct ac_buf *out, struct ac_str text, bool slashes)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '-' || c == '.' ||
			     c == '_' || c == '~';

		if (plain || (slashes && c == '/'))
			ac_buf_addc(out, c);
		else
			ac_buf_addf(out, "%%%02X", (unsigned char)c);
	}
}

char *ac_url_with_query(const char *base, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	char *s = ac_xasprintf("%s%c%s=%s", base,
			       strchr(base, '?') != NULL ? '&' : '?', name,
			       escaped != NULL ? escaped : "");

	curl_free(escaped);
	return s;
}

bool ac_url_host_is_loopback(const char *host)
{
	struct ac_str h = ac_str(host);
	struct in_addr v4;

	while (h.len != 0 && h.p[h.len - 1] == '.')
		h.len--;
	if (h.len >= 9 && strncasecmp(h.p + h.len - 9, "localhost", 9) == 0 &&
	    (h.len == 9 || h.p[h.len - 10] == '.'))
		return true;
	if (strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 &&
	       ntohl(v4.s_addr) >> 24 == 127;
}

static bool v4_private(uint32_t a)
{
	static const struct {
		uint32_t net;
		unsigned int bits;
	} nets[] = {
		{0x00000000, 8},  /* this network */
		{0x0a000000, 8},  /* private */
		{0x64400000, 10}, /* shared (carrier NAT) */
		{0x7f000000, 8},  /* loopback */
		{0xa9fe0000, 16}, /* link-local */
		{0xac100000, 12}, /* private */
		{0xc0a80000, 16}, /* private */
	};

	for (size_t i = 0; i < AC_LEN(nets); i++)
		if (a >> (32 - nets[i].bits) ==
		    nets[i].net >> (32 - nets[i].bits))
			return true;
	return false;
}

bool ac_url_address_is_private(const struct sockaddr *a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	const uint8_t *b = v6.sin6_addr.s6_addr;

	if (a->sa_family == AF_INET) {
		memcpy(&v4, a, sizeof(v4));
		return v4_private(ntohl(v4.sin_addr.s_addr));
	}
	if (a->sa_family != AF_INET6)
		return true; /* a socket of this machine */
	memcpy(&v6, a, sizeof(v6));
	if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		return v4_private((uint32_t)b[12] << 24 |
				  (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 |
				  b[15]);
	return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
	       IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr) ||
	       IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) || (b[0] & 0xfe) == 0xfc;
}
