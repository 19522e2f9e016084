/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_DEPS_H
#define ACBUILD_DEPS_H

/*
 * The images that a build depends on, in the store that acfetch fills.
 *
 *	AC_CLEANUP(ac_record_release) struct ac_record build = AC_RECORD_INIT;
 *
 *	if (deps_obtain(w->doc, &from, &build, err) < 0)
 *		return -1;
 *	... ac_store_layers(&from.store, &build, &layers, err): bottom first
 *	... ac_render(&from.store, &build, dirfd, err)
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/store/obtain.h"

struct ac_call;
struct ac_dependency;
struct ac_err;
struct ac_json;
struct ac_record;

/* Where the command C, with --insecure or not, has images from.  Released by
 * ac_store_release of its store. */
struct ac_obtain deps_source(const struct ac_call *c, bool insecure);

/* Fetch what the store does not have of the dependencies of the manifest DOC;
 * what is there is never fetched again.  *build becomes a record like one of
 * the store: the build as an image with dependencies and without files of its
 * own. */
AC_MUSTUSE int deps_obtain(const struct ac_json *doc, struct ac_obtain *from,
			   struct ac_record *build, struct ac_err *err);

/* Return -1, after an image was not obtained: that it is missing is not what
 * AC_E_NOT_FOUND says of the manifest (exit code 2). */
int deps_failed(struct ac_err *err);

/* How D is written: "example.com/base:1.0,os=linux".  Caller frees. */
AC_MUSTUSE char *deps_text(const struct ac_dependency *d);

/* Import FILE into the store for the command C, and make the element of
 * "dependencies" for it.  It must answer to NAME (as deps_text writes it), or
 * NAME is NULL.  Owned by the caller. */
AC_MUSTUSE struct ac_json *deps_from_file(const struct ac_call *c,
					  const char *file, const char *name,
					  struct ac_err *err);

#endif
