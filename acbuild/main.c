/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "acbuild/cmd.h"
#include "acbuild/modify.h"
#include "acbuild/work.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/cli/buildopt.h"
#include "common/cli/prog.h"
#include "common/cli/secretopt.h"
#include "common/codec/json.h"
#include "common/image/aci.h"

typedef int (*change_fn)(struct work *w, const struct ac_call *c,
			 struct ac_err *err);

static int change_manifest(struct work *w, const struct ac_call *c,
			   struct ac_err *err)
{
	return edit_manifest(w->doc, c, err);
}

/* A command that changes the build under way, and is remembered in it. */
static int change(const struct ac_call *c, change_fn fn, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;

	if (work_open(&w, g->work_path, err) < 0 || fn(&w, c, err) < 0)
		return -1;
	if (!g->no_history)
		history_add(w.doc, c);
	return work_save(&w, err);
}

static int run_edit(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	return g->modify != NULL ? modify_manifest(c, err)
				 : change(c, change_manifest, err);
}

static int run_copy(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	return g->modify != NULL ? modify_files(c, err)
				 : change(c, copy_in, err);
}

int no_modify(const struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;

	if (g->modify == NULL)
		return 0;
	return ac_err_set(err, AC_E_INVALID, "can't use --modify flags with %s",
			  c->path);
}

static int run_cat(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	const struct cat_opts *o = c->opts;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;
	AC_CLEANUP(ac_buf_release)
	struct ac_buf b = AC_BUF_INIT(4 * AC_ACI_MAX_MANIFEST);

	if (o->file != NULL && strcmp(o->file, "config") == 0)
		return ac_err_set(err, AC_E_INVALID,
				  "can't print config, appc has no image "
				  "configs");
	if (o->file != NULL && strcmp(o->file, "manifest") != 0)
		return ac_err_set(err, AC_E_INVALID,
				  "don't know how to print a \"%s\"", o->file);
	if (g->modify != NULL)
		w.doc = modify_read(g->modify, err);
	else if (work_open(&w, g->work_path, err) < 0)
		return -1;
	if (w.doc == NULL)
		return -1;
	ac_json_write(w.doc, o->pretty ? 4 : 0, true, &b);
	if (ac_buf_check(&b, "the manifest", err) < 0)
		return -1;
	printf("%s\n", ac_buf_str(&b));
	return 0;
}

static int run_end(struct ac_call *c, struct ac_err *err)
{
	const struct globals *g = c->globals;
	AC_CLEANUP(work_release) struct work w = WORK_INIT;

	if (no_modify(c, err) < 0 || work_open(&w, g->work_path, err) < 0)
		return -1;
	return work_destroy(&w, err);
}

static const struct ac_opt global_opts[] = {
	AC_OPT_BOOL(struct globals, debug, "debug", "say what is done"),
	AC_OPT_STRING(struct globals, work_path, "work-path", "DIR",
		      "the build is in DIR/.acbuild (default \".\")"),
	AC_OPT_STRING(struct globals, modify, "modify", "FILE",
		      "change the image FILE instead of a build under way"),
	AC_OPT_STRING(struct globals, modify, "modify-appc", "FILE",
		      "the same as --modify"),
	AC_OPT_BOOL(struct globals, no_history, "no-history",
		    "do not record the command in the image's annotations"),
	AC_OPT_END,
};

static const struct ac_opt begin_options[] = {
	AC_OPT_STRING(struct begin_opts, build_mode, "build-mode", "MODE",
		      "\"appc\", the only one"),
	AC_OPT_PASSPHRASE(struct begin_opts, passphrase_fd),
	AC_OPT_END,
};
static const struct ac_opt write_options[] = {
	AC_OPT_BOOL(struct write_opts, overwrite, "overwrite",
		    "replace FILE when it is there already"),
	AC_OPT_CHOICE(struct write_opts, compression, "compression", "METHOD",
		      AC_BUILDOPT_METHODS, "how to compress, gzip by default"),
	AC_OPT_UINT(struct write_opts, level, "level", "N",
		    "1 (fast) to 9 (small), gzip to 12"),
	AC_OPT_BOOL(struct write_opts, sign, "sign", NULL),
	AC_OPT_END,
};
static const struct ac_opt cat_options[] = {
	AC_OPT_BOOL(struct cat_opts, pretty, "pretty-print",
		    "indent it for reading"),
	AC_OPT_STRING(struct cat_opts, file, "file", "WHICH",
		      "\"manifest\", the only one"),
	AC_OPT_END,
};
static const struct ac_opt mount_options[] = {
	AC_OPT_BOOL(struct mount_opts, read_only, "read-only",
		    "the app must not write there"),
	AC_OPT_END,
};
static const struct ac_opt port_options[] = {
	AC_OPT_STRING(struct port_opts, count, "count", "N",
		      "a range of N ports (default 1)"),
	AC_OPT_BOOL(struct port_opts, socket_activated, "socket-activated",
		    "the app gets the listening socket when it starts"),
	AC_OPT_END,
};
static const struct ac_opt dependency_options[] = {
	AC_OPT_STRING(struct dependency_opts, image_id, "image-id", "ID",
		      "the dependency must have this id"),
	AC_OPT_LIST(struct dependency_opts, labels, "label", "NAME=VALUE",
		    "and this label (repeat)"),
	AC_OPT_SIZE(struct dependency_opts, size, "size", "BYTES",
		    "and this size"),
	AC_OPT_END,
};

/* clang-format off */
/* One row: name, operands, their number, what it does. */
#define EDIT(n, a, lo, hi, h) \
	{.name = (n), .args = (a), .min = (lo), .max = (hi), .help = (h), \
	 .run = run_edit}
#define EDIT_OPT(n, a, lo, hi, h, table, type) \
	{.name = (n), .args = (a), .min = (lo), .max = (hi), .help = (h), \
	 .run = run_edit, .opts = (table), .opt_size = sizeof(struct type)}
#define COMMAND(n, h) \
	{.name = (n), .args = "-- COMMAND [ARG...]", .min = 1, .max = -1, \
	 .help = (h), .run = run_edit, .flags = AC_CMD_STOP}
#define REMOVE(a, h) \
	{.name = "remove", .alias = "rm", .args = (a), .min = 1, .max = 1, \
	 .help = (h), .run = run_edit}
#define GROUP(n, a, table, h) \
	{.name = (n), .alias = (a), .sub = (table), .help = (h)}

static const struct ac_cmd label[] = {
	EDIT("add", "NAME VALUE", 2, 2, "add a label, or replace it"),
	REMOVE("NAME", "remove a label"),
	AC_CMD_END,
};
static const struct ac_cmd annotation[] = {
	EDIT("add", "NAME VALUE", 2, 2, "add an annotation, or replace it"),
	REMOVE("NAME", "remove an annotation"),
	AC_CMD_END,
};
static const struct ac_cmd environment[] = {
	EDIT("add", "NAME VALUE", 2, 2, "set a variable for the app"),
	REMOVE("NAME", "remove a variable"),
	AC_CMD_END,
};
static const struct ac_cmd mount[] = {
	EDIT_OPT("add", "NAME PATH", 2, 2, "add a mount point, or replace it",
		 mount_options, mount_opts),
	REMOVE("NAME|PATH", "remove a mount point"),
	AC_CMD_END,
};
static const struct ac_cmd port[] = {
	EDIT_OPT("add", "NAME PROTOCOL PORT", 3, 3,
		 "add a port, or replace it", port_options, port_opts),
	REMOVE("NAME|PORT", "remove a port"),
	AC_CMD_END,
};
static const struct ac_cmd dependency[] = {
	EDIT_OPT("add", "NAME[:VERSION][,LABEL=VALUE...]", 1, 1,
		 "add an image below this one, or replace it",
		 dependency_options, dependency_opts),
	REMOVE("NAME", "remove a dependency"),
	AC_CMD_END,
};
static const struct ac_cmd isolator[] = {
	EDIT("add", "NAME FILE|-", 2, 2,
	     "add an isolator, its value read as JSON, or replace it"),
	REMOVE("NAME", "remove an isolator"),
	AC_CMD_END,
};
static const struct ac_cmd handler[] = {
	COMMAND("pre-start", "set what runs before the app"),
	COMMAND("post-stop", "set what runs after it"),
	AC_CMD_END,
};

static const struct ac_cmd cmds[] = {
	{.name = "begin", .args = "[./DIR|./ARCHIVE]", .max = 1,
	 .help = "start a build: empty, or from a directory, tar, ACI",
	 .run = run_begin, .opts = begin_options,
	 .opt_size = sizeof(struct begin_opts)},
	{.name = "write", .args = "FILE", .min = 1, .max = 1,
	 .help = "write the image and print its id", .run = run_write,
	 .opts = write_options, .opt_size = sizeof(struct write_opts)},
	{.name = "end", .help = "end the build and remove .acbuild",
	 .run = run_end},
	EDIT("set-name", "NAME", 1, 1, "set the name of the image"),
	COMMAND("set-exec", "set the command of the app"),
	EDIT("set-user", "USER", 1, 1, "set the user the app runs as"),
	EDIT("set-group", "GROUP", 1, 1, "set its group"),
	EDIT("set-supp-groups", "GID...", 1, -1,
	     "set its supplementary groups"),
	{.name = "set-working-directory", .alias = "set-wd", .args = "DIR",
	 .min = 1, .max = 1, .help = "set where the app starts",
	 .run = run_edit},
	GROUP("set-event-handler", "set-eh", handler, "manage event handlers"),
	EDIT("set-tag", "TAG", 1, 1, "set the label version"),
	GROUP("label", NULL, label, "manage labels"),
	GROUP("annotation", NULL, annotation, "manage annotations"),
	GROUP("environment", NULL, environment, "manage the environment"),
	GROUP("mount", "volume", mount, "manage mount points"),
	GROUP("port", NULL, port, "manage ports"),
	GROUP("dependency", NULL, dependency, "manage dependencies"),
	GROUP("isolator", NULL, isolator, "manage isolators"),
	EDIT("replace-manifest", "FILE", 1, 1,
	     "take the manifest in FILE instead"),
	{.name = "copy", .args = "SOURCE TARGET", .min = 2, .max = 2,
	 .help = "copy a file or directory to TARGET in the image",
	 .run = run_copy},
	{.name = "copy-to-dir", .args = "SOURCE... DIR", .min = 2, .max = -1,
	 .help = "copy files or directories into DIR in the image",
	 .run = run_copy},
	{.name = "cat-manifest", .help = "print the manifest",
	 .run = run_cat, .opts = cat_options,
	 .opt_size = sizeof(struct cat_opts)},
	AC_CMD_END,
};
/* clang-format on */

/* An element that was to be removed and is not there has a code of its own. */
static int code(const struct ac_err *err)
{
	return err->code == AC_E_NOT_FOUND ? 2 : -1;
}

int main(int argc, char **argv)
{
	static const struct ac_prog prog = {
		.name = "acbuild",
		.about = "Build App Container images, step by step.",
		.cmds = cmds,
		.globals = global_opts,
		.global_size = sizeof(struct globals),
		.debug_offset = offsetof(struct globals, debug),
		.usage_code = 3,
		.operands_code = 1,
		.bare_help = true,
		.name_command = true,
		.code = code,
		.version = "appc version 0.8.11",
	};

	return ac_prog_main(&prog, argc, argv);
}
