/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_LOCK_H
#define ACBUILD_LOCK_H

/* One command at a time works on a build. */

#include "common/base/attr.h"

struct ac_err;

/* Lock the file `lock` in DIRFD; returns the descriptor that holds it.  WAIT is
 * the value of --wait: NULL not at all, "" as long as it takes, or so many
 * seconds.  AC_E_BUSY, with who has it, when it is not to be had. */
AC_MUSTUSE int lock_build(int dirfd, const char *wait, struct ac_err *err);

#endif
