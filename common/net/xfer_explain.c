/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/xfer.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/err.h"

/* What does not connect now may do so soon. */
static enum ac_xfer_result not_connected(const struct ac_xfer *x)
{
	return x->q->probe ? AC_XFER_FAIL : AC_XFER_RETRY;
}

/* libcurl names whom it tried: a proxy, when it is not the server. */
static bool names_server(const struct ac_xfer *x, const char *why)
{
	size_t n = strlen(x->url.host);

	/* An IPv6 address stands there without its brackets. */
	return x->url.host[0] == '[' ? memmem(why, strlen(why), x->url.host + 1,
					      n - 2) != NULL
				     : strstr(why, x->url.host) != NULL;
}

static enum ac_xfer_result connect_failed(const struct ac_xfer *x,
					  const char *why, struct ac_err *err)
{
	long sys = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &sys);
	if (x->refused) {
		ac_err_set(err, AC_E_DENIED,
			   "'%s' is on a private network; a public server must "
			   "not redirect there",
			   x->url.host);
		return AC_XFER_FAIL;
	}
	if (!names_server(x, why))
		ac_err_set(err, AC_E_NET,
			   "the proxy for '%s' cannot be reached (%s); look at "
			   "http_proxy, https_proxy and no_proxy in the "
			   "environment",
			   x->url.host, why);
	else if (sys == ECONNREFUSED)
		ac_err_set(err, AC_E_NET,
			   "'%s:%s' refuses the connection; is a server "
			   "running there?",
			   x->url.host, x->url.port);
	else
		ac_err_set(err, AC_E_NET, "no connection to '%s:%s': %s",
			   x->url.host, x->url.port,
			   sys != 0 ? strerror((int)sys) : "no route");
	return not_connected(x);
}

/* libcurl does not say whether there is no such name or only no answer now. */
static enum ac_xfer_result no_such_host(const struct ac_xfer *x,
					struct ac_err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int r = x->q->probe ? EAI_NONAME
			    : getaddrinfo(x->url.host, NULL, &hints, &found);

	if (r == 0)
		freeaddrinfo(found);
	ac_err_set(err, AC_E_NET,
		   "no such host '%s'; check the name and the network",
		   x->url.host);
	return r == 0 || r == EAI_AGAIN ? AC_XFER_RETRY : AC_XFER_FAIL;
}

/* The proxy does not connect us: its own status, and not a server's. */
static enum ac_xfer_result proxy_refuses(const struct ac_xfer *x, long status,
					 struct ac_err *err)
{
	ac_err_set(err, AC_E_NET,
		   "the proxy does not connect to '%s:%s': status %ld%s",
		   x->url.host, x->url.port, status,
		   status == 407 ? "; it wants a user and a password in "
				   "https_proxy"
				 : "");
	return status == 429 || status / 100 == 5 ? AC_XFER_RETRY
						  : AC_XFER_FAIL;
}

static enum ac_xfer_result timed_out(const struct ac_xfer *x,
				     struct ac_err *err)
{
	curl_off_t connected = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_CONNECT_TIME_T, &connected);
	if (connected == 0) {
		ac_err_set(err, AC_E_NET,
			   "'%s:%s' does not answer; check the network and "
			   "firewalls",
			   x->url.host, x->url.port);
		return not_connected(x);
	}
	ac_err_set(err, AC_E_NET, "nothing came for %u seconds", x->stall);
	return AC_XFER_RETRY;
}

static enum ac_xfer_result broke(const struct ac_xfer *x, const char *why,
				 struct ac_err *err)
{
	uint64_t have = x->q->sink != NULL ? x->got : x->body;

	if (x->total != 0)
		ac_err_set(err, AC_E_NET,
			   "the connection broke after %llu of %llu bytes: %s",
			   (unsigned long long)have,
			   (unsigned long long)x->total, why);
	else
		ac_err_set(err, AC_E_NET,
			   "the connection broke after %llu bytes: %s",
			   (unsigned long long)have, why);
	return AC_XFER_RETRY;
}

/* Say what CODE means to somebody who wants a file. */
enum ac_xfer_result ac_xfer_explain(const struct ac_xfer *x, CURLcode code,
				    const char *errbuf, struct ac_err *err)
{
	const char *why = errbuf[0] != '\0' ? errbuf : curl_easy_strerror(code);
	long tunnel = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (tunnel != 0 && tunnel / 100 != 2 &&
	    code != CURLE_ABORTED_BY_CALLBACK)
		return proxy_refuses(x, tunnel, err);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return no_such_host(x, err);
	case CURLE_COULDNT_RESOLVE_PROXY:
		/* What libcurl says may have the proxy's password in it. */
		ac_err_set(err, AC_E_NET,
			   "the proxy for '%s' has no address that can be "
			   "understood; look at http_proxy, https_proxy and "
			   "no_proxy in the environment",
			   x->url.host);
		return AC_XFER_FAIL;
	case CURLE_COULDNT_CONNECT:
		return connect_failed(x, why, err);
	case CURLE_OPERATION_TIMEDOUT:
		return timed_out(x, err);
	case CURLE_PEER_FAILED_VERIFICATION:
		ac_err_set(err, AC_E_DENIED,
			   "the certificate of '%s' is not trusted (%s); give "
			   "its authority with --ca-file",
			   x->url.host, why);
		return AC_XFER_FAIL;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return broke(x, why, err);
	case CURLE_ABORTED_BY_CALLBACK:
		ac_err_sys(err, EINTR, "fetching from '%s'", x->url.host);
		return AC_XFER_FAIL;
	case CURLE_SSL_CONNECT_ERROR:
		/* Reset in the middle of it, or no TLS at all? */
		if (!x->q->probe && (strstr(why, "SYSCALL") != NULL ||
				     strstr(why, "reset") != NULL))
			return broke(x, why, err);
		AC_FALLTHROUGH;
	default:
		ac_err_set(err, AC_E_NET, "talking to '%s:%s': %s", x->url.host,
			   x->url.port, why);
		return AC_XFER_FAIL;
	}
}
