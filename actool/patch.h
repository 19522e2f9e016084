/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_PATCH_H
#define ACTOOL_PATCH_H

/* patch-manifest: another manifest for an image. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/cli/opt.h"

struct ac_call;
struct ac_err;
struct ac_json;

/* What the options say of the manifest.  Each is a list, also those of which
 * only the last counts: one loop goes through them all (patch_edit.c). */
struct patch_edits {
	struct ac_strv name, exec, exec_arg, user, group, groups, directory;
	struct ac_strv labels, annotations, dependencies, whitelist;
	struct ac_strv environment, handlers, mounts, ports, isolators;
	struct ac_strv capability, revoke, seccomp_mode, seccomp_set;
	struct ac_strv user_annotations, user_labels;
	struct ac_strv no_labels, no_annotations, no_dependencies;
	struct ac_strv no_whitelist, no_environment, no_handlers, no_mounts;
	struct ac_strv no_ports, no_isolators, no_user_annotations;
	struct ac_strv no_user_labels;
};

struct patch_opts {
	const char *manifest;
	struct patch_edits edits;
	bool replace;
	bool overwrite;
	bool no_compression;
	bool verify;
	bool print_id;
	const char *compression;
	uint64_t level;
};
extern const struct ac_opt patch_options[];
extern const char patch_about[];

int run_patch(struct ac_call *c, struct ac_err *err);

/* Are there any? */
bool patch_edits_any(const struct patch_edits *o);
/* Make them on the manifest DOC.  Errors name the option. */
AC_MUSTUSE int patch_edit(struct ac_json *doc, const struct patch_edits *o,
			  struct ac_err *err);

/* What the options of the original say in one string, as JSON; NULL on
 * failure, else owned by the caller (patch_parse.c).  TEXT is one element. */
AC_MUSTUSE struct ac_json *patch_mount(struct ac_str text, struct ac_err *err);
AC_MUSTUSE struct ac_json *patch_port(struct ac_str text, struct ac_err *err);
/* The words of a command, as the original had them: each space ends one. */
AC_MUSTUSE struct ac_json *patch_words(const char *command);
/* "GID,GID" */
AC_MUSTUSE struct ac_json *patch_groups(const char *text, struct ac_err *err);
/* "NAME=COMMAND" or "NAME=[JSON]" */
AC_MUSTUSE struct ac_json *patch_handler(const char *text, struct ac_err *err);
/* "NAME[:VERSION][,LABEL=VALUE][,imageID=ID][,size=N]" */
AC_MUSTUSE struct ac_json *patch_dependency(const char *text,
					    struct ac_err *err);
/* "NAME=VALUE": the value, and the name without it.  NULL on failure; the
 * caller frees *name. */
AC_MUSTUSE const char *patch_split(const char *text, char **name,
				   struct ac_err *err);
/* patch_isolator.c: the next of "NAME,KEY=VALUE:NAME=JSON"; takes it off *text.
 */
AC_MUSTUSE struct ac_json *patch_isolator(struct ac_str *text,
					  struct ac_err *err);
/* "remove|retain[,errno=E]" and "call,call". */
AC_MUSTUSE struct ac_json *patch_seccomp(const char *mode, const char *set,
					 struct ac_err *err);
/* A set of words between commas, as the isolator NAME. */
AC_MUSTUSE struct ac_json *patch_set(const char *name, const char *words,
				     struct ac_err *err);

#endif
