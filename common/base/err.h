/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_ERR_H
#define AC_BASE_ERR_H

/*
 * One failure, told once.
 *
 * Every function that can fail takes a `struct ac_err *err` as its last
 * argument (never NULL) and returns a negative value on failure, after it has
 * said in *err what failed, where, and why.  Callers add at most one line of
 * context on the way up; the program prints the message once, at the end:
 *
 *	if (ac_store_open(&s, dir, &err) < 0)
 *		return ac_err_ctx(&err, "image '%s'", name);
 *
 * Messages are in lower case, name things in single quotes, have no full stop
 * and no "failed to".  Where the user can do something about it, the message
 * says so after a semicolon: "key unknown; run 'acfetch trust' first".
 */

#include "common/base/attr.h"

/* What a caller can do about a failure, not where it happened. */
enum ac_code {
	AC_OK = 0,
	AC_E_USAGE,       /* the command line is wrong */
	AC_E_SYS,         /* a system call failed: see .sys */
	AC_E_NOT_FOUND,   /* no such image, key, label, file, pod */
	AC_E_EXISTS,      /* it is already there */
	AC_E_INVALID,     /* input breaks its own format's rules */
	AC_E_VERIFY,      /* digest or signature does not match */
	AC_E_LIMIT,       /* input is larger or deeper than we accept */
	AC_E_NET,         /* the other end failed: may be retried */
	AC_E_DENIED,      /* not allowed: credentials, permission, policy */
	AC_E_BUSY,        /* somebody else holds it */
	AC_E_UNSUPPORTED, /* valid, and beyond us */
};

/* Lives on the caller's stack and never allocates, so it can report running
 * out of anything. */
struct ac_err {
	enum ac_code code;
	int sys; /* errno, when code is AC_E_SYS */
	/* For those who list failures instead of printing one, where known: the
	 * rule of spec/ that the input breaks, the place in a document
	 * ("app.ports[0]") or its line and column (from 1; 0: not known), and
	 * how to mend it.  The message has all but the rule. */
	unsigned int line, column;
	char rule[8];
	char path[256];
	char fix[256];
	char msg[1024];
};

#define AC_ERR_INIT ((struct ac_err){.code = AC_OK})

/* Set *err and return -1, so that callers write "return ac_err_set(...)". */
int ac_err_set(struct ac_err *err, enum ac_code code, const char *fmt, ...)
	AC_PRINTF(3, 4);

/* The same for a failed system call with errno SYS: appends its text.  Take
 * errno in the same expression: ac_err_sys(err, errno, "open '%s'", name). */
int ac_err_sys(struct ac_err *err, int sys, const char *fmt, ...)
	AC_PRINTF(3, 4);

/* A document breaks RULE at PATH ("" is the document): AC_E_INVALID, with the
 * message "PATH: ...".  RULE may be "". */
int ac_err_at(struct ac_err *err, const char *rule, const char *path,
	      const char *fmt, ...) AC_PRINTF(4, 5);

/* It breaks RULE, if no rule was named yet. */
void ac_err_rule(struct ac_err *err, const char *rule);

/* Say how to mend it: appends "; ...".  Returns -1. */
int ac_err_fix(struct ac_err *err, const char *fmt, ...) AC_PRINTF(2, 3);

/* Put "context: " in front of the message.  Returns -1. */
int ac_err_ctx(struct ac_err *err, const char *fmt, ...) AC_PRINTF(2, 3);

#endif
