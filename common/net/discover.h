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

/* An image, as a page says where it is. */
struct ac_endpoint {
	char *aci; /* URL of the image */
	char *asc; /* of its signature */
};
struct ac_discovered {
	struct ac_endpoint *endpoints; /* in the page's order */
	size_t n;
	struct ac_strv keys;     /* URLs of public keys */
	struct ac_strv attempts; /* "'https://host/a': reason", for messages */
};

#define AC_DISCOVERED_INIT ((struct ac_discovered){.n = 0})
void ac_discovered_release(struct ac_discovered *d);

enum ac_discover_want {
	AC_DISCOVER_IMAGE = 1,
	AC_DISCOVER_KEYS = 2,
};

struct ac_discover_opts {
	unsigned int want;    /* enum ac_discover_want; 0: both */
	unsigned int port;    /* in place of 443 and 80; 0: those */
	ac_http_sign_fn sign; /* credentials (http.h), or NULL */
	void *sign_ctx;
};

/* Walk from the whole name up to its host until a page says what is wanted;
 * endpoints and keys may come from different pages.  Plain http is tried where
 * https failed, when the client allows it.  Of NAME its name and its labels are
 * used (set os and arch before: ac_ref_default_platform).  Finding something of
 * what is wanted is success; nothing is AC_E_NOT_FOUND, with the attempts in
 * the message.  Release OUT in any case. */
AC_MUSTUSE int ac_discover(struct ac_http *h, const struct ac_ref *name,
			   const struct ac_discover_opts *o,
			   struct ac_discovered *out, struct ac_err *err);

/* The meta tags of one page, for PREFIX-matching by the caller: content
 * strings of ac-discovery and ac-discovery-pubkeys in document order.  By a
 * real HTML parser, which is loaded at the first call; AC_E_UNSUPPORTED when it
 * is not installed. */
AC_MUSTUSE int ac_discover_parse(const char *html, size_t len,
				 struct ac_strv *endpoints,
				 struct ac_strv *keys, struct ac_err *err);

/* Cut the content of a tag, "PREFIX URL", in two; the prefix must cover NAME by
 * whole components ("example.com/a" covers "example.com/a/b", not
 * "example.com/ab").  False when it does not. */
bool ac_discover_match(const char *content, const char *name,
		       struct ac_str *url);

/* A URL from a template: {name}, {ext} and every label of NAME ({version} is
 * "latest" without one), each value encoded but for the slashes of the name.
 * NULL when the template needs something else.  Caller frees. */
AC_MUSTUSE char *ac_discover_render(struct ac_str template,
				    const struct ac_ref *name, const char *ext);

#endif
