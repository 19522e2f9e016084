/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_BASE_OWN_H
#define AC_BASE_OWN_H

/* Owning local variables.  Each releases what it holds when it leaves
 * scope, keeps errno, and accepts the empty value (NULL, -1). */

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/attr.h"

static inline void ac_own_freep(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

static inline void ac_own_closep(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* never retried: on Linux the fd is gone */
	errno = saved;
}

static inline void ac_own_closedirp(DIR **d)
{
	int saved = errno;

	if (*d != NULL)
		(void)closedir(*d);
	errno = saved;
}

#define AC_FREE     AC_CLEANUP(ac_own_freep)
#define AC_CLOSE    AC_CLEANUP(ac_own_closep)
#define AC_CLOSEDIR AC_CLEANUP(ac_own_closedirp)

/* Give up ownership: return the value and leave the empty one behind. */
static inline int ac_steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

static inline void *ac_steal_ptr_(void *pp)
{
	void **p = pp;
	void *v = *p;

	*p = NULL;
	return v;
}
#define ac_steal_ptr(pp) (0 ? *(pp) : ac_steal_ptr_(pp))

#endif
