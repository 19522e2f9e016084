/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_DIFFTREE_H
#define ACTOOL_DIFFTREE_H

/*
 * An image as a sorted list of files, to be compared with another.  Contents
 * are kept as digests (SHA-256), which holes do not change: a file compares the
 * same whether its zeros are stored or not.  Names of one file (hard links) all
 * have its attributes, and know the first of them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/sys/entry.h"

struct ac_err;
struct difftree_block;

/* Bytes of both lists together; more files than fit are AC_E_LIMIT. */
enum { DIFFTREE_MAX = 1 << 30 };

struct difftree_file {
	const char *path;
	const char *link;   /* of a link: its target, or NULL */
	const char *group;  /* first of several names of the file, or NULL */
	const char *xattrs; /* name NUL length value ..., or NULL */
	size_t n_xattrs;    /* bytes of it */
	enum ac_ftype type; /* never AC_F_HARD, but for one to nothing */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime;
	uint32_t mtime_ns;
	unsigned int dev_major, dev_minor;
	uint64_t size;
	uint8_t content[32];
};

struct difftree {
	struct difftree_file *v; /* owned; sorted by path after the end */
	size_t n;
	struct ac_hash *hash; /* owned */
	struct difftree_block *block;
	char *last;    /* the memory of names: owned, chained */
	size_t room;   /* bytes left in it */
	size_t *bytes; /* so far, of both; the caller's */
};

/* BYTES counts for both trees against DIFFTREE_MAX. */
void difftree_init(struct difftree *t, size_t *bytes);
AC_MUSTUSE int difftree_add(struct difftree *t, const struct ac_entry *e,
			    struct ac_err *err);
/* Bytes of the file added last, in ascending order. */
void difftree_data(struct difftree *t, const void *p, size_t n, uint64_t off);
/* All was added. */
void difftree_end(struct difftree *t);
void difftree_release(struct difftree *t);

enum difftree_what {
	DIFF_TYPE = 1,
	DIFF_MODE = 2,
	DIFF_OWNER = 4,
	DIFF_MTIME = 8,
	DIFF_SIZE = 16,
	DIFF_CONTENT = 32,
	DIFF_TARGET = 64,
	DIFF_DEVICE = 128,
	DIFF_XATTRS = 256,
	DIFF_LINKS = 512, /* it is one file with another name */
};
/* What is different, as bits: 0 when nothing is.  Of two types only that. */
unsigned int difftree_compare(const struct difftree_file *a,
			      const struct difftree_file *b);

#endif
