/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_CONFIG_H
#define AC_STORE_CONFIG_H

/*
 * The configuration of the programs (acutils-config(5), spec/config.md): files
 *
 *	DIR/auth.d/NAME.json    credentials for servers and registries
 *	DIR/paths.d/NAME.json   where things are
 *	DIR/stage1.d/NAME.json  what isolates pods
 *	DIR/limits.d/NAME.json  how much of an image is taken
 *
 * in each DIR of the configuration: the system's, then the local one, then the
 * user's.  What a later directory says about something replaces what an earlier
 * one says about it.  The formats are rkt's:
 *
 *	{"rktKind": "paths", "rktVersion": "v1", "data": "/srv/acutils"}
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/limit.h"

struct ac_err;
struct ac_json;

/* Where it is.  All borrowed; all zero is what a program without options for
 * it uses, but for the user's directory. */
struct ac_config {
	const char *system; /* NULL: /usr/lib/acutils */
	const char *local;  /* NULL: /etc/acutils */
	const char *user;   /* NULL or "": none */
	bool rkt;           /* before all these, rkt's own two */
};

/* The directory of a user who is not root, where there is one:
 * $XDG_CONFIG_HOME/acutils, or ~/.config/acutils; else NULL.  Caller frees. */
AC_MUSTUSE char *ac_config_user(void);

/* The directories of C, first those that later ones override. */
enum { AC_CONFIG_DIRS = 5 };
struct ac_config_dir {
	const char *path;
	bool rkt; /* one of rkt's */
};
size_t ac_config_dirs(const struct ac_config *c,
		      struct ac_config_dir out[AC_CONFIG_DIRS]);

enum ac_config_kind {
	AC_CONFIG_AUTH,        /* auth.d: servers */
	AC_CONFIG_DOCKER_AUTH, /* auth.d: registries */
	AC_CONFIG_HEADERS,     /* auth.d: headers for servers */
	AC_CONFIG_PATHS,       /* paths.d */
	AC_CONFIG_STAGE1,      /* stage1.d */
	AC_CONFIG_LIMITS,      /* limits.d */
};
/* "dockerAuth" */
const char *ac_config_kind_name(enum ac_config_kind k);

/* One file, parsed.  All borrowed. */
struct ac_config_file {
	const char *path; /* for messages */
	size_t level;     /* of its directory: higher overrides lower */
	bool rkt;
	enum ac_config_kind kind;
	const struct ac_json *doc; /* an object */
	const char *text;          /* of which it was made */
	size_t len;
};

/* Call FN for each file of the sub-directory SUB ("auth.d") of each directory,
 * in order: an error of FN that has a path in the document (ac_err_at) is told
 * with the file, the line and the column.  Files are those whose names end in
 * .json and begin with no dot; what else is called so (a directory, a link that
 * leads out of SUB) is passed over with a warning.  A missing SUB costs one
 * open(2).  A file of a kind or version that SUB does not have is AC_E_INVALID.
 * In auth.d, what we may not read is not for us: it is passed over. */
typedef int (*ac_config_file_fn)(void *ctx, const struct ac_config_file *f,
				 struct ac_err *err);
AC_MUSTUSE int ac_config_each(const struct ac_config *c, const char *sub,
			      ac_config_file_fn fn, void *ctx,
			      struct ac_err *err);

/* The same for one TEXT, called PATH; FN is called before it returns. */
AC_MUSTUSE int ac_config_parse(const char *path, const char *sub, size_t level,
			       const char *text, size_t len,
			       ac_config_file_fn fn, void *ctx,
			       struct ac_err *err);

/* The JSON in TEXT, that of the file PATH: NULL with "PATH:LINE:COLUMN: ..."
 * when it is none.  ac_json_wipe it where it may hold secrets. */
AC_MUSTUSE struct ac_json *ac_config_json(const char *path, const char *text,
					  size_t len, struct ac_err *err);

/* Put "FILE:LINE:COLUMN: " before an error about a path in TEXT; of what is
 * missing, the place of what it is missing in.  Returns -1. */
int ac_config_locate(const char *file, const char *text, size_t len,
		     struct ac_err *err);

/* Warn about members of O, which stands at PATH in F, that are not one of KNOWN
 * ("user password"). */
void ac_config_known(const struct ac_config_file *f, const struct ac_json *o,
		     const char *path, const char *known);

/* A string that must be there and not be empty. */
AC_MUSTUSE int ac_config_want(const struct ac_json *o, const char *path,
			      const char *key, const char **out,
			      struct ac_err *err);

/* The same thing at PATH in F as in the file OTHER of the same directory: an
 * error.  THING is "'data'". */
int ac_config_twice(const char *path, const char *other, const char *thing,
		    struct ac_err *err);

/* A value, and the file that has it; both owned, NULL: none. */
struct ac_config_value {
	char *text, *file;
	size_t level;
};
void ac_config_value_release(struct ac_config_value *v);
/* Let the member KEY of F's document, when it is there, be *v: unless another
 * file of its directory gave it.  1, 0 not there, -1. */
AC_MUSTUSE int ac_config_take(const struct ac_config_file *f, const char *key,
			      struct ac_config_value *v, struct ac_err *err);

/* The same of TEXT, which is what the member says. */
AC_MUSTUSE int ac_config_put(const struct ac_config_file *f, const char *key,
			     const char *text, struct ac_config_value *v,
			     struct ac_err *err);

/* paths.d: what all files say together.  Not rkt's own, whose store is none of
 * ours: told by a warning. */
struct ac_config_paths {
	struct ac_config_value data;          /* the default store */
	struct ac_config_value stage1_images; /* absolute, as the other */
};
#define AC_CONFIG_PATHS_INIT ((struct ac_config_paths){.data = {.text = NULL}})
AC_MUSTUSE int ac_config_paths(const struct ac_config *c,
			       struct ac_config_paths *out, struct ac_err *err);
void ac_config_paths_release(struct ac_config_paths *p);

/* limits.d: values of limits (base/limit.h), those that files give. */
struct ac_config_limits {
	struct ac_config_value v[AC_LIMITS];
};
#define AC_CONFIG_LIMITS_INIT ((struct ac_config_limits){.v = {{.text = NULL}}})
/* Read them (C NULL: the default configuration) and set them. */
AC_MUSTUSE int ac_config_limits_read(const struct ac_config *c,
				     struct ac_config_limits *out,
				     struct ac_err *err);
void ac_config_limits_release(struct ac_config_limits *l);

/* Set the limits of this process: those of the configuration C (NULL: the
 * default one), then those of OPTIONS, the values of --limit (NULL: none).  For
 * every command that reads what is foreign, before it does, and before it gives
 * up what it needs for it. */
AC_MUSTUSE int ac_config_limits(const struct ac_config *c,
				const struct ac_strv *options,
				struct ac_err *err);

#endif
