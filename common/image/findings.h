/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_FINDINGS_H
#define AC_IMAGE_FINDINGS_H

/*
 * What is to be said about a document or an archive: errors, which make it
 * invalid, and warnings, which do not.
 *
 * A checker takes a `struct ac_findings *f` that may be NULL.  Without it the
 * first error ends the checking, as everywhere.  With it, errors of independent
 * members are collected:
 *
 *	if (ac_findings_stop(f, load_name(m, f, err), err) ||
 *	    ac_findings_stop(f, load_labels(m, f, err), err))
 *		return -1;
 *	...
 *	return ac_findings_result(f, mark, err);
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;

struct ac_finding {
	bool error;
	char *rule; /* number in spec/, such as "I5.7"; owned */
	char *path; /* place: "app.mountPoints[0].path", "rootfs/etc"; owned */
	char *text; /* what is wrong; owned */
	char *fix;  /* how to mend it, or NULL; owned */
	unsigned int line, column; /* of a manifest, from 1; 0: not known */
};
struct ac_findings {
	struct ac_finding *v;
	size_t n;
	size_t errors;  /* also those that were not kept: */
	size_t lost;    /* so many errors */
	size_t more;    /* what was not kept: there are too many */
	bool last_kept; /* for ac_findings_fix */
};
/* How much there was at a moment. */
struct ac_findings_mark {
	size_t n, errors;
};

/* Add a warning.  F may be NULL. */
void ac_findings_add(struct ac_findings *f, const char *rule, const char *path,
		     const char *fmt, ...) AC_PRINTF(4, 5);
/* Say how to mend what was added last. */
void ac_findings_fix(struct ac_findings *f, const char *fmt, ...)
	AC_PRINTF(2, 3);

/* The failure in *err becomes an error of F, and is told no other way: 0.
 * Without F, and when it is no fault of the input: -1, *err stays. */
int ac_findings_take(struct ac_findings *f, struct ac_err *err);
/* Must a caller give up after RET?  Only when it is negative and was not
 * taken. */
AC_MUSTUSE bool ac_findings_stop(struct ac_findings *f, int ret,
				 struct ac_err *err);
struct ac_findings_mark ac_findings_mark(const struct ac_findings *f);
/* 0 when no error was added since FROM; else -1, and *err is the first. */
AC_MUSTUSE int ac_findings_result(const struct ac_findings *f,
				  struct ac_findings_mark from,
				  struct ac_err *err);

/* Look up, in the JSON text, where the findings since FROM are. */
void ac_findings_locate(struct ac_findings *f, struct ac_findings_mark from,
			const char *text, size_t len);

/* The rule that is about the member PATH of an image manifest, or of a pod
 * manifest ("app.exec[0]": I5.1); never NULL.  For faults that every member can
 * have, such as a wrong type. */
const char *ac_findings_rule(const char *path);

void ac_findings_release(struct ac_findings *f);

#endif
