/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_SYS_ENTRY_H
#define AC_SYS_ENTRY_H

/* One file of a tree, as tar (codec/tar.h) and file systems (treerd.h,
 * treewr.h) both see it. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum ac_ftype {
	AC_F_REG = 'f',
	AC_F_DIR = 'd',
	AC_F_LINK = 'l', /* symbolic link */
	AC_F_HARD = 'h', /* another name of .link, an earlier entry */
	AC_F_CHR = 'c',
	AC_F_BLK = 'b',
	AC_F_FIFO = 'p',
};

struct ac_xattr {
	const char *name; /* "security.capability" */
	const void *value;
	size_t len;
};

/* A run of data in a sparse file; what lies between is a hole. */
struct ac_extent {
	uint64_t off, len;
};

/* All pointers are borrowed from whoever produced the entry, and valid until
 * its next one. */
struct ac_entry {
	enum ac_ftype type;
	const char *path; /* clean (path.h), relative; "" is the root */
	const char *link; /* target of a link; of a hard link: a clean path */
	mode_t mode;      /* permission bits, 07777 */
	uid_t uid;
	gid_t gid;
	int64_t mtime; /* seconds */
	uint32_t mtime_ns;
	uint64_t size; /* of a regular file */
	unsigned int dev_major, dev_minor;
	const struct ac_xattr *xattrs;
	size_t n_xattrs;
	const struct ac_extent *extents; /* NULL: not sparse */
	size_t n_extents;
};

/* "file", "directory", "symlink", "hard link", "character device", ... */
const char *ac_ftype_name(enum ac_ftype t);

#endif
