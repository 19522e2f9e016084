/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_RELIST_H
#define AC_STORE_RELIST_H

/*
 * Lists of the store's layout 1 know no extended attributes (list.h).  Those on
 * the disk may be wrong; what they are to be, the archive alone knows.  Most
 * have none: then the list becomes complete by its last line.  Otherwise the
 * layer is made again (verify.h).  Internal to the store.
 */

#include <stddef.h>

#include "common/base/attr.h"
#include "common/store/store.h"

struct ac_err;

enum ac_relist {
	AC_RELIST_DONE,  /* the list has all attributes (now), or is no list */
	AC_RELIST_AGAIN, /* it has not: the layer is to be made again */
};

/* Complete the list of layer I of R.  Its blob is right, and the lists of the
 * layers below were completed before.  An enum ac_relist, or -1. */
AC_MUSTUSE int ac_relist_layer(const struct ac_store *s,
			       const struct ac_record *r, size_t i,
			       struct ac_err *err);
/* The same for the flattened tree of R. */
AC_MUSTUSE int ac_relist_flat(const struct ac_store *s,
			      const struct ac_record *r, struct ac_err *err);

#endif
