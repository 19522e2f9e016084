/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_CONFINE_PRIV_H
#define AC_SYS_CONFINE_PRIV_H

/* The parts of confine.h; nobody else includes it. */

#include <stddef.h>

#include "common/sys/confine.h"

/* Directories in $TMPDIR (tmpdir.h). */
#define AC_CONFINE_TMP_PREFIX "acutils-tmp-"

struct sock_filter;

/* The filter of system calls, made at build time: static. */
const struct sock_filter *ac_confine_filter(unsigned int flags, size_t *n);

/* The private mount namespace: WRITES (absolute paths of directories) stay as
 * they are.  -1 only when it is half done. */
AC_MUSTUSE int ac_confine_mounts(const struct ac_strv *writes,
				 struct ac_err *err);

/* Landlock.  TMP (may be NULL) is the directory of our own.  FOR_FILES:
 * restrict what is read and written, too. */
void ac_confine_landlock(const struct ac_confine *c, unsigned int flags,
			 const char *tmp, bool for_files);
/* Can FOR_FILES be?  Within a Landlock domain of somebody else's that has no
 * rules for files (a pod of acrun is in one), such rules refuse every rename
 * between directories, whatever they allow.  Tried in the directory PARENT, by
 * a thread of its own; true when it cannot be tried. */
bool ac_confine_landlock_fits(const char *parent);

#endif
