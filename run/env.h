/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_ENV_H
#define RUN_ENV_H

/* Environments as lists of "NAME=VALUE".  In order of precedence, the last wins
 * (spec/run.md): --inherit-env, the image, --set-env-file, --set-env,
 * --environment. */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/image/manifest.h"

struct ac_err;

/* Set NAME=VALUE; one of that name that is there stays unless OVERRIDE. */
void env_set(struct ac_strv *env, struct ac_str name, const char *value,
	     bool override);

/* Fill ENV, which is empty, from what an image or a pod lists: of the same name
 * the last wins.  In linear time: the list may be as long as a manifest can. */
void env_from_pairs(struct ac_strv *env, const struct ac_pairs *pairs);

/* env_set for "NAME=VALUE" as OPTION gives it. */
AC_MUSTUSE int env_set_text(struct ac_strv *env, const char *text,
			    const char *option, struct ac_err *err);

/* What --set-env-file and --set-env say: all into OUT.  The same name twice in
 * one of the two is an error. */
AC_MUSTUSE int env_from_flags(struct ac_strv *out, const struct ac_strv *files,
			      const struct ac_strv *set, struct ac_err *err);

/* What every app finds: PATH, HOME and the like behind what is there, TERM with
 * a terminal; and the name of its container, whatever is there. */
void env_defaults(struct ac_strv *env, bool tty);

/* The caller's own, behind what is there. */
void env_inherit(struct ac_strv *env);

#endif
