/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_SOURCES_H
#define ACBUILD_SOURCES_H

/*
 * The files of this machine that a build was made of, for `write --depfile`:
 * .acbuild/sources has, for each, the directory in which its command ran and
 * the path that it was given, each with a NUL behind.
 */

#include <stddef.h>

#include "common/base/attr.h"

struct ac_buf;
struct ac_call;
struct ac_err;
struct work;

/* Note the file PATH, as a command names it. */
AC_MUSTUSE int sources_add(struct work *w, const char *path,
			   struct ac_err *err);
/* Note the files that the operands and options of C name. */
AC_MUSTUSE int sources_of_call(struct work *w, const struct ac_call *c,
			       struct ac_err *err);

/* The file that the command C, a change of the manifest, reads ("-": standard
 * input), or NULL. */
const char *sources_file(const struct ac_call *c);

/* Append a Makefile's rule to OUT: TARGET depends on all that was noted and,
 * of directories, on what is in them; and rules without a recipe, so that make
 * goes on when one of them is gone.  Paths are as they were given, or absolute
 * when that was in another directory.  TARGET itself, DEPFILE and the
 * directories that hold them are left out: they change with every build. */
AC_MUSTUSE int sources_rule(struct work *w, const char *target,
			    const char *depfile, struct ac_buf *out,
			    struct ac_err *err);

#endif
