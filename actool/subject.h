/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_SUBJECT_H
#define ACTOOL_SUBJECT_H

/* What a signature is of: a file that is opened once, and the image in it. */

#include "common/base/attr.h"
#include "common/codec/digest.h"

struct ac_err;
struct ac_secret;

/* Open FILE ("-": standard input) for reading more than once: what is no
 * regular file is copied into one without a name first. */
AC_MUSTUSE int subject_open(const char *file, struct ac_err *err);

/* The image's name, as its manifest has it, not verified.  SECRET is for an
 * encrypted image (NULL: refused).  Caller frees *name. */
AC_MUSTUSE int subject_name(int fd, const char *file, struct ac_secret *secret,
			    char **name, struct ac_err *err);

/* The name and the id of the whole image.  Caller frees *name. */
AC_MUSTUSE int subject_id(int fd, const char *file, struct ac_secret *secret,
			  char **name, char id[AC_DIGEST_TEXT],
			  struct ac_err *err);

#endif
