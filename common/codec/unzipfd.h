/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_UNZIPFD_H
#define AC_CODEC_UNZIPFD_H

/*
 * A file, decompressed, as a source to pull from (codec/tar.h): a thread of
 * its own reads and decompresses while the caller uses what came before.
 * Memory is bounded whatever the file holds.
 *
 *	AC_CLEANUP(ac_unzipfd_freep)
 *	struct ac_unzipfd *u = ac_unzipfd_new(fd, "x.aci", NULL);
 *
 *	tar = ac_tar_reader_new(NULL, ac_unzipfd_source, u);
 */

#include <sys/types.h>

#include "common/base/attr.h"
#include "common/codec/unzip.h"

struct ac_err;
struct ac_hash;
struct ac_unzipfd;

/* Read FD (borrowed) from its position to its end.  WHAT (borrowed) names it in
 * messages.  Never NULL. */
AC_MUSTUSE struct ac_unzipfd *ac_unzipfd_new(
	int fd, const char *what, const struct ac_unzip_limits *limits);

/* The same for the LEN bytes at OFF of a file that can be read anywhere: its
 * position is neither used nor changed.  They are added to HASH (borrowed, or
 * NULL) as they are read; it has all of them once the source said 0, or after
 * ac_unzipfd_free.  Fewer bytes are AC_E_INVALID. */
AC_MUSTUSE struct ac_unzipfd *ac_unzipfd_new_range(
	int fd, uint64_t off, uint64_t len, struct ac_hash *hash,
	const char *what, const struct ac_unzip_limits *limits);

/* The next chunk: its size, 0 at the end, -1 when it cannot be read or does
 * not decompress.  *p stays valid until the next call.  CTX is the
 * struct ac_unzipfd: this is an ac_source_fn. */
ssize_t ac_unzipfd_source(void *ctx, const void **p, struct ac_err *err);

/* The format; known once the first chunk, or the end, has come. */
enum ac_zip ac_unzipfd_format(const struct ac_unzipfd *u);

/* Also in the middle: the thread is ended. */
void ac_unzipfd_free(struct ac_unzipfd *u);

static inline void ac_unzipfd_freep(struct ac_unzipfd **u)
{
	ac_unzipfd_free(*u);
}

#endif
