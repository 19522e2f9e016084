/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_DIFF_H
#define ACTOOL_DIFF_H

/*
 * diff: what two images differ in.  diff.c reads and compares them,
 * diff_manifest.c compares manifests, diff_show.c tells.
 *
 * As with diff(1), the exit code is 0 when they are the same, 1 when not, and 2
 * when that could not be found out.
 */

#include <stdbool.h>

#include "actool/difftree.h"
#include "actool/walk.h"
#include "common/base/attr.h"
#include "common/cli/opt.h"

struct ac_call;
struct ac_err;
struct ac_json;

struct diff_opts {
	bool json;
	bool quiet;
	bool ignore_mtime;
	bool ignore_owner;
	const char *passphrase_fd;
};
extern const struct ac_opt diff_options[];

int run_diff(struct ac_call *c, struct ac_err *err);

/* One of the two. */
struct diff_side {
	const char *file;
	struct walk walk;
	struct ac_json *manifest; /* owned */
	struct difftree tree;
};

/* A difference of the manifests at PATH ("app.exec[0]", "labels[version]"); A
 * or B is NULL where there is nothing. */
typedef void (*diff_field_fn)(void *ctx, const char *path,
			      const struct ac_json *a, const struct ac_json *b);
/* Tell FN of each.  Arrays of objects with names of their own are compared by
 * name, others by position. */
void diff_manifests(const struct ac_json *a, const struct ac_json *b,
		    diff_field_fn fn, void *ctx);

/* Telling: nothing, for people, or as JSON. */
struct diff_show {
	enum { DIFF_QUIET, DIFF_TEXT, DIFF_JSON } how;
	bool different;
	size_t fields, files; /* told so far */
};
void diff_show_begin(struct diff_show *s, const struct diff_side *a,
		     const struct diff_side *b);
/* A diff_field_fn; CTX is the struct diff_show. */
void diff_show_field(void *ctx, const char *path, const struct ac_json *a,
		     const struct ac_json *b);
/* All fields were told. */
void diff_show_files(struct diff_show *s);
/* A file that only one has (the other is NULL), or that differs in WHAT. */
void diff_show_file(struct diff_show *s, const struct difftree_file *a,
		    const struct difftree_file *b, unsigned int what);
void diff_show_end(const struct diff_show *s);

#endif
