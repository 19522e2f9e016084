/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_ACIFILE_H
#define AC_IMAGE_ACIFILE_H

/*
 * An image file for reading: the one way in which programs open an ACI that a
 * user names.
 *
 *	AC_CLEANUP(ac_aci_file_freep)
 *	struct ac_aci_file *f = ac_aci_file_open("x.aci", &secret, err);
 *
 *	if (f == NULL || ac_aci_file_read(f, &events, &id, NULL, err) < 0)
 *		return -1;
 *
 * or, step by step, ac_aci_file_fd, and ac_aci_file_end before anything of it
 * is believed.
 */

#include <sys/types.h>

#include "common/image/aci.h"

struct ac_err;
struct ac_aci_file;
struct ac_secret;

/* Open PATH ("-": standard input) for reading.  Directories, and files that
 * never end (devices), are refused; pipes are not.  SECRET (sys/secret.h; with
 * NULL an encrypted image is refused) opens what is encrypted. */
AC_MUSTUSE struct ac_aci_file *ac_aci_file_open(const char *path,
						struct ac_secret *secret,
						struct ac_err *err);

/* Before this process is confined (sys/confine.h): PATH will be opened.  When
 * it is encrypted, there will be somebody to ask for the passphrase. */
void ac_aci_file_expect(const char *path);

/* The same of FD, whose position is its start; FD is taken, also on failure.
 * NAME is for messages. */
AC_MUSTUSE struct ac_aci_file *ac_aci_file_adopt(int fd, const char *name,
						 struct ac_secret *secret,
						 struct ac_err *err);

/* Did it come encrypted?  An image on a pipe is waited for. */
bool ac_aci_file_encrypted(struct ac_aci_file *f);

/* ac_aci_read_fd and ac_aci_manifest_fd of it, to the end: what they give was
 * not changed by who has not the passphrase. */
AC_MUSTUSE int ac_aci_file_read(struct ac_aci_file *f,
				const struct ac_aci_events *ev,
				struct ac_digest *id, enum ac_zip *zip,
				struct ac_err *err);
AC_MUSTUSE int ac_aci_file_manifest(struct ac_aci_file *f, char **text,
				    size_t *len, struct ac_err *err);

/* The first N bytes of it (less: all of it), which are still to be read.  Call
 * before anything is. */
AC_MUSTUSE ssize_t ac_aci_file_peek(struct ac_aci_file *f, void *p, size_t n,
				    struct ac_err *err);

/* To read from: at the start of the (decrypted) image.  It can seek only when
 * the file can and is not encrypted. */
int ac_aci_file_fd(const struct ac_aci_file *f);

/* Call when all was read that is wanted, and before anything of it is believed,
 * printed or published: reads the rest of an encrypted image, and fails when
 * that was damaged, truncated or changed.  Call it also when reading failed: an
 * encrypted image that is damaged fails there first, and here with the
 * reason. */
AC_MUSTUSE int ac_aci_file_end(struct ac_aci_file *f, struct ac_err *err);

void ac_aci_file_free(struct ac_aci_file *f);
static inline void ac_aci_file_freep(struct ac_aci_file **f)
{
	ac_aci_file_free(*f);
}

#endif
