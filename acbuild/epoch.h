/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_EPOCH_H
#define ACBUILD_EPOCH_H

/*
 * What a command of `run` writes has the time of its run; an image must not
 * tell when that was.  From the first run on, .acbuild/epoch holds the time of
 * the newest file that came from outside (by begin and copy), and write lets
 * no file be later, as it does with SOURCE_DATE_EPOCH.
 */

#include <stdint.h>

#include "common/base/attr.h"

struct ac_err;
struct work;

/* A command will run: note the newest time in the rootfs, once. */
AC_MUSTUSE int epoch_begin(struct work *w, struct ac_err *err);

/* NAME in DIRFD (a file or a tree) comes from outside. */
AC_MUSTUSE int epoch_add(struct work *w, int dirfd, const char *name,
			 struct ac_err *err);

/* The time in seconds, or -1: nothing has run. */
AC_MUSTUSE int epoch_get(struct work *w, int64_t *time, struct ac_err *err);

#endif
