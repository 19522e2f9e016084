/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_USED_H
#define AC_STORE_USED_H

/*
 * When images were used last (spec/store.md S25): the modification time of the
 * empty file used/ID.  It is set in place, so that no two processes undo each
 * other's note and nothing is flushed for it; a power cut may lose the newest
 * notes.  What was never used counts from its import.
 */

#include <stdint.h>

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_plan;

/* Note that the image ID is used now.  A store that we may not write is left as
 * it is. */
void ac_store_touch(const struct ac_store *s, const char *id);
/* The same for all images of a plan: what stands on an image uses it. */
void ac_store_touch_plan(const struct ac_store *s, const struct ac_plan *p);

/* When R was used last, or imported when that was later: nanoseconds since
 * 1970. */
int64_t ac_store_used(const struct ac_store *s, const struct ac_record *r);

/* Forget ID. */
void ac_store_unused(const struct ac_store *s, const char *id);

#endif
