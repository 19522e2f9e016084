/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFFER_LISTED_H
#define DIFFER_LISTED_H

/* The differences that are meant, as tests/data/actool-differences.txt has
 * them; its head says how. */

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "tests/differ/oracle.h"

struct ac_err;

struct listed {
	char *name; /* owned */
	bool they_accept;
	bool has_theirs, has_ours, has_input, has_why;
	regex_t theirs, ours, input;
	size_t used;
};

struct listeds {
	struct listed *v; /* owned */
	size_t n;
};

AC_MUSTUSE int listed_load(struct listeds *l, const char *file,
			   struct ac_err *err);
void listed_release(struct listeds *l);
/* The class that a disagreement about the file TEXT belongs to, or NULL: when
 * we refuse, each of our errors must have one. */
struct listed *listed_find(struct listeds *l, const struct verdict *theirs,
			   const struct verdict *ours, const char *text);

#endif
