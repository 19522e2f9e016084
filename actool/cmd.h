/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_CMD_H
#define ACTOOL_CMD_H

/*
 * What the commands of actool share.  Each command has a header of its own
 * (validate.h, ...) with its options struct, its option table and the function
 * that runs it; main.c puts them into one table.
 *
 * Exit codes: 0 done (or valid), 1 it failed (or is not), 2 the command line is
 * wrong.
 */

#include <stdbool.h>

struct ac_err;

struct globals {
	const char
		*version; /* not an option: ac_prog takes offset 0 for none */
	bool debug;
};

/* Tell ERR about one of several files, without ending.  Returns 1, the exit
 * code. */
int tell_file(const char *file, const struct ac_err *err);

#endif
