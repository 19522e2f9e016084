/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_WORK_H
#define ACBUILD_WORK_H

/*
 * The build under way, in the working directory:
 *
 *	.acbuild/lock			held while a command runs
 *	.acbuild/currentaci/manifest	replaced whole by each command
 *	.acbuild/currentaci/rootfs/
 *	.acbuild/staging/		copies under way; nothing of worth
 *	.acbuild/buildMode		"appc" or "oci"; written last by begin
 *
 * What else there is in OCI mode, and what currentaci is then: oci.h.
 *
 * and what `run` keeps there: running (settle.h), removed and whitelist
 * (removed.h), depstore-expanded (deps.h), work, and target (target.h).
 *
 * There is a build when buildMode exists.  A begin or end that was killed
 * leaves a .acbuild without it, which the next begin takes over.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct ac_buf;
struct ac_config;
struct ac_err;
struct ac_json;
struct globals;
struct oci_lower;

struct work {
	int base;                /* the directory that holds .acbuild */
	int dir;                 /* .acbuild */
	int lock;                /* of .acbuild/lock, locked */
	int aci;                 /* currentaci */
	int rootfs;              /* currentaci/rootfs; -1 until there is one */
	bool oci;                /* build mode oci */
	bool files;              /* OCI mode: the command changes files */
	struct oci_lower *lower; /* the layers below, once oci_open_top ran */
	struct ac_json *doc;     /* the manifest; in OCI mode see oci.h */
	struct ac_json *old;     /* as it was on disk; NULL: there was none */
	const struct ac_config *config; /* of the command; borrowed */
	struct work *home;    /* a script's: goes back there when released */
	struct ac_strv notes; /* a script's: history that DOC has not yet */
};

#define WORK_INIT       \
	((struct work){ \
		.base = -1, .dir = -1, .lock = -1, .aci = -1, .rootfs = -1})

/* Open the build that G names and lock it.  AC_E_BUSY when another acbuild
 * holds it (for longer than --wait allows), AC_E_INVALID when there is none.
 * What a killed command left aside is removed.  In a script it is the one that
 * the command before had open. */
AC_MUSTUSE int work_open(struct work *w, const struct globals *g,
			 struct ac_err *err);

/* Start one in the directory BASEFD (taken over), locked: .acbuild with an
 * empty currentaci.  After manifest and rootfs were put there, work_begun makes
 * it a build. */
AC_MUSTUSE int work_create(struct work *w, const struct globals *g, int basefd,
			   struct ac_err *err);
AC_MUSTUSE int work_begun(struct work *w, struct ac_err *err);

/* Fail unless the build is of mode appc: for commands that OCI images have
 * nothing for, which are called WHAT ("dependencies"). */
AC_MUSTUSE int work_appc_only(const struct work *w, const char *what,
			      struct ac_err *err);

/* Check the manifest and replace the one on disk, but not between the commands
 * of a script, which nobody sees.  Findings that it did not have before become
 * warnings. */
AC_MUSTUSE int work_save(struct work *w, struct ac_err *err);

/* The same when there is anything to save. */
AC_MUSTUSE int work_save_changed(struct work *w, struct ac_err *err);

/* The absolute path of .acbuild, for other programs.  Caller frees. */
AC_MUSTUSE char *work_path(const struct work *w, struct ac_err *err);

/* Remove .acbuild. */
AC_MUSTUSE int work_destroy(struct work *w, struct ac_err *err);

/* `end`: remove the build that G names, or what a killed begin or end left of
 * one. */
AC_MUSTUSE int work_end(const struct globals *g, struct ac_err *err);

/* An empty directory .acbuild/staging; returns its descriptor. */
AC_MUSTUSE int work_staging(struct work *w, struct ac_err *err);

/* Unlock and close all, but keep a script's for its next command; on INIT
 * nothing. */
void work_release(struct work *w);

/* Replace the file NAME in DIRFD by LEN bytes of TEXT, whole or not at all. */
AC_MUSTUSE int work_put(int dirfd, const char *name, const char *text,
			size_t len, struct ac_err *err);

/* Open the directory PATH. */
AC_MUSTUSE int open_dir(int dirfd, const char *path, struct ac_err *err);

/* Append the file NAME to OUT; "-": standard input.  Missing: AC_E_INVALID,
 * because AC_E_NOT_FOUND is about the manifest (exit code 2). */
AC_MUSTUSE int read_file(int dirfd, const char *name, struct ac_buf *out,
			 struct ac_err *err);

/* Read and parse a manifest file, as such: not checked. */
AC_MUSTUSE struct ac_json *read_manifest(int dirfd, const char *name,
					 struct ac_err *err);

#endif
