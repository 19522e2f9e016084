/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_CMD_H
#define ACBUILD_CMD_H

/*
 * What the commands of acbuild share.  main.c holds the tables of commands and
 * options; a command does its work on a `struct work` (work.h), the build
 * under way in .acbuild, or with --modify on an image file (modify.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

struct ac_call;
struct ac_err;
struct ac_json;
struct work;

struct globals {
	bool no_history;
	bool debug;            /* not first: ac_prog takes offset 0 for none */
	const char *work_path; /* NULL: "." */
	const char *modify;    /* an image file, or NULL: the build under way */
};

struct begin_opts {
	const char *build_mode;
	const char *passphrase_fd;
};
struct write_opts {
	bool overwrite;
	bool sign;
	const char *compression;
	uint64_t level;
};
struct cat_opts {
	bool pretty;
	const char *file;
};
struct mount_opts {
	bool read_only;
};
struct port_opts {
	const char *count;
	bool socket_activated;
};
struct dependency_opts {
	const char *image_id;
	struct ac_strv labels;
	uint64_t size;
};

/* Change the manifest DOC as the command C (by its full name) says: the
 * table of edit.c.  An element to be removed that is not there is
 * AC_E_NOT_FOUND. */
int edit_manifest(struct ac_json *doc, const struct ac_call *c,
		  struct ac_err *err);

/* Copy the operands' sources into the rootfs: `copy` and `copy-to-dir`.  Each
 * appears whole or not at all. */
int copy_in(struct work *w, const struct ac_call *c, struct ac_err *err);

int run_begin(struct ac_call *c, struct ac_err *err);
int run_write(struct ac_call *c, struct ac_err *err);

/* -1 when --modify was given, with which the command C does not go. */
int no_modify(const struct ac_call *c, struct ac_err *err);

/* Record the command C in DOC as the annotation coreos.com/acbuild/command-N,
 * N one more than the highest there is. */
void history_add(struct ac_json *doc, const struct ac_call *c);

/* The time of directories that acbuild makes by itself: SOURCE_DATE_EPOCH, or
 * 1970, so that what is built does not depend on when. */
int64_t build_time(void);

#endif
