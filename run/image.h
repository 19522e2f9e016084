/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_IMAGE_H
#define RUN_IMAGE_H

/* Images for a pod: from the store, or by acfetch into it. */

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_err;
struct ac_secret;

enum pull_policy {
	PULL_NEW, /* what the store lacks */
	PULL_NEVER,
	PULL_UPDATE, /* always */
};

struct image_source {
	struct ac_store store;
	const char *dir;      /* --dir, or NULL */
	const char *insecure; /* --insecure-options, or NULL */
	enum pull_policy policy;
	const struct ac_secret *secret; /* for acfetch; borrowed */
};

/* "new", "never", "update"; NULL is "new". */
enum pull_policy pull_policy(const char *name);

/* Find TEXT (an id, name, file, URL or docker:// reference); SIGNATURE may be
 * NULL.  The store is opened when the first image needs it. */
AC_MUSTUSE int image_find(struct image_source *s, const char *text,
			  const char *signature, struct ac_record *r,
			  struct ac_err *err);

/* The image must be made for this machine. */
AC_MUSTUSE int image_check_platform(const struct ac_image *m,
				    struct ac_err *err);

#endif
