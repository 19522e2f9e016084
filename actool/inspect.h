/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_INSPECT_H
#define ACTOOL_INSPECT_H

/* inspect: what is in images.  inspect.c reads them, inspect_json.c and
 * inspect_text.c tell. */

#include <stdbool.h>
#include <stdint.h>

#include "actool/tally.h"
#include "actool/walk.h"
#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cli/opt.h"
#include "common/image/manifest.h"

struct ac_call;
struct ac_err;
struct ac_json;

struct inspect_opts {
	bool json;
	uint64_t limit;
	const char *passphrase_fd;
};
extern const struct ac_opt inspect_options[];

/* A signature file beside an image; nothing is verified. */
struct beside {
	char *file;          /* owned */
	const char *kind;    /* "openpgp", "sigstore", "signature" */
	struct ac_strv keys; /* which it says made it */
	char *fault;         /* owned: it is no such file; NULL: it is */
};

struct inspection {
	const char *file;
	struct walk walk;
	struct ac_image image;
	struct tally tally;
	uint64_t warnings; /* of entries that nobody unpacks */
	struct beside *sigs;
	size_t n_sigs;
};

int run_inspect(struct ac_call *c, struct ac_err *err);

/* The object for --json; the caller owns it. */
AC_MUSTUSE struct ac_json *inspect_json(const struct inspection *i);
/* Print it for people. */
void inspect_print(const struct inspection *i);

#endif
