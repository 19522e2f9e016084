/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_DISCOVER_H
#define AC_NET_DISCOVER_H

/* Finding an image by its name: appc meta discovery (0.8.11, "discovery";
 * appc.md 1.6 with our decisions). */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/image/ref.h"
#include "common/net/http.h"

struct ac_err;

struct ac_endpoint {
	char *aci; /* URL of the image */
	char *asc; /* of its signature */
};
struct ac_discovered {
	struct ac_endpoint *endpoints; /* in the page's order */
	size_t n;
	struct ac_strv keys;     /* URLs of public keys */
	struct ac_strv attempts; /* "https://host/a: reason", for messages */
};
void ac_discovered_release(struct ac_discovered *d);

struct ac_discover_opts {
	bool allow_http;   /* try http when https failed */
	unsigned int port; /* in place of 443 and 80; 0: those */
};

/* Walk from the whole name up to its host until a page answers; endpoints and
 * keys may come from different pages.  Finding neither: AC_E_NOT_FOUND with the
 * attempts in the message. */
AC_MUSTUSE int ac_discover(struct ac_http *h, const struct ac_ref *name,
			   const struct ac_discover_opts *o,
			   struct ac_discovered *out, struct ac_err *err);

/* The meta tags of one page, for PREFIX-matching by the caller: content
 * strings of ac-discovery and ac-discovery-pubkeys in document order.  By a
 * real HTML parser. */
AC_MUSTUSE int ac_discover_parse(const char *html, size_t len,
				 struct ac_strv *endpoints,
				 struct ac_strv *keys, struct ac_err *err);

#endif
