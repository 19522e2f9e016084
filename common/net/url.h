/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_URL_H
#define AC_NET_URL_H

/*
 * http and https URLs, by libcurl's parser, so that what is checked here is
 * what is connected to later.
 *
 *	struct ac_url u = AC_URL_INIT;
 *
 *	if (ac_url_parse(&u, text, err) < 0)
 *		return -1;
 *	... u.host, u.text ...
 *	ac_url_release(&u);
 */

#include <stdbool.h>
#include <sys/socket.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_buf;
struct ac_err;

/* All owned. */
struct ac_url {
	char *text;   /* the whole, without user, password and fragment */
	char *scheme; /* "https" or "http" */
	char *host;   /* as written; an IPv6 address in brackets */
	char *port;   /* decimal; the scheme's when it was left out */
	char *user, *password; /* decoded; NULL when there are none */
};

#define AC_URL_INIT ((struct ac_url){.text = NULL})

/* Anything but a whole http or https URL is AC_E_INVALID: control characters,
 * other schemes, no host. */
AC_MUSTUSE int ac_url_parse(struct ac_url *u, const char *text,
			    struct ac_err *err);
void ac_url_release(struct ac_url *u);

/* Where REFERENCE (a Location header, absolute or relative) leads from BASE.
 * User and password are never taken from REFERENCE. */
AC_MUSTUSE int ac_url_join(struct ac_url *u, const struct ac_url *base,
			   const char *reference, struct ac_err *err);

/* Same scheme, host and port: credentials for one are for the other. */
bool ac_url_same_origin(const struct ac_url *a, const struct ac_url *b);

/* TEXT for a message or a record: without user, password, query and fragment,
 * any of which may hold a secret.  Caller frees. */
AC_MUSTUSE char *ac_url_show(const char *text);

/* Append TEXT, percent-encoded but for what is unreserved (RFC 3986, 2.3) and,
 * with SLASHES, its slashes. */
void ac_url_encode(struct ac_buf *out, struct ac_str text, bool slashes);

/* BASE with one more query parameter, its value encoded.  Caller frees. */
AC_MUSTUSE char *ac_url_with_query(const char *base, const char *name,
				   const char *value);

/* The host means this machine by its name alone: localhost and below it,
 * 127.0.0.0/8, ::1. */
bool ac_url_host_is_loopback(const char *host);

/* An address that is not of the public internet: loopback, link-local (where
 * clouds keep their secrets), private, shared, unspecified. */
bool ac_url_address_is_private(const struct sockaddr *a);

#endif
