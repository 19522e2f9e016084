/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_PATH_H
#define AC_SYS_PATH_H

/* Paths as text.  Nothing here touches the file system. */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/str.h"

/* PATH relative, without ".", "..", empty components and slashes at the ends,
 * as a tar entry or whitelist names a file: "./a//b/" -> "a/b", "" and "." and
 * "/" -> "".  Absolute becomes relative.  NULL when ".." would leave the top,
 * or a component is longer than 255 bytes, or all is longer than 4095.  Caller
 * frees. */
AC_MUSTUSE char *ac_path_clean(const char *path);

/* True when PATH is what ac_path_clean would return for it. */
bool ac_path_is_clean(const char *path);

/* True when PATH has a ".." component. */
bool ac_path_has_dotdot(const char *path);

/* Split a clean path into its parent ("" at the top) and last name. */
void ac_path_split(const char *path, struct ac_str *dir, struct ac_str *base);

/* A + "/" + B, without doubling slashes; B alone when A is "".  Caller
 * frees. */
AC_MUSTUSE char *ac_path_join(const char *a, const char *b);

/* True when PATH is DIR or lies below it (both clean). */
bool ac_path_within(const char *path, const char *dir);

#endif
