/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_TALLY_H
#define ACTOOL_TALLY_H

/*
 * What is to be known about the files of an image before it is run: how many
 * of what, owners, times, the biggest, and those that give rights away.  Memory
 * is bounded whatever the image holds: lists have a limit, what is beyond is
 * counted.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/fpmap.h"
#include "common/sys/entry.h"

/* A file worth mentioning. */
struct tally_file {
	char *path; /* owned; below the root, "" is the root */
	enum ac_ftype type;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint64_t size;
	unsigned int dev_major, dev_minor;
	char *caps; /* owned; filecap.h; NULL: none */
};

struct tally_list {
	struct tally_file *v;
	size_t n;       /* in v: the first ones, in the image's order */
	uint64_t total; /* of all */
	size_t bytes;   /* of names in v */
};

/* How many files each id owns. */
struct tally_ids {
	struct {
		uint32_t id;
		uint64_t files;
	} * v; /* by id */
	size_t n;
	uint64_t others; /* files of ids that found no room in v */
	size_t last;     /* found last, as it mostly is found next */
};

enum tally_kind {
	TALLY_SETUID,
	TALLY_SETGID,
	TALLY_CAPS,
	TALLY_DEVICES,
	TALLY_WRITABLE, /* by all; sticky directories too, links never */
	TALLY_STICKY,   /* the sticky bit, on whatever it is */
	TALLY_KINDS,
};

struct tally {
	size_t limit; /* of each list; set by the caller */
	uint64_t files, dirs, links, hard, chr, blk, fifos;
	uint64_t sparse, with_xattrs;
	uint64_t bytes; /* of all regular files, holes counted; UINT64_MAX: more
			 */
	struct tally_list lists[TALLY_KINDS];
	struct tally_list biggest;  /* after tally_end: largest first */
	struct ac_fpmap privileged; /* paths, for their other names */
	struct tally_ids users, groups;
	/* Of all files; min > max: there are none. */
	int64_t oldest, newest;
	uint32_t oldest_ns, newest_ns;
};

/* Count E. */
void tally_add(struct tally *t, const struct ac_entry *e);
/* All were counted. */
void tally_end(struct tally *t);
void tally_release(struct tally *t);

/* "-rwsr-xr-x", as ls(1) shows it. */
void tally_mode(const struct tally_file *f, char out[11]);

#endif
