/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_TAKE_H
#define AC_STORE_TAKE_H

/*
 * An image of another store, into one's own: its blobs are read and hashed and
 * its layers unpacked anew, as when they come from the network.  Only the
 * digests that its id pins are believed, and of its record what TRUSTED says:
 * the other store may be a stranger's, who changes it meanwhile.
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/store/ingest.h"
#include "common/store/store.h"

struct ac_err;
struct ac_secret;

struct ac_take {
	const struct ac_store *from;
	const struct ac_record *record; /* as FROM has it */
	bool trusted; /* its names, signers, origin and manifest count */
	struct ac_secret *secret; /* for an encrypted ACI, or NULL */
	/* Of an ACI, when all its digests are right, before it is published:
	 * are its signatures?  SIGNERS gets theirs.  NULL: not asked. */
	int (*check)(void *ctx, const struct ac_image *m, int blob,
		     struct ac_strv *signers, struct ac_err *err);
	void *ctx;
};

/* Take the image into S, which is open to add. */
AC_MUSTUSE int ac_store_take(struct ac_store *s, const struct ac_take *t,
			     struct ac_err *err);

#endif
