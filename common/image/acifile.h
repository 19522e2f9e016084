/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_ACIFILE_H
#define AC_IMAGE_ACIFILE_H

/*
 * An image file for reading: the one way in which programs open an ACI that a
 * user names.
 *
 *	AC_CLEANUP(ac_aci_file_freep)
 *	struct ac_aci_file *f = ac_aci_file_open("x.aci", NULL, err);
 *
 *	if (f == NULL || ac_aci_read_fd(ac_aci_file_fd(f), ...) < 0 ||
 *	    ac_aci_file_end(f, err) < 0)
 *		return -1;
 */

#include "common/base/attr.h"

struct ac_err;
struct ac_aci_file;
struct ac_aci_secret;

/* Open PATH ("-": standard input) for reading.  Directories, and files that
 * never end (devices), are refused; pipes are not.  SECRET (may be NULL) opens
 * what is encrypted. */
AC_MUSTUSE struct ac_aci_file *ac_aci_file_open(
	const char *path, const struct ac_aci_secret *secret,
	struct ac_err *err);

/* To read from: at the start of the (decrypted) image.  It can seek only when
 * the file can and is not encrypted. */
int ac_aci_file_fd(const struct ac_aci_file *f);

/* Call when all was read and before it is believed: did the file end as it
 * should? */
AC_MUSTUSE int ac_aci_file_end(struct ac_aci_file *f, struct ac_err *err);

void ac_aci_file_free(struct ac_aci_file *f);
static inline void ac_aci_file_freep(struct ac_aci_file **f)
{
	ac_aci_file_free(*f);
}

#endif
