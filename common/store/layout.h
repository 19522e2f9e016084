/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_LAYOUT_H
#define AC_STORE_LAYOUT_H

/*
 * The layout of a store, a number in its file `version` (spec/store.md S2,
 * S54). This program reads all from AC_LAYOUT_OLDEST on, and writes AC_LAYOUT:
 * who is about to write in an older one migrates it first.  Internal to the
 * store.
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_err;

enum {
	AC_LAYOUT_OLDEST = 1, /* extended attributes are in no list */
	AC_LAYOUT = 2,
};

/* Read S's into s->layout: 1, 0 when there is none.  One that is not known is
 * AC_E_UNSUPPORTED, and says what to do. */
AC_MUSTUSE int ac_layout_read(struct ac_store *s, struct ac_err *err);

/* Write this program's: a new store becomes one. */
AC_MUSTUSE int ac_layout_write(struct ac_store *s, struct ac_err *err);

/* Have S, whose s->lockfd is held, in this program's layout.  Waits for those
 * who hold `lock`, and says so; s->lockfd is held as before when this
 * returns: EXCLUSIVE says how. */
AC_MUSTUSE int ac_layout_migrate(struct ac_store *s, bool exclusive,
				 struct ac_err *err);

#endif
