/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/xfer.h"

#include <errno.h>
#include <string.h>

#include "common/base/err.h"

static enum ac_xfer_result connect_failed(const struct ac_xfer *x,
					  struct ac_err *err)
{
	long sys = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &sys);
	if (x->refused)
		ac_err_set(err, AC_E_DENIED,
			   "'%s' is on a private network; a public server must "
			   "not redirect there",
			   x->url.host);
	else if (sys == ECONNREFUSED)
		ac_err_set(err, AC_E_NET,
			   "'%s:%s' refuses the connection; is a server "
			   "running there?",
			   x->url.host, x->url.port);
	else
		ac_err_set(err, AC_E_NET, "no connection to '%s:%s': %s",
			   x->url.host, x->url.port,
			   sys != 0 ? strerror((int)sys) : "no route");
	return AC_XFER_FAIL;
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
		return AC_XFER_FAIL;
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

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		ac_err_set(err, AC_E_NET,
			   "no such host '%s'; check the name and the network",
			   x->url.host);
		return AC_XFER_FAIL;
	case CURLE_COULDNT_CONNECT:
		return connect_failed(x, err);
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
	default:
		ac_err_set(err, AC_E_NET, "talking to '%s:%s': %s", x->url.host,
			   x->url.port, why);
		return AC_XFER_FAIL;
	}
}
