/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_PATHS_H
#define CONVERT_PATHS_H

/* What is known of each path of an image while its layers are read from the
 * top down.  Layers are counted from 1, the topmost; 0 means none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/fpmap.h"

struct ac_err;

enum {
	PATH_FIRST_DIR = 1,  /* .first has it as a directory */
	PATH_LAST_DIR = 2,   /* .last has it as a directory */
	PATH_LAST_GUESS = 4, /* and only because something is below it */
};

struct path {
	uint16_t first;      /* layer whose file was written */
	uint16_t last;       /* lowest layer so far that has it */
	uint16_t white;      /* topmost layer that removes it */
	uint16_t white_last; /* lowest layer so far that does */
	uint16_t opaque;     /* the same for what is in it */
	uint16_t opaque_last;
	uint16_t through; /* topmost layer that has something below it */
	uint16_t under;   /* lowest layer so far that has something below it,
			   * while upper ones hide it, and not it itself */
	uint16_t flags;
	uint32_t attrs; /* fingerprint of mode, owner and xattrs in .last */
};

struct paths {
	struct ac_fpmap map; /* to indexes in v */
	struct path *v;
	size_t n, cap;
};

/* The record of PATH, made when missing.  Valid until the next call. */
AC_MUSTUSE struct path *paths_at(struct paths *p, const char *path, size_t len);
/* The record, or NULL. */
struct path *paths_get(const struct paths *p, const char *path, size_t len);
void paths_release(struct paths *p);

#endif
