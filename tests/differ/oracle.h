/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFFER_ORACLE_H
#define DIFFER_ORACLE_H

/* What two programs say of files: the original actool and ours. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_err;

struct verdict {
	bool accept;
	bool crash; /* it ended otherwise than it should */
	char *msg;  /* what it said; owned */
	/* Ours: "RULE PATH: TEXT", one each. */
	struct ac_strv errors, warnings;
};

void verdict_release(struct verdict *v);

/* Judge N files with PROG, as few processes as can be; V has N places. */
AC_MUSTUSE int oracle_theirs(const char *prog, char **files, size_t n,
			     struct verdict *v, struct ac_err *err);
AC_MUSTUSE int oracle_ours(const char *prog, char **files, size_t n,
			   struct verdict *v, struct ac_err *err);

#endif
