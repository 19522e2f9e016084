/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_MANIFEST_H
#define RUN_MANIFEST_H

/* The pod manifest of a command line: what `cat-manifest` shows, and what is
 * then run, so that both are the same. */

#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_json;
struct ac_record;
struct run_args;
struct run_flags;

/* Make it from the images' records (as ARGS has them, in that order) and the
 * flags.  Owned by the caller; NULL on failure. */
AC_MUSTUSE struct ac_json *manifest_make(const struct run_flags *flags,
					 const struct run_args *args,
					 const struct ac_record *records,
					 struct ac_err *err);

/* Complete one that was given: apps that say nothing of their own get the
 * image's app.  RECORDS as the manifest's apps. */
AC_MUSTUSE int manifest_complete(struct ac_json *pod,
				 const struct ac_record *records, size_t n,
				 struct ac_err *err);

#endif
