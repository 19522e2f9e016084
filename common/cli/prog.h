/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_PROG_H
#define AC_CLI_PROG_H

/*
 * The frame of a program: commands as a table, help generated from it, one
 * place that prints the error and picks the exit code.
 *
 *	static int run_pull(struct ac_call *c, struct ac_err *err) {
 *		const struct pull *o = c->opts;
 *		const struct globals *g = c->globals;
 *		...c->argc, c->argv: the operands...
 *		return 0;		(or an exit code, or -1 with *err)
 *	}
 *	static const struct ac_cmd cmds[] = {
 *		{.name = "pull", .alias = "fetch", .args = "IMAGE...",
 *		 .help = "fetch images into the store", .opts = pull_opts,
 *		 .opt_size = sizeof(struct pull), .min = 1, .max = -1,
 *		 .run = run_pull},
 *		AC_CMD_END,
 *	};
 *	int main(int argc, char **argv) {
 *		static const struct ac_prog prog = {.name = "acfetch", ...};
 *		return ac_prog_main(&prog, argc, argv);
 *	}
 *
 * Global options may stand before or after the command's name.  A unique
 * prefix of a command's name is the command.  `PROGRAM help [CMD]`, --help and
 * -h print on stdout and exit 0; `PROGRAM --version` and `version` too, and
 * `PROGRAM completion SHELL` (complete.h).  A name that is nearly one gets the
 * right one in the message.
 *
 * A command that fails because a signal came (sys/interrupt.h) exits with 128
 * and the signal's number.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/cli/opt.h"

struct ac_err;

/* One invocation, as the command's function sees it.  All borrowed. */
struct ac_call {
	const struct ac_cmd *cmd;
	const char *path; /* full name without the program's: "label add" */
	void *opts;       /* the command's options struct */
	void *globals;    /* the program's */
	int argc;         /* operands only, unless the command is raw */
	char **argv;      /* ends with NULL */
};

enum ac_cmd_flags {
	/* Options stop at the first operand: the rest is the operands as they
	 * are, a leading "--" dropped. */
	AC_CMD_STOP = 1,
	/* Everything behind the command's name goes to it unparsed. */
	AC_CMD_RAW = 2,
};

struct ac_cmd {
	const char *name;
	const char *alias; /* other names, separated by spaces */
	const char *args;  /* "IMAGE...": shown in the usage */
	const char *help;  /* one line; NULL hides the command */
	const char *group; /* heading in the list of commands, or NULL */
	const char *about; /* paragraphs for its --help, or NULL */
	const struct ac_opt *opts; /* or NULL */
	size_t opt_size;
	int min, max; /* number of operands; max -1: any */
	unsigned int flags;
	int (*run)(struct ac_call *call, struct ac_err *err);
	const struct ac_cmd *sub; /* commands below this one, or NULL */
};

#define AC_CMD_END           \
	{                    \
		.name = NULL \
	}

struct ac_prog {
	const char *name;
	const char *about; /* one line */
	const struct ac_cmd *cmds;
	const struct ac_opt *globals; /* or NULL */
	size_t global_size;
	size_t debug_offset; /* of a bool member that turns debugging on, or 0
			      */
	int usage_code;      /* exit code for a bad command line; 0 means 2 */
	int operands_code;   /* for too few or too many operands; 0 means the
				same as usage_code */
	int fail_code;       /* for any other failure; 0 means 1 */
	/* A command that is missing, or unknown below another, is answered by
	 * the usage on stdout and exit code 0, as the originals do. */
	bool bare_help;
	/* So is, but with a message and a code, a bad option, or no operand
	 * where there must be one. */
	bool bad_help;
	bool name_command; /* messages begin with the command's full name */
	/* Called before each command.  May be NULL. */
	void (*before)(const struct ac_call *call);
	/* A code for some errors, or -1 for the above.  May be NULL. */
	int (*code)(const struct ac_err *err);
	const char *version; /* text behind "NAME version", or NULL */
};

/* Run it.  Returns the exit code. */
AC_MUSTUSE int ac_prog_main(const struct ac_prog *p, int argc, char **argv);

/* Run one more command line while the program runs, as a line of a script.  Its
 * global options begin as they are in GLOBALS (lists grow from there), and its
 * messages with what ac_log_init was told last.  Returns the exit code. */
AC_MUSTUSE int ac_prog_run(const struct ac_prog *p, const void *globals,
			   int argc, char **argv);

#endif
