/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_VERIFY_H
#define ACTOOL_VERIFY_H

/* verify: check the signatures of images.  What a signature is, sig.h says. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/cli/opt.h"
#include "common/store/policy.h"
#include "common/store/sig.h"

struct ac_call;
struct ac_json;

struct verify_opts {
	bool json;
	struct ac_strv keys;
	struct ac_strv keyrings;
	struct ac_strv signatures;
	uint64_t require; /* 0: not given, 1 */
	bool trusted;
	const char *system_config;
	const char *local_config;
	const char *user_config;
	const char *passphrase_fd;
};
extern const struct ac_opt verify_options[];

int run_verify(struct ac_call *c, struct ac_err *err);

/* What was found out about one file. */
struct verdict {
	const char *file;        /* as given */
	struct ac_policy policy; /* how many keys, and which */
	struct ac_sigs sigs;
	bool verified;
	char *name;        /* owned: the image's; NULL: not known */
	char *id;          /* owned: of a verified image; NULL: not known */
	struct ac_err err; /* why it is not verified */
};
void verdict_release(struct verdict *v);

/* Set V's result from its signatures: err says what is wrong with each when
 * there are too few good ones. */
void verdict_decide(struct verdict *v);
/* For people: the good signatures of a verified file on standard output;
 * rejected ones, and why it is not verified, on standard error. */
void verdict_tell(const struct verdict *v);
/* For programs. */
AC_MUSTUSE struct ac_json *verdict_json(const struct verdict *v);

#endif
