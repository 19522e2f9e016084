/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_TAR_H
#define AC_CODEC_TAR_H

/*
 * tar archives (POSIX.1-2001 ustar and pax, GNU), read and written as streams
 * of entries (sys/entry.h).  No file system here.  Extended attributes are
 * SCHILY.xattr records (and LIBARCHIVE.xattr when reading).
 *
 * Names are kept byte for byte, whatever the locale, but cleaned (sys/path.h).
 * The reader refuses (AC_E_INVALID, naming the entry): absolute names (but
 * "/" for the root), "..", empty link targets, NUL in names, a root that is no
 * directory, negative or impossible sizes, broken headers or pax records,
 * headers that two tools could read in two ways, unknown entry types.  Targets
 * of hard links may be absolute: that is below the archive's root.  A missing
 * end-of-archive mark is accepted, an archive that stops within an entry is
 * not.  Global pax headers are checked and not applied, as Go does.  Sizes of
 * what is not a file are ignored, as Go does.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/codec/unzip.h"
#include "common/sys/entry.h"

struct ac_err;
struct ac_tar_reader;
struct ac_tar_writer;

/* The next chunk of the archive: its size, 0 at the end, -1 on error.  It stays
 * valid until the next call. */
typedef ssize_t (*ac_source_fn)(void *ctx, const void **p, struct ac_err *err);

/* Pass over the next N bytes of the source instead of giving them: 1, 0 when it
 * has no N bytes left, -1. */
typedef int (*ac_seek_fn)(void *ctx, uint64_t n, struct ac_err *err);

struct ac_tar_limits {
	uint64_t max_entries;     /* 0: base/limit.h's */
	uint64_t max_xattr_bytes; /* of one entry; 0: the same */
	bool no_slash;            /* "/" is absolute, and not the root */
};

/* Told of an entry that is refused because nobody could unpack it well (an
 * unknown type, "..", ids and names beyond what files can have), not because
 * the archive cannot be read further.  WHY says which. */
typedef void (*ac_tar_odd_fn)(void *ctx, const struct ac_err *why);

AC_MUSTUSE struct ac_tar_reader *ac_tar_reader_new(
	const struct ac_tar_limits *l, ac_source_fn source, void *ctx);
/* Next entry: 1, 0 at the end of the archive (the source has then been read
 * to its end, trailing bytes included), -1.  *e is valid until the next call.
 * Data of the entry before is skipped. */
AC_MUSTUSE int ac_tar_next(struct ac_tar_reader *r, struct ac_entry *e,
			   struct ac_err *err);
/* Next bytes of the entry's content and where they belong: 1, 0 at its end,
 * -1.  Holes of sparse files are not told. */
AC_MUSTUSE int ac_tar_data(struct ac_tar_reader *r, const void **p, size_t *n,
			   uint64_t *off, struct ac_err *err);
void ac_tar_reader_free(struct ac_tar_reader *r);
static inline void ac_tar_reader_freep(struct ac_tar_reader **r)
{
	ac_tar_reader_free(*r);
}
/* For those who only check archives: tell ODD instead of refusing, and go on.
 * What such an entry is instead of what it cannot be (a file, owned by 0) means
 * nothing; a name that is none becomes "". */
void ac_tar_reader_check(struct ac_tar_reader *r, ac_tar_odd_fn odd, void *ctx);

/* For archives in files, where data can be passed over and come back to: how to
 * jump (with the source's context), and how far the reader is in the source.
 * After ac_tar_next that is where the data of a file begins that is not
 * sparse. */
void ac_tar_reader_seek(struct ac_tar_reader *r, ac_seek_fn seek);
uint64_t ac_tar_position(const struct ac_tar_reader *r);

/* For who copies archives: where the last entry begins, with its extended
 * headers, and where what follows it does (its content and padding are before
 * that); and whether the end-of-archive mark was seen. */
uint64_t ac_tar_entry_start(const struct ac_tar_reader *r);
uint64_t ac_tar_entry_end(const struct ac_tar_reader *r);
bool ac_tar_ended(const struct ac_tar_reader *r);

/* HEAD is the N bytes of all headers of a regular file, as they are in an
 * archive: write SIZE into them.  False, and nothing is changed, when more
 * than the last one says the size. */
bool ac_tar_set_size(void *head, size_t n, uint64_t size);

/* The writer emits pax archives that are the same for the same entries: ustar
 * headers, pax records only where ustar cannot say it, numeric owners, no
 * names of owners, directories without a trailing slash as Go writes them, no
 * access or change times, two zero blocks at the end and no more padding. */
AC_MUSTUSE struct ac_tar_writer *ac_tar_writer_new(ac_sink_fn sink, void *ctx);
/* Read files to where LEND says (unzip.h), and tell LENT (both with the sink's
 * context) how many bytes are there, instead of giving them to the sink. */
typedef int (*ac_lent_fn)(void *ctx, size_t n, struct ac_err *err);
void ac_tar_writer_lend(struct ac_tar_writer *w, ac_lend_fn lend,
			ac_lent_fn lent);
AC_MUSTUSE int ac_tar_add(struct ac_tar_writer *w, const struct ac_entry *e,
			  struct ac_err *err);
/* Content of the entry just added, in order; a sparse entry takes only its
 * extents' bytes.  Exactly what the entry announced must come. */
AC_MUSTUSE int ac_tar_write(struct ac_tar_writer *w, const void *p, size_t n,
			    struct ac_err *err);
/* The content of FD (from its start), as the entry announced it. */
AC_MUSTUSE int ac_tar_write_fd(struct ac_tar_writer *w, int fd,
			       struct ac_err *err);
AC_MUSTUSE int ac_tar_finish(struct ac_tar_writer *w, struct ac_err *err);
void ac_tar_writer_free(struct ac_tar_writer *w);

#endif
