/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the commands that change the manifest. */
#include "acbuild/edit.h"

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

/* clang-format off */
const struct ac_cmd label_cmds[] = {
	EDIT("add", "NAME VALUE", 2, 2, "add a label, or replace it"),
	EDIT_REMOVE("NAME", "remove a label"),
	AC_CMD_END,
};

const struct ac_cmd annotation_cmds[] = {
	EDIT("add", "NAME VALUE", 2, 2, "add an annotation, or replace it"),
	EDIT_REMOVE("NAME", "remove an annotation"),
	AC_CMD_END,
};

const struct ac_cmd environment_cmds[] = {
	EDIT("add", "NAME VALUE", 2, 2, "set a variable for the app"),
	EDIT_REMOVE("NAME", "remove a variable"),
	AC_CMD_END,
};

const struct ac_cmd mount_cmds[] = {
	EDIT_OPT("add", "NAME PATH", 2, 2, "add a mount point, or replace it",
		 mount_options, mount_opts),
	EDIT_REMOVE("NAME|PATH", "remove a mount point"),
	AC_CMD_END,
};

const struct ac_cmd port_cmds[] = {
	EDIT_OPT("add", "NAME PROTOCOL PORT", 3, 3,
		 "add a port, or replace it", port_options, port_opts),
	EDIT_REMOVE("NAME|PORT", "remove a port"),
	AC_CMD_END,
};

const struct ac_cmd handler_cmds[] = {
	EDIT_COMMAND("pre-start", "set what runs before the app"),
	EDIT_COMMAND("post-stop", "set what runs after it"),
	AC_CMD_END,
};
/* clang-format on */
