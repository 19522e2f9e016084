/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_CMD_H
#define ACBUILD_CMD_H

/*
 * What the commands of acbuild share.  main.c holds the table of commands; the
 * options of each, and its function, are in a header of its own.  A command
 * does its work on a `struct work` (work.h), the build under way in .acbuild,
 * or with --modify on an image file (modify.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/store/config.h"

struct ac_buf;
struct ac_call;
struct ac_json;
struct ac_prog;
struct script;
struct work;

struct globals {
	bool no_history;
	bool debug;            /* not first: ac_prog takes offset 0 for none */
	const char *work_path; /* NULL: "." */
	const char *dir;       /* the store; NULL: the usual one */
	struct ac_strv store_read; /* --store-read: more stores */
	struct ac_config config;   /* --system-config and the like; its user is
				    * settled */
	const char *insecure;      /* --insecure-options */
	const char *modify; /* an image file, or NULL: the build under way */
	const char *wait;   /* for the lock; see lock.h */
	const char *modify_oci; /* an OCI layout or archive, or NULL */
	struct script *script;  /* that the command is in, or NULL */
};

/* The program: what a line of a script is for. */
extern const struct ac_prog acbuild_prog;

/* Record the command C in DOC as the annotation coreos.com/acbuild/command-N,
 * N one more than the highest there is. */
void history_add(struct ac_json *doc, const struct ac_call *c);

/* Record what change_note kept aside: before the annotations of a build are
 * looked at. */
void history_flush(struct work *w);

/* The command C as it is recorded: `acbuild label add "a" "b"`.  Caller
 * frees. */
char *history_text(const struct ac_call *c);

/* Append S between quotes, as Go's %q writes it. */
void history_quote(struct ac_buf *b, const char *s);

/* The time of directories that acbuild makes by itself: SOURCE_DATE_EPOCH, or
 * 1970, so that what is built does not depend on when. */
int64_t build_time(void);

#endif
