/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_SITE_H
#define AC_FETCH_SITE_H

/*
 * A directory as a web site, such as `acfetch publish` makes: its files, and
 * for a directory its index.html (with or without a slash behind it, so that
 * `?ac-discovery=1` is answered at once).  No listings; no names that begin
 * with a dot; links are followed only as far as they stay inside.
 */

#include "common/base/attr.h"
#include "fetch/answer.h"

/* Answer from the directory open as DIRFD. */
AC_MUSTUSE enum MHD_Result site_answer(int dirfd, const struct request *q);

#endif
