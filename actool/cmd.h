/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_CMD_H
#define ACTOOL_CMD_H

/* What the commands of actool share.  main.c holds their tables. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_call;
struct ac_err;
struct ac_findings;
struct ac_json;

struct globals {
	const char
		*version; /* not an option: ac_prog takes offset 0 for none */
	bool debug;
};

struct validate_opts {
	const char *type;
	bool strict;
	bool json;
};
struct build_opts {
	bool overwrite;
	bool no_compression;
	bool owner_root;
	const char *compression;
	uint64_t level;
};
struct cat_opts {
	bool pretty;
};
struct sign_opts {
	bool overwrite;
	const char *homedir;
	const char *local_user;
	const char *passphrase_fd;
};
struct verify_opts {
	bool json;
	struct ac_strv keys;
	struct ac_strv keyrings;
	const char *signature;
};

int run_validate(struct ac_call *c, struct ac_err *err);
int run_build(struct ac_call *c, struct ac_err *err);
int run_cat(struct ac_call *c, struct ac_err *err);
int run_id(struct ac_call *c, struct ac_err *err);
int run_sign(struct ac_call *c, struct ac_err *err);
int run_verify(struct ac_call *c, struct ac_err *err);

/* Tell ERR about one of several files, without ending.  Returns 1, the exit
 * code. */
int tell_file(const char *file, const struct ac_err *err);

/* Check that the directory DIRFD is an image layout: a manifest, a rootfs and
 * nothing else.  The messages are the original's.  *doc (may be NULL) gets the
 * manifest. */
AC_MUSTUSE int check_layout(int dirfd, struct ac_json **doc,
			    struct ac_findings *f, struct ac_err *err);

#endif
