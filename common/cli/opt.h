/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_OPT_H
#define AC_CLI_OPT_H

/*
 * Options as a table: one row parses, prints the help and feeds the man-page
 * check.  Values land in a struct of the command's own, zeroed before:
 *
 *	struct pull { bool full; char *signature; struct ac_strv labels; };
 *	static const struct ac_opt pull_opts[] = {
 *		AC_OPT_BOOL(struct pull, full, "full", "print the whole id"),
 *		AC_OPT_STRING(struct pull, signature, "signature", "FILE",
 *			      "detached signature of the image"),
 *		AC_OPT_LIST(struct pull, labels, "label", "NAME=VALUE",
 *			    "require this label (repeat)"),
 *		AC_OPT_END,
 *	};
 *
 * Forms: --name value, --name=value, -name value, -name=value (Go's single
 * dash), booleans as --name or --name=false, `--` ends the options.  A unique
 * prefix of a name is not accepted: scripts would break when options come.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_err;

enum ac_opt_type {
	AC_OPT_T_END,
	AC_OPT_T_BOOL,   /* bool */
	AC_OPT_T_STRING, /* const char *, borrowed from argv; last one wins */
	AC_OPT_T_LIST,   /* struct ac_strv, one element an occurrence */
	AC_OPT_T_UINT,   /* uint64_t */
	AC_OPT_T_SIZE,   /* uint64_t with K, M, G, T */
};

struct ac_opt {
	enum ac_opt_type type;
	const char *name;   /* long name, without dashes */
	size_t offset;      /* of the member that takes the value */
	const char *arg;    /* what the value is called in the help, or NULL;
			     * completion knows FILE, DIR, IMAGE, ... */
	const char *help;   /* NULL hides the option */
	const char *values; /* "gzip none xz": no other one is accepted */
	bool each;          /* several VALUES, separated by commas, in any case
			     * but none twice */
	bool optional;      /* a string whose value only comes by '=' */
};

#define AC_OPT(t, s, m, n, a, h)                                        \
	.type = (t), .name = (n), .offset = offsetof(s, m), .arg = (a), \
	.help = (h)
#define AC_OPT_BOOL(s, m, name, help)                         \
	{                                                     \
		AC_OPT(AC_OPT_T_BOOL, s, m, name, NULL, help) \
	}
#define AC_OPT_STRING(s, m, name, arg, help)                   \
	{                                                      \
		AC_OPT(AC_OPT_T_STRING, s, m, name, arg, help) \
	}
/* One of VALUES, checked here, listed in the help and completed. */
#define AC_OPT_CHOICE(s, m, name, arg, values_, help)           \
	{                                                       \
		AC_OPT(AC_OPT_T_STRING, s, m, name, arg, help), \
			.values = (values_)                     \
	}
/* A list of VALUES, separated by commas; HELP says what they are. */
#define AC_OPT_CHOICES(s, m, name, arg, values_, help)          \
	{                                                       \
		AC_OPT(AC_OPT_T_STRING, s, m, name, arg, help), \
			.values = (values_), .each = true       \
	}
/* --name alone gives "" and --name=value gives the value. */
#define AC_OPT_OPTIONAL(s, m, name, arg, help)                  \
	{                                                       \
		AC_OPT(AC_OPT_T_STRING, s, m, name, arg, help), \
			.optional = true                        \
	}
#define AC_OPT_LIST(s, m, name, arg, help)                   \
	{                                                    \
		AC_OPT(AC_OPT_T_LIST, s, m, name, arg, help) \
	}
#define AC_OPT_UINT(s, m, name, arg, help)                   \
	{                                                    \
		AC_OPT(AC_OPT_T_UINT, s, m, name, arg, help) \
	}
#define AC_OPT_SIZE(s, m, name, arg, help)                   \
	{                                                    \
		AC_OPT(AC_OPT_T_SIZE, s, m, name, arg, help) \
	}
#define AC_OPT_END                    \
	{                             \
		.type = AC_OPT_T_END, \
	}

/* A table and the struct it fills. */
struct ac_optset {
	const struct ac_opt *opts; /* may be NULL: no options */
	void *into;
};

/* Parse argv[*i] and, if the option takes one, its value, looking the name up
 * in SETS[0..n) in turn; advances *i past it.  argv[*i] starts with '-' and is
 * neither "-" nor "--".  Unknown option, missing or bad value: AC_E_USAGE.
 * `help` is set when it was --help or -h and no table knows it. */
AC_MUSTUSE int ac_opt_one(const struct ac_optset *sets, size_t n, int argc,
			  char **argv, int *i, bool *help, struct ac_err *err);

/* Walk a table; NULL is an empty one. */
#define AC_OPT_EACH(o, table)                  \
	for (const struct ac_opt *o = (table); \
	     (o) != NULL && (o)->type != AC_OPT_T_END; (o)++)

/* True for an argument that is an option: "-x", "--x", not "-", not "--". */
bool ac_opt_is(const char *arg);

/* Fill the struct of SET, SIZE bytes, from another, FROM: with lists of its
 * own. */
void ac_opt_copy(const struct ac_optset *set, const void *from, size_t size);

/* Free the lists of a filled struct. */
void ac_opt_release(const struct ac_optset *set);

/* Print the rows of a table for a help text, at most 80 columns. */
void ac_opt_help(FILE *out, const struct ac_opt *opts);

#endif
