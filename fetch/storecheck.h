/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_STORECHECK_H
#define AC_FETCH_STORECHECK_H

/* acfetch store: the store as a whole. */

#include "common/cli/prog.h"

/* check. */
extern const struct ac_cmd store_cmds[];

#endif
