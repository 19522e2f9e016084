/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_XXH_H
#define AC_BASE_XXH_H

/*
 * XXH3-128: a fast checksum against accidents, for the lists of unpacked files.
 * It is no proof against an attacker: see codec/digest.h for those.  Results
 * are in the canonical (big-endian) form.
 *
 *	struct ac_xxh *x = ac_xxh_new();
 *	ac_xxh_add(x, p, n) ...
 *	ac_xxh_end(x, out);	(and it is ready for the next file)
 *	ac_xxh_free(x);
 */

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

enum { AC_XXH_SIZE = 16 };

struct ac_xxh;

AC_MUSTUSE struct ac_xxh *ac_xxh_new(void);
void ac_xxh_add(struct ac_xxh *x, const void *p, size_t n);
/* N zero bytes: a hole. */
void ac_xxh_zeros(struct ac_xxh *x, uint64_t n);
/* The checksum of all since the last end. */
void ac_xxh_end(struct ac_xxh *x, uint8_t out[AC_XXH_SIZE]);
void ac_xxh_free(struct ac_xxh *x);

/* All at once, when the bytes are in one place. */
void ac_xxh_once(const void *p, size_t n, uint8_t out[AC_XXH_SIZE]);

#endif
