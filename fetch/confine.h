/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_CONFINE_H
#define AC_FETCH_CONFINE_H

/* What each command that reads what servers say keeps of its privileges
 * (common/sys/confine.h).  Called when the command line is known to be good,
 * before anything foreign is read and the store is opened. */

#include "common/base/attr.h"
#include "fetch/cmd.h"
#include "fetch/puller.h"

struct ac_call;
struct ac_err;

/* pull: the store, made if missing; files that are named as images. */
AC_MUSTUSE int confine_pull(const struct puller *p, const struct ac_call *c,
			    struct ac_err *err);

/* trust: the keys of the configuration that is written, and the N FILES. */
AC_MUSTUSE int confine_trust(const struct globals *g, char *const *files, int n,
			     struct ac_err *err);

/* image list, by root of a store to which members add (S92): the store. */
AC_MUSTUSE int confine_list(const struct globals *g, struct ac_err *err);

/* discover: nothing. */
AC_MUSTUSE int confine_discover(const struct globals *g, struct ac_err *err);

#endif
