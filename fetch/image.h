/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_IMAGE_H
#define AC_FETCH_IMAGE_H

/* acfetch image: the images of the store. */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/cli/prog.h"
#include "common/store/store.h"
#include "fetch/cmd.h"

struct ac_err;

/* list, cat-manifest, export, extract, render, rm, gc, verify, tree, du. */
extern const struct ac_cmd image_cmds[];

/* Open the store and find the image that TEXT names in it: an id, the beginning
 * of one, a name with labels, a Docker reference, or the file or URL that it
 * came from.  AC_E_NOT_FOUND says how to get it. */
AC_MUSTUSE int image_find(const struct ac_store *s, const char *text,
			  struct ac_record *r, struct ac_err *err);

/* "NAME:VERSION", or the name alone.  Caller frees. */
AC_MUSTUSE char *image_title(const struct ac_record *r);

/* What the image takes up: its files as delivered, and unpacked. */
uint64_t image_size(const struct ac_record *r);

/* acfetch image list (imagelist.c). */
struct list_opts {
	bool full, no_legend;
	const char *format; /* --format: json, json-pretty */
	const char *fields; /* --fields: "id,name" */
	const char *sort;   /* --sort: "importtime" */
	const char *order;  /* --order: asc, desc */
};
extern const struct ac_opt list_opts[];
int list_run(struct ac_call *c, struct ac_err *err);

/* acfetch image render (imagerender.c). */
struct render_opts {
	bool rootfs_only, overwrite;
};
extern const struct ac_opt render_opts[];
int render_run(struct ac_call *c, struct ac_err *err);
/* The same for one image alone: acfetch image extract. */
int extract_run(struct ac_call *c, struct ac_err *err);

/* acfetch image tree, du (imagetree.c). */
int tree_run(struct ac_call *c, struct ac_err *err);
int du_run(struct ac_call *c, struct ac_err *err);

/* acfetch image verify (imageverify.c). */
struct verify_opts {
	bool no_repair;
	const char *passphrase_fd;
};
extern const struct ac_opt verify_opts[];
int verify_run(struct ac_call *c, struct ac_err *err);

#endif
