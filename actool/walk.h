/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_WALK_H
#define ACTOOL_WALK_H

/*
 * All that is in an image, whether it is an archive or (yet) a layout, for
 * inspect and diff.  A layout counts as the image that build would make of it:
 * its manifest is written the same way, its files come in the same order, and
 * all belong to 0:0 when we are not root.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/image/aci.h"

struct ac_err;
struct ac_secret;

struct walk {
	bool layout;
	/* Of an archive. */
	bool encrypted;
	enum ac_zip zip;
	struct ac_digest id;
	uint64_t size;     /* of the file; 0: not known */
	uint64_t tar_size; /* of all that is in it, without compression */
};

/* Tell EV of the image PATH ("-": standard input); EV's size is not used. */
AC_MUSTUSE int walk_image(const char *path, struct ac_secret *secret,
			  const struct ac_aci_events *ev, struct walk *out,
			  struct ac_err *err);

#endif
