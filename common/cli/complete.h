/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_COMPLETE_H
#define AC_CLI_COMPLETE_H

/*
 * Completion for shells, made of the same tables as the parser and the help:
 * commands, aliases, options, their values where the table has them, files,
 * directories, images of the store and pods by what operands and values are
 * called there (ac_complete_kind).
 *
 *	PROGRAM completion bash > .../bash-completion/completions/PROGRAM
 */

#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cli/prog.h"

struct ac_err;

/* "bash zsh fish". */
#define AC_COMPLETE_SHELLS "bash zsh fish"

/* Print the script for SHELL.  Another shell is AC_E_USAGE. */
AC_MUSTUSE int ac_complete(FILE *out, const struct ac_prog *p,
			   const char *shell, struct ac_err *err);

/* --- What the three have in common. --- */

/* What can stand in a place.  The letters are in the scripts. */
enum ac_complete_kind {
	AC_COMPLETE_NONE = 'n',  /* nobody knows */
	AC_COMPLETE_FILE = 'f',  /* "FILE", "FILE|DIR", "PUBKEY" */
	AC_COMPLETE_DIR = 'd',   /* "DIR", "LAYOUT" */
	AC_COMPLETE_ACI = 'a',   /* "OUT.aci", "ACI": a file of that name */
	AC_COMPLETE_IMAGE = 'i', /* "IMAGE": of the store, or such a file */
	AC_COMPLETE_POD = 'p',   /* "UUID" */
};

/* By the WORD of the help. */
enum ac_complete_kind ac_complete_kind(struct ac_str word);

/* What the operands of a command are, by its `args`. */
struct ac_complete_args {
	char kinds[8];         /* enum ac_complete_kind */
	struct ac_str name[8]; /* as the help has it */
	size_t n;
	bool repeat; /* the last one, without end */
};
struct ac_complete_args ac_complete_args(const struct ac_cmd *c);

/* Call FN for the program itself (C is NULL, PATH "") and each command that
 * the help shows; PATH is " image list". */
typedef void (*ac_complete_fn)(FILE *out, const struct ac_prog *p,
			       const char *path, const struct ac_cmd *c);
void ac_complete_walk(FILE *out, const struct ac_prog *p, ac_complete_fn fn);

/* Commands of the program itself that stand in no table, with their help:
 * NULL behind the last one. */
extern const char *const ac_complete_builtins[][2];

/* Print TEXT with the program's name for each PROG. */
void ac_complete_text(FILE *out, const char *text, const struct ac_prog *p);

void ac_complete_bash(FILE *out, const struct ac_prog *p);
void ac_complete_zsh(FILE *out, const struct ac_prog *p);
void ac_complete_fish(FILE *out, const struct ac_prog *p);

#endif
