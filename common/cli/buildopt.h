/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CLI_BUILDOPT_H
#define AC_CLI_BUILDOPT_H

/* How an image is written, from the options and the environment: the same for
 * every program that writes one. */

#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/zip.h"

struct ac_aci_build;
struct ac_err;

/* What --compression may be, for its option table. */
#define AC_BUILDOPT_METHODS "gzip none xz bzip2"

/* COMPRESSION, one of these (NULL: "gzip"), and LEVEL (0: the
 * default) into *b.  What is later than SOURCE_DATE_EPOCH, when that is set,
 * gets its time.  Not root: no owner can be told from the files, so all are
 * 0:0.  A bad level or SOURCE_DATE_EPOCH is AC_E_USAGE. */
AC_MUSTUSE int ac_buildopt(struct ac_aci_build *b, const char *compression,
			   uint64_t level, struct ac_err *err);

/* TIME (base/date.h; NULL: nothing happens) takes the place of
 * SOURCE_DATE_EPOCH. */
AC_MUSTUSE int ac_buildopt_mtime(struct ac_aci_build *b, const char *time,
				 struct ac_err *err);

#endif
