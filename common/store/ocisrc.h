/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_OCISRC_H
#define AC_STORE_OCISRC_H

/*
 * Where an image is read from: a directory, a tar file (in which blobs are
 * found and read in place, in any order), or the store.  What is not a plain
 * file that can be read at any position (a pipe, a compressed archive) is
 * first written, decompressed, to a temporary file without a name.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/map.h"
#include "common/codec/digest.h"
#include "common/store/store.h"

struct ac_buf;
struct ac_err;

/* A run of bytes in a file. */
struct ac_part {
	int fd;
	bool owned; /* close it */
	uint64_t off, size;
};
#define AC_PART_INIT ((struct ac_part){.fd = -1})
void ac_part_release(struct ac_part *p);

/* All bytes of P, at most MAX, appended to OUT. */
AC_MUSTUSE int ac_part_read(const struct ac_part *p, const char *what,
			    struct ac_buf *out, struct ac_err *err);
/* The digest of its bytes, by D's algorithm, is D: 0; else AC_E_VERIFY. */
AC_MUSTUSE int ac_part_verify(const struct ac_part *p,
			      const struct ac_digest *d, const char *what,
			      struct ac_err *err);

/* A file of a tar archive. */
struct ac_ocisrc_member {
	char *path; /* owned, clean */
	char *link; /* owned: target of a symbolic or hard link, else NULL */
	bool hard;
	bool regular; /* and not sparse */
	uint64_t off, size;
};

struct ac_ocisrc {
	char *what; /* for messages, and for names: the input's own */
	int dirfd;  /* a directory, or -1 */
	int fd;     /* a tar, or -1 */
	struct ac_ocisrc_member *members; /* of the tar */
	size_t n_members;
	struct ac_map index; /* path to member */
	bool in_store;
	struct ac_store store;
	struct ac_record record; /* of the store: the image */
};
#define AC_OCISRC_INIT                              \
	((struct ac_ocisrc){.dirfd = -1,            \
			    .fd = -1,               \
			    .store = AC_STORE_INIT, \
			    .record = AC_RECORD_INIT})

/* Open INPUT: a path, "-", "store:REF", or what the store at STORE_DIR (NULL:
 * the usual one) knows. */
AC_MUSTUSE int ac_ocisrc_open(struct ac_ocisrc *s, const char *input,
			      const char *store_dir, struct ac_err *err);
void ac_ocisrc_release(struct ac_ocisrc *s);

/* The file PATH of a directory or tar: 1, 0 when there is none, -1.  In a tar
 * links are followed, and none leads out of it; in a directory none is. */
AC_MUSTUSE int ac_ocisrc_file(const struct ac_ocisrc *s, const char *path,
			      struct ac_part *out, struct ac_err *err);
/* A blob by its digest (the bytes are not verified here).  SIZE, unless
 * UINT64_MAX, is what it must have. */
AC_MUSTUSE int ac_ocisrc_blob(const struct ac_ocisrc *s,
			      const struct ac_digest *d, uint64_t size,
			      struct ac_part *out, struct ac_err *err);
/* A small blob (JSON), read and verified, appended to OUT. */
AC_MUSTUSE int ac_ocisrc_read(const struct ac_ocisrc *s,
			      const struct ac_digest *d, uint64_t size,
			      struct ac_buf *out, struct ac_err *err);

/* Fill the index of the tar s->fd. */
AC_MUSTUSE int ac_ocisrc_index(struct ac_ocisrc *s, struct ac_err *err);

#endif
