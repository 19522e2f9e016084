/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_CATALOG_H
#define AC_FETCH_CATALOG_H

/* Which images a site has: found by looking, so that a file that was removed by
 * hand is gone, too. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "fetch/publish.h"

struct ac_err;
struct ac_secret;

struct catalog {
	struct entry *v; /* by name, then newest version first */
	size_t n;
	struct ac_secret *secret; /* opens encrypted images; borrowed */
};
#define CATALOG_INIT ((struct catalog){.v = NULL})
void catalog_release(struct catalog *c);

/* Read the manifests of all images in DIRFD into C, which has only .secret.
 * Only those count that are where their manifest puts them; the aliases of the
 * latest are not.  One that cannot be read is passed over with a warning. */
AC_MUSTUSE int catalog_read(int dirfd, struct catalog *c, struct ac_err *err);

/* The same but for the version? */
bool catalog_same(const struct entry *a, const struct entry *b);

/* Is A to be had before B, when no version is asked for?  One without a version
 * is; else see version.h. */
bool catalog_newer(const struct entry *a, const struct entry *b);

#endif
