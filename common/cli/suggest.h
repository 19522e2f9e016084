/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_SUGGEST_H
#define AC_CLI_SUGGEST_H

/*
 * What somebody may have meant, who typed something else:
 *
 *	struct ac_suggest near = ac_suggest(ac_str("verfiy"));
 *
 *	for (each name there is)
 *		ac_suggest_try(&near, name);
 *	if (near.best != NULL)
 *		...did you mean near.best?...
 *
 * Near is what takes at most one change in up to 5 letters, two in up to 8,
 * else three; a change is a letter more, less or another, or two exchanged.
 */

#include <stddef.h>

#include "common/base/str.h"

struct ac_suggest {
	struct ac_str typed; /* borrowed */
	const char *best;    /* borrowed; the first of several; or NULL */
	size_t changes;      /* that lead to it: only less is better */
};

struct ac_suggest ac_suggest(struct ac_str typed);
void ac_suggest_try(struct ac_suggest *s, const char *name);

#endif
