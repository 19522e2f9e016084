/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_LIST_H
#define AC_STORE_LIST_H

/*
 * The list of a layer's files (spec/store.md S33): one line an entry, in the
 * order they were written, behind it one for each of its extended attributes,
 * and a last line that says how much it was.  It keeps what a file system may
 * not be able to (the owners, for a user without privileges) and the checksum
 * of each file and attribute.  Internal to the store.
 *
 * A list of the store's layout 1 knows no attributes, and says so by its last
 * line (ac_list_end).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/sys/entry.h"

struct ac_err;

enum {
	AC_LIST_WHITEOUT = 'w', /* beside the types of sys/entry.h */
	AC_LIST_OPAQUE = 'o',
	AC_LIST_XATTR = 'x',
};

struct ac_list {
	int fd; /* borrowed */
	struct ac_buf buf;
	uint64_t entries, bytes, xattrs;
};

/* Begin a list at the start of FD (borrowed), which is emptied. */
AC_MUSTUSE int ac_list_init(struct ac_list *l, int fd, struct ac_err *err);
/* One more file with its attributes; XXH3 is used for regular files alone. */
AC_MUSTUSE int ac_list_add(struct ac_list *l, const struct ac_entry *e,
			   const uint8_t xxh3[16], struct ac_err *err);
/* A mark (AC_LIST_...) on PATH. */
AC_MUSTUSE int ac_list_mark(struct ac_list *l, char mark, const char *path,
			    struct ac_err *err);
/* The last line. */
AC_MUSTUSE int ac_list_finish(struct ac_list *l, struct ac_err *err);
void ac_list_release(struct ac_list *l);

/* A name as one field, no blanks or controls in it: append a blank and S; and
 * undo it in place (without the blank): 0, or -1 when S is no such field. */
void ac_list_escape(struct ac_buf *b, const char *s);
AC_MUSTUSE int ac_list_unescape(char *s);

/* Open the list of the layer open as DIRFD, without waiting: AC_E_NOT_FOUND
 * when there is none, AC_E_INVALID when it is no regular file. */
AC_MUSTUSE int ac_list_open(int dirfd, struct ac_err *err);

/* What the last line of the list open as FD says. */
struct ac_list_end {
	uint64_t entries;
	uint64_t bytes;   /* of all regular files */
	bool has_xattrs;  /* attributes are listed: */
	uint64_t xattrs;  /* so many */
	uint64_t at, len; /* where the line begins; with its newline */
};
AC_MUSTUSE int ac_list_end(int fd, struct ac_list_end *end, struct ac_err *err);
/* Of that the bytes of all regular files. */
AC_MUSTUSE int ac_list_bytes(int fd, uint64_t *bytes, struct ac_err *err);

/* Size and checksum of attribute I of E, as lists have them: of the value as
 * the kernel gives it back, where that is not what it was given (POSIX ACLs,
 * capabilities).  False: no attribute comes of it (sys/xattr.h). */
bool ac_list_xattr(const struct ac_entry *e, size_t i, uint64_t *size,
		   uint8_t xxh3[16]);

/* Call FN with each line of the list open as FD, from its start.  A line that
 * is none, and an end without the last line, are AC_E_INVALID. */
struct ac_list_line {
	char type;         /* of sys/entry.h, or AC_LIST_... */
	struct ac_entry e; /* of marks and hard links the path and the link */
	uint8_t xxh3[16];  /* of a regular file */
	/* AC_LIST_XATTR: the name of an attribute of the file that was told
	 * last; e.size and xxh3 are of its value. */
	const char *xattr;
};
typedef int (*ac_list_fn)(void *ctx, const struct ac_list_line *l,
			  struct ac_err *err);
AC_MUSTUSE int ac_list_each(int fd, ac_list_fn fn, void *ctx,
			    struct ac_err *err);

#endif
