/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_ROOTLESS_H
#define RUN_ROOTLESS_H

/* Pods of a user who is not root: a user namespace in which that user alone is
 * mapped, as 0.  What needs more ids or control groups does not work there, and
 * says so. */

#include "common/base/attr.h"

struct ac_err;

/* Enter one, with a mount namespace of its own. */
AC_MUSTUSE int rootless_enter(struct ac_err *err);

#endif
