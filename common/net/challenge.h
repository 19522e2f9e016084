/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_NET_CHALLENGE_H
#define AC_NET_CHALLENGE_H

/* What a server wants to see (WWW-Authenticate, RFC 9110 section 11). */

#include <stddef.h>

#include "common/base/attr.h"

/* One challenge; all owned. */
struct ac_challenge {
	char *scheme;                          /* lower case: "bearer" */
	char *realm, *service, *scope, *error; /* NULL: absent */
};

struct ac_challenges {
	struct ac_challenge *v;
	size_t n;
};

#define AC_CHALLENGES_INIT ((struct ac_challenges){.v = NULL})

/* Add those in the value of one header, which may hold several.  Forgiving:
 * parameters that are unknown or come before any scheme are passed over, values
 * need no quotes.  At most 16 are kept. */
void ac_challenges_add(struct ac_challenges *c, const char *text);
void ac_challenges_release(struct ac_challenges *c);

/* The first one of SCHEME, or NULL. */
const struct ac_challenge *ac_challenges_find(const struct ac_challenges *c,
					      const char *scheme);

#endif
