/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_SCRIPT_H
#define ACBUILD_SCRIPT_H

/*
 * script: the commands of a file, in this process, on a build of their own that
 * goes when they are done.
 */

#include "acbuild/work.h"

struct ac_call;
struct ac_err;

/* What the commands of a script share: globals.script. */
struct script {
	struct work work; /* the build, between two commands */
	const char *path; /* the directory of it, their --work-path */
	const char *file; /* that the commands are from, or NULL */
	unsigned int depth;
};

int run_script(struct ac_call *c, struct ac_err *err);

extern const char script_about[];

#endif
