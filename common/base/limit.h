/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_LIMIT_H
#define AC_BASE_LIMIT_H

/*
 * How much of what is foreign we take: bounds that real images never meet, and
 * that who must can move (spec/store.md, S36).
 *
 *	if (n > ac_limit(AC_LIMIT_ENTRIES))
 *		return ac_limit_err(err, AC_LIMIT_ENTRIES,
 *				    ac_limit(AC_LIMIT_ENTRIES), "'%s'", path);
 *
 * They hold for the process.  Set them before there is another thread.
 */

#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_err;

enum ac_limit {
	AC_LIMIT_UNPACKED, /* bytes of one archive's files, unpacked */
	AC_LIMIT_ENTRIES,  /* of one archive; directories that it implies */
	AC_LIMIT_IMPLIED,  /* of these to entries, above 4096 */
	AC_LIMIT_RATIO,    /* plain bytes to compressed ones, above 64 MiB */
	AC_LIMIT_DEPTH,    /* directories above an entry */
	AC_LIMIT_XATTRS,   /* bytes of the extended attributes of an entry */
	AC_LIMIT_NAMES,    /* bytes of what a layer removes or implies */
	AC_LIMIT_LAYERS,   /* of an image */
	AC_LIMITS,
};

/* Its value. */
uint64_t ac_limit(enum ac_limit which);
/* "unpacked" */
const char *ac_limit_name(enum ac_limit which);
/* Of a ratio: USUAL where nobody set it. */
uint64_t ac_limit_ratio(uint64_t usual);

/* IMPLIED directories, for which there is no entry, were made for ENTRIES that
 * there are; PATH is the last.  One name of 4 KiB makes 2000 of them, each with
 * a path of that length. */
AC_MUSTUSE int ac_limit_implied(uint64_t implied, uint64_t entries,
				const char *path, struct ac_err *err);

/* Set one to VALUE, a size (num.h), unless ac_limit_set did.  No such, or 0:
 * -1. */
AC_MUSTUSE int ac_limit_put(enum ac_limit which, struct ac_str value);
/* The same by text: "NAME=VALUE".  No such name, no number, or 0:
 * AC_E_USAGE. */
AC_MUSTUSE int ac_limit_set(const char *text, struct ac_err *err);
/* Each of them: the values of the option --limit.  Programs call
 * ac_config_limits (store/config.h), which calls this. */
AC_MUSTUSE int ac_limit_set_all(const struct ac_strv *texts,
				struct ac_err *err);

/* It was met (VALUE: who had one of his own): "WHERE: more than VALUE ...;
 * --limit NAME=VALUE allows more". Returns -1. */
int ac_limit_err(struct ac_err *err, enum ac_limit which, uint64_t value,
		 const char *where, ...) AC_PRINTF(4, 5);

#endif
