/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_SITEFILE_H
#define AC_FETCH_SITEFILE_H

/* Files of a site under construction: PATHs are below its directory DIRFD, and
 * each file appears whole or not at all.  Directories are made as needed. */

#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;

/* Write LEN bytes as PATH, unless that is what it holds already. */
AC_MUSTUSE int site_put(int dirfd, const char *path, const void *p, size_t len,
			struct ac_err *err);
/* The content of FD, from its start. */
AC_MUSTUSE int site_put_fd(int dirfd, const char *path, int fd,
			   struct ac_err *err);
/* Make PATH another name of FROM (a copy, where the file system has no hard
 * links).  FROM missing: PATH is removed. */
AC_MUSTUSE int site_alias(int dirfd, const char *from, const char *path,
			  struct ac_err *err);
/* Missing is fine. */
AC_MUSTUSE int site_remove(int dirfd, const char *path, struct ac_err *err);

#endif
