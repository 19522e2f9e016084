/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_IO_H
#define AC_SYS_IO_H

/* Whole reads and writes on descriptors.  Interrupted calls are repeated. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"

struct ac_buf;
struct ac_err;
struct ac_strv;
struct stat;

/* Write all N bytes.  WHAT names the file in the message. */
AC_MUSTUSE int ac_io_write(int fd, const void *p, size_t n, const char *what,
			   struct ac_err *err);

/* Close *fd, which was written to, and steal it: network file systems and
 * quotas tell only then what they could not keep.  What was flushed needs no
 * such care. */
AC_MUSTUSE int ac_io_close(int *fd, const char *what, struct ac_err *err);

/* Both: the whole content of a file. */
AC_MUSTUSE int ac_io_write_close(int *fd, const void *p, size_t n,
				 const char *what, struct ac_err *err);

/* As ac_io_write, at OFF, leaving the descriptor's position. */
AC_MUSTUSE int ac_io_pwrite(int fd, const void *p, size_t n, uint64_t off,
			    const char *what, struct ac_err *err);

/* Read up to N bytes, fewer only at the end of the file.  Returns the number
 * read, or -1. */
AC_MUSTUSE ssize_t ac_io_read(int fd, void *p, size_t n, const char *what,
			      struct ac_err *err);

/* Let the disk begin with what was written to FD, so that less is left for the
 * end.  To be called after each so many bytes. */
enum { AC_IO_FLUSH_STEP = 16 << 20 };
void ac_io_flush_behind(int fd);

/* Copy LEN bytes at OFF of IN to OUT, at its position: shared or within the
 * kernel where the file systems can.  WHAT names IN; fewer bytes there are
 * AC_E_INVALID. */
AC_MUSTUSE int ac_io_copy(int in, uint64_t off, uint64_t len, int out,
			  const char *what, struct ac_err *err);

/* FD, open without waiting, must be a regular file (else AC_E_INVALID): *st
 * gets what stat(2) says of it. */
AC_MUSTUSE int ac_io_regular(int fd, const char *what, struct stat *st,
			     struct ac_err *err);

/* Append the names in the directory NAME of DIRFD, which is no link, to OUT:
 * all but "." and "..", sorted.  Returns -1 with errno. */
AC_MUSTUSE int ac_io_names(int dirfd, const char *name, struct ac_strv *out);

/* Append all that is left of FD to OUT; more than OUT's maximum is
 * AC_E_LIMIT. */
AC_MUSTUSE int ac_io_slurp(int fd, struct ac_buf *out, const char *what,
			   struct ac_err *err);

/* Append the file NAME in DIRFD (a name of our own, or given by the user) to
 * OUT.  AC_E_NOT_FOUND when there is none. */
AC_MUSTUSE int ac_io_read_file(int dirfd, const char *name, struct ac_buf *out,
			       struct ac_err *err);

/* The same for a name that nobody gave, like that of a signature beside a file:
 * what is not a regular file, or a link to one, is AC_E_INVALID, and a FIFO is
 * not waited for. */
AC_MUSTUSE int ac_io_read_regular(int dirfd, const char *name,
				  struct ac_buf *out, struct ac_err *err);

#endif
