/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_CMD_H
#define CONVERT_CMD_H

/* The commands of acconvert.  Exit codes: 0 done, 1 it failed, 2 the command
 * line is wrong. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cli/opt.h"

struct ac_call;
struct ac_err;

struct globals {
	const char *dir; /* --dir: the store; NULL: the default */
	bool debug;
	bool json; /* --json: output for machines */
};

struct to_aci_opts {
	const char *image;       /* --image NAME[:TAG] */
	const char *name;        /* --name NAME */
	const char *platform;    /* --platform OS/ARCH[/VARIANT] */
	const char *compression; /* --compression METHOD */
	uint64_t level;          /* --level N */
	bool overwrite;          /* --overwrite */
	struct ac_strv limits;   /* --limit NAME=NUMBER */
};
extern const struct ac_opt to_aci_opts[];
extern const char to_aci_about[];
AC_MUSTUSE int to_aci_run(struct ac_call *call, struct ac_err *err);

struct to_oci_opts {
	const char *tag;           /* --tag TAG */
	uint64_t level;            /* --level N */
	bool overwrite;            /* --overwrite */
	const char *passphrase_fd; /* --passphrase-fd N */
	struct ac_strv limits;     /* --limit NAME=NUMBER */
};
extern const struct ac_opt to_oci_opts[];
extern const char to_oci_about[];
AC_MUSTUSE int to_oci_run(struct ac_call *call, struct ac_err *err);

#endif
