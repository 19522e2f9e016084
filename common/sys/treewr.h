/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_TREEWR_H
#define AC_SYS_TREEWR_H

/*
 * The writer of trees: entries in, files beneath a directory out, with about
 * six system calls a file.  The target is a fresh directory that nobody else
 * knows; nothing in it is ever followed or replaced:
 *
 *  - an entry whose parent is not a directory, or is a symbolic link, is
 *    AC_E_INVALID ("its parent 'a' is a symbolic link in the same archive");
 *  - a second entry of the same path is AC_E_INVALID, but for a directory
 *    (its attributes are set again);
 *  - missing parents are made 0755 root:root and remembered as implied;
 *  - a character device 0:0 is AC_E_INVALID, unless PLAIN: overlay would take
 *    it for a whiteout;
 *  - extended attributes that belong to a machine (xattr.h) are left out; what
 *    the file system cannot store is left out with one warning;
 *  - directories get their owners, modes, attributes and times last, at
 *    finish; access times are the modification times.
 *
 * After a failure only ac_treewr_free is left to call.
 *
 *	ac_treewr_new(rootfd, &opts) ... for each entry: ac_treewr_add, then
 *	ac_treewr_data for its bytes ... ac_treewr_finish ... ac_treewr_free
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/sys/entry.h"

struct ac_err;
struct ac_treewr;

/* What was written, told after each file is complete (directories: for each
 * entry of one, so the last counts; whiteouts: at finish, as AC_F_CHR 0:0; what
 * is skipped: never).  XXH3 is the XXH3-128 of a regular file's bytes, holes
 * included (canonical form, zero otherwise).  A negative return ends the
 * writing. */
typedef int (*ac_treewr_note_fn)(void *ctx, const struct ac_entry *e,
				 const uint8_t xxh3[16], struct ac_err *err);

struct ac_treewr_opts {
	/* ROOTFD is in use already: files are added to it, what is there
	 * stays as it is, and directories in it may be written to. */
	bool shared_root;
	/* Nobody flushes the tree in the end: the disk need not begin early. */
	bool not_flushed;
	/* Not root: leave owners, skip what needs privileges (devices become
	 * AC_E_DENIED unless skip_devices), drop setuid-losing chown. */
	bool no_owner;
	bool skip_devices;
	/* The tree is for no overlay: a character device 0:0 is a device as any
	 * other. */
	bool plain;
	/* Overlay xattrs of whiteouts in the "user." space (rootless). */
	bool user_xattr;
	/* Of all regular files together, holes counted; 0: no limit.  A hole
	 * costs time when it is hashed: give one for foreign input. */
	uint64_t max_bytes;
	/* Implied directories counted; then AC_LIMIT_IMPLIED holds too.  0: no
	 * limit of both. */
	uint64_t max_entries;
	ac_treewr_note_fn note; /* or NULL: no hashing */
	/* A hard link whose target is not (yet) in the tree.  NULL: an error.
	 * Returns 0 when it took a copy of the entry to settle it later. */
	ac_treewr_note_fn dangling;
	/* A parent directory was made that no entry had named (yet): only its
	 * path is meaningful.  May be NULL. */
	ac_treewr_note_fn implied;
	void *ctx;
};

/* Write beneath ROOTFD (borrowed). */
AC_MUSTUSE struct ac_treewr *ac_treewr_new(int rootfd,
					   const struct ac_treewr_opts *opts);

/* Begin the next entry; the previous one is completed.  A regular file gets
 * its bytes by ac_treewr_data; one that got fewer than e->size (holes
 * excepted) is AC_E_INVALID when it is completed. */
AC_MUSTUSE int ac_treewr_add(struct ac_treewr *w, const struct ac_entry *e,
			     struct ac_err *err);
/* N bytes of the current file at OFF, in ascending order. */
AC_MUSTUSE int ac_treewr_data(struct ac_treewr *w, const void *p, size_t n,
			      uint64_t off, struct ac_err *err);

/* All bytes of the current file from FD, a regular file of its size, in place
 * of ac_treewr_data: by reflink or in the kernel when they need no hashing and
 * the file systems can.  With e->extents only those are read. */
AC_MUSTUSE int ac_treewr_copy(struct ac_treewr *w, int fd, struct ac_err *err);

/* Overlay whiteout (character device 0:0) for PATH, and the opaque mark on the
 * directory PATH (made if missing).  Both hide what is below, never what this
 * tree has itself, in whatever order the entries come: a file that is there
 * makes the whiteout needless, a directory becomes opaque, and below an opaque
 * directory there are no whiteouts.  (Overlay ignores the mark on a layer's
 * root: the caller must leave out what is below.) */
AC_MUSTUSE int ac_treewr_whiteout(struct ac_treewr *w, const char *path,
				  struct ac_err *err);
AC_MUSTUSE int ac_treewr_opaque(struct ac_treewr *w, const char *path,
				struct ac_err *err);

/* Complete the last file, settle hard links to files that came later, give
 * directories their modes, owners and times. */
AC_MUSTUSE int ac_treewr_finish(struct ac_treewr *w, struct ac_err *err);
void ac_treewr_free(struct ac_treewr *w);

#endif
