/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_EDIT_H
#define ACBUILD_EDIT_H

/*
 * The commands that change the manifest, and nothing else: a row of the table
 * in edit.c says what a command does to which member.  Their rows for the
 * command line are in edit_cmds.c, dependency.c, isolator.c and whitelist.c.
 */

#include <stdbool.h>

#include "common/cli/opt.h"
#include "common/cli/prog.h"

struct ac_err;
struct ac_image;
struct ac_json;

enum edit_place {
	IN_DOC, /* a member of the manifest */
	IN_APP, /* of its app, which is made when there is none */
};

/* One command: what it does to which member. */
struct edit {
	const char *command; /* by its full name */
	int (*apply)(struct ac_json *doc, const struct edit *e,
		     const struct ac_call *c, struct ac_err *err);
	enum edit_place place;
	const char *member;
	/* How an element of a list is known: by this member, or that one. */
	const char *key, *other;
	bool to_end; /* adding again moves the element to the end */
};

/* Change the manifest DOC as the command C says.  An element to be removed
 * that is not there is AC_E_NOT_FOUND. */
int edit_manifest(struct ac_json *doc, const struct ac_call *c,
		  struct ac_err *err);

/* Are all operands of C text? */
int edit_check_text(const struct ac_call *c, struct ac_err *err);

/* Do so to the build under way, or with --modify to an image. */
int run_edit(struct ac_call *c, struct ac_err *err);

/* The manifest, of the build under way or with --modify of an image, to look
 * at. */
int edit_view(const struct ac_call *c, struct ac_image *m, struct ac_err *err);

/* Where the member of E lives; without an app NULL, or with CREATE a new
 * one. */
struct ac_json *edit_holder(struct ac_json *doc, const struct edit *e,
			    bool create);

/* The list that is the member of E, made when CREATE; NULL on error, and (with
 * err->code AC_OK) when there is none. */
struct ac_json *edit_list(struct ac_json *doc, const struct edit *e,
			  bool create, struct ac_err *err);

/* Put ELEMENT, named VALUE, into the list: at the end, or in the place of the
 * one it replaces. */
void edit_put(struct ac_json *list, const struct edit *e, const char *value,
	      struct ac_json *element);

/* Applies of commands that have files of their own. */
int add_dependency(struct ac_json *doc, const struct edit *e,
		   const struct ac_call *c, struct ac_err *err);
int add_paths(struct ac_json *doc, const struct edit *e,
	      const struct ac_call *c, struct ac_err *err);
int remove_paths(struct ac_json *doc, const struct edit *e,
		 const struct ac_call *c, struct ac_err *err);
int clear_paths(struct ac_json *doc, const struct edit *e,
		const struct ac_call *c, struct ac_err *err);
int add_isolator(struct ac_json *doc, const struct edit *e,
		 const struct ac_call *c, struct ac_err *err);

struct mount_opts {
	bool read_only;
};
struct port_opts {
	const char *count;
	bool socket_activated;
};

/* The commands below `label` and so on. */
extern const struct ac_cmd label_cmds[];
extern const struct ac_cmd annotation_cmds[];
extern const struct ac_cmd environment_cmds[];
extern const struct ac_cmd mount_cmds[];
extern const struct ac_cmd port_cmds[];
extern const struct ac_cmd handler_cmds[];
extern const struct ac_cmd isolator_cmds[];
extern const struct ac_cmd whitelist_cmds[];

/* clang-format off */
/* One row: name, operands, their number, what it does. */
#define EDIT(n, a, lo, hi, h) \
	{.name = (n), .args = (a), .min = (lo), .max = (hi), .help = (h), \
	 .run = run_edit}
#define EDIT_OPT(n, a, lo, hi, h, table, type) \
	{.name = (n), .args = (a), .min = (lo), .max = (hi), .help = (h), \
	 .run = run_edit, .opts = (table), .opt_size = sizeof(struct type)}
#define EDIT_COMMAND(n, h) \
	{.name = (n), .args = "-- COMMAND [ARG...]", .min = 1, .max = -1, \
	 .help = (h), .run = run_edit, .flags = AC_CMD_STOP}
#define EDIT_REMOVE(a, h) \
	{.name = "remove", .alias = "rm", .args = (a), .min = 1, .max = 1, \
	 .help = (h), .run = run_edit}
/* clang-format on */

#endif
