/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_LIST_H
#define AC_STORE_LIST_H

/*
 * The list of a layer's files (spec/store.md S33): one line an entry, in the
 * order they were written, and a last line that says how much it was.  It keeps
 * what a file system may not be able to (the owners, for a user without
 * privileges) and the checksum of each file.  Internal to the store.
 */

#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/sys/entry.h"

struct ac_err;

enum {
	AC_LIST_WHITEOUT = 'w', /* beside the types of sys/entry.h */
	AC_LIST_OPAQUE = 'o',
};

struct ac_list {
	int fd; /* borrowed */
	struct ac_buf buf;
	uint64_t entries, bytes;
};

/* Begin a list at the start of FD (borrowed), which is emptied. */
AC_MUSTUSE int ac_list_init(struct ac_list *l, int fd, struct ac_err *err);
/* One more file; XXH3 is used for regular files alone. */
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

/* The bytes of all regular files, from the last line of the list open as
 * FD. */
AC_MUSTUSE int ac_list_bytes(int fd, uint64_t *bytes, struct ac_err *err);

/* Call FN with each line of the list open as FD, from its start.  A line that
 * is none, and an end without the last line, are AC_E_INVALID. */
struct ac_list_line {
	char type;         /* of sys/entry.h, or AC_LIST_... */
	struct ac_entry e; /* of marks and hard links the path and the link */
	uint8_t xxh3[16];  /* of a regular file */
};
typedef int (*ac_list_fn)(void *ctx, const struct ac_list_line *l,
			  struct ac_err *err);
AC_MUSTUSE int ac_list_each(int fd, ac_list_fn fn, void *ctx,
			    struct ac_err *err);

#endif
