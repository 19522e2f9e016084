/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_CMD_H
#define RUN_CMD_H

/* acrun's command line: what its commands share. */

#include <stdbool.h>
#include <stddef.h>

#include "common/cli/opt.h"
#include "common/cli/prog.h"
#include "common/store/config.h"

struct ac_buf;
struct ac_err;
struct pod_dir;

/* What stands before or after any command. */
struct globals {
	bool debug;
	const char *dir;
	struct ac_strv store_read;
	const char *insecure;
	struct ac_config config; /* --system-config and the like; its user is
				  * the default one's without the option */
};
extern const struct ac_opt global_opts[];

/* The store's pods: a descriptor of <store>/pods, or -1. */
AC_MUSTUSE int cmd_pods(const struct globals *g, struct ac_err *err);

/* The uuid that a command is about: its operand, or what --uuid-file holds.
 * Caller frees. */
AC_MUSTUSE char *cmd_uuid(const struct ac_call *c, const char *uuid_file,
			  struct ac_err *err);

/* The options of the commands; those of `run` are in args.h. */
struct list_flags {
	bool full, no_legend, json;
	const char *format;
};
struct status_flags {
	const char *wait, *format, *uuid_file;
	bool json;
};
struct cat_flags {
	const char *uuid_file;
	const char *pretty;
};
struct stop_flags {
	bool force;
	const char *grace, *uuid_file;
};
struct rm_flags {
	const char *uuid_file;
};
struct root_flags {
	const char *work, *net, *working_dir, *user, *group, *isolation;
	struct ac_strv lower, set_env;
	bool in_place, probe, inherit_env, interactive, die_with_parent;
};
struct gc_flags {
	const char *grace;
	bool mark_only;
};

/* The tables that fill them. */
extern const struct ac_opt run_opts[];
extern const struct ac_opt list_opts[];
extern const struct ac_opt status_opts[];
extern const struct ac_opt cat_manifest_opts[];
extern const struct ac_opt stop_opts[];
extern const struct ac_opt rm_opts[];
extern const struct ac_opt gc_opts[];
extern const struct ac_opt root_opts[];

/* The commands. */
int cmd_run(struct ac_call *c, struct ac_err *err);
int cmd_list(struct ac_call *c, struct ac_err *err);
int cmd_status(struct ac_call *c, struct ac_err *err);
int cmd_cat_manifest(struct ac_call *c, struct ac_err *err);
int cmd_stop(struct ac_call *c, struct ac_err *err);
int cmd_rm(struct ac_call *c, struct ac_err *err);
int cmd_gc(struct ac_call *c, struct ac_err *err);
int cmd_root(struct ac_call *c, struct ac_err *err);

#endif
