/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_TESTS_WORLD_H
#define AC_TESTS_WORLD_H

/* Three directories of configuration in a temporary one, and their keystore. */

#include <stdio.h>
#include <string.h>

#include "common/store/keystore.h"
#include "tests/unit/scratch.h"

struct world {
	struct scratch s;
	char sys[96], local[96], user[96];
	struct ac_keystore ks;
};

static inline void world_new(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->s = scratch_make();
	(void)snprintf(w->sys, sizeof(w->sys), "%s/sys", w->s.path);
	(void)snprintf(w->local, sizeof(w->local), "%s/local", w->s.path);
	(void)snprintf(w->user, sizeof(w->user), "%s/user", w->s.path);
	w->ks.system = w->sys;
	w->ks.local = w->local;
}

static inline void world_end(struct world *w)
{
	scratch_remove(&w->s);
}

#endif
