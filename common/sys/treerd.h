/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_TREERD_H
#define AC_SYS_TREERD_H

/*
 * The reader of trees: walks a directory depth first, each directory's names
 * in byte order, and yields every file as an entry with its attributes: the
 * order and content that a reproducible archive has.
 *
 * Files that appear under several names (device and inode) are yielded whole
 * the first time and as AC_F_HARD after.  Sockets are AC_E_INVALID, by name.
 * Holes are a matter of the content (holes.h).  Extended attributes: those that
 * belong to the file (xattr.h).  A file system that is mounted below is
 * entered.  The tree must not change meanwhile; a file that changes size
 * while it is read is AC_E_INVALID.
 */

#include "common/base/attr.h"
#include "common/sys/entry.h"

struct ac_err;
struct ac_treerd;
struct stat;

/* Read the tree below ROOTFD (borrowed).  The root itself is the first
 * entry, with path "". */
AC_MUSTUSE struct ac_treerd *ac_treerd_new(int rootfd);

/* Read the file NAME in DIRFD (borrowed) alone, of whatever type, and what is
 * below it.  The paths of the entries begin with NAME. */
AC_MUSTUSE struct ac_treerd *ac_treerd_new_at(int dirfd, const char *name);

/* For a copy on this machine: holes are where the file system has some. */
void ac_treerd_holes_on_disk(struct ac_treerd *r);
/* Tell overlay's own attributes, too. */
void ac_treerd_overlay_xattrs(struct ac_treerd *r);

/* Next entry: 1, 0 at the end, -1.  *fd is a descriptor of a regular file's
 * content, open for reading at 0 (owned by the reader, valid until the next
 * call), otherwise -1. */
AC_MUSTUSE int ac_treerd_next(struct ac_treerd *r, struct ac_entry *e, int *fd,
			      struct ac_err *err);
/* The file that was told last, as it was before it was read. */
const struct stat *ac_treerd_stat(const struct ac_treerd *r);
void ac_treerd_free(struct ac_treerd *r);

#endif
