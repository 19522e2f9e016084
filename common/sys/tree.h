/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_TREE_H
#define AC_SYS_TREE_H

/* Whole trees at once. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct ac_err;

/* Remove NAME in DIRFD and all below it, following nothing; depth is not
 * limited by descriptors or stack.  Missing is not an error.  A mount point in
 * it is AC_E_BUSY: what is mounted is not touched. */
AC_MUSTUSE int ac_tree_remove(int dirfd, const char *name, struct ac_err *err);

/* Copy SRC (a file or a tree, as the user named it below SRCFD; a symbolic link
 * is copied as a link) to the new name DST beneath DSTFD (foreign rules: at.h),
 * with modes, times, xattrs, holes and hard links; by reflink or
 * copy_file_range where the file system can.  Owners are kept when KEEP_OWNER
 * and we are root, else they are ours.  DST must not exist (AC_E_EXISTS);
 * missing parents are made 0755.  On failure nothing is left at DST.  Nothing
 * is flushed to the disk. */
AC_MUSTUSE int ac_tree_copy(int srcfd, const char *src, int dstfd,
			    const char *dst, bool keep_owner,
			    struct ac_err *err);

/* The same for N files or trees in one operation: names of one file are links
 * of each other in the copies, too, and on failure nothing is left of any. */
struct ac_tree_item {
	const char *src;
	const char *dst; /* beneath DSTFD */
};
AC_MUSTUSE int ac_tree_copy_items(int srcfd, const struct ac_tree_item *items,
				  size_t n, int dstfd, bool keep_owner,
				  struct ac_err *err);

#endif
