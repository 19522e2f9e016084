/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_OCI_H
#define ACBUILD_OCI_H

/*
 * Build mode oci.  In .acbuild there are then:
 *
 *	currentaci/		an OCI layout (image-spec 1.0): oci-layout,
 *				index.json, blobs/sha256/
 *	ociblobs/top/rootfs/	the top layer under construction, as an overlay
 *				has its upper directory: a character device 0:0
 *				for each file removed from the layers below,
 *				trusted.overlay.opaque (user.overlay.opaque for
 *				who is not root) on directories that hide all
 *				below
 *	ociblobs/sha256/<hex>/rootfs/
 *				the layers below, each unpacked for an overlay
 *				when first needed; <hex> is its chain id
 *	oci.json		the build's state, replaced whole
 *
 * w->doc is the state, from which oci_save makes configuration, manifest and
 * index anew.  Its members:
 *
 *	config		the image's configuration without rootfs, history
 *	annotations	of the manifest
 *	layers		descriptors, bottom first; diffID in each
 *	base		how many of them are START's
 *	history		as in the configuration; an entry that is not marked
 *			empty_layer is a layer's
 *	top		"none"; "open": files changed that are in no blob yet;
 *			"sealed": the last of layers is what top/rootfs holds
 *	newest		the latest time of a file that was packed, seconds
 *	tags		names that the image was given here
 *	start		the name of START's image in its layout, or null
 *	others		START's index entries
 *	blobs		the digits of START's blobs, which stay
 *	made		those of blobs that oci_save made, and may go
 *
 * The layout holds all but the top layer while that is open.  cat-manifest,
 * layer, squash and write seal it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acbuild/change.h"
#include "common/base/attr.h"

struct ac_aci_build;
struct ac_call;
struct ac_digest;
struct ac_err;
struct ac_image;
struct ac_json;
struct ac_strv;
struct globals;
struct work;
struct write_opts;

/* Load the state, and open w->rootfs (the top layer) if there is one: the part
 * of work_open. */
AC_MUSTUSE int oci_load(struct work *w, struct ac_err *err);
/* Write the state, and the layout anew: the part of work_save. */
AC_MUSTUSE int oci_save(struct work *w, struct ac_err *err);
/* Remember the command C (NULL: only that a layer was begun). */
void oci_history(struct work *w, const struct ac_call *c);
/* The documents of the image as they would be written now.  Owned by the
 * caller. */
AC_MUSTUSE struct ac_json *oci_config(const struct work *w);
AC_MUSTUSE struct ac_json *oci_manifest(const struct work *w,
					struct ac_err *err);
/* The digest of the manifest as oci_save wrote it. */
AC_MUSTUSE int oci_id(const struct work *w, struct ac_digest *id,
		      struct ac_err *err);

/* Is the directory DIRFD a layout of before OCI 1.0, with refs/ and no
 * index.json, as the original acbuild wrote it? */
bool oci_is_old(int dirfd);
/* Fill W (created, empty) with an image: of SOURCE (a layout, old or new, or an
 * archive of one or of `docker save`; "store:ID" of the store at STORE).  IMAGE
 * (may be NULL): which of several. */
AC_MUSTUSE int oci_begin_image(struct work *w, const char *source,
			       const char *image, const char *store,
			       struct ac_err *err);
/* Has W a state already? */
bool oci_begun(const struct work *w);
/* The top layer's tree is complete, and w->doc is an appc manifest: make the
 * state of it.  FILES: they are START's. */
AC_MUSTUSE int oci_adopt(struct work *w, bool files, struct ac_err *err);

/* Change the configuration, the annotations or the tags as the command C
 * says. */
AC_MUSTUSE int oci_edit(struct work *w, const struct ac_call *c,
			struct ac_err *err);

/* Layers below the top one, unpacked, for an overlay. */
struct oci_lower {
	int *fds; /* of each tree, bottom first; owned */
	size_t n;
};

/* Before files are changed: w->rootfs becomes the tree of the top layer, which
 * is made, or opened again, when it must be; w->lower what is below it. */
AC_MUSTUSE int oci_open_top(struct work *w, struct ac_err *err);
/* Only w->lower, and that of all layers when the top one is not to be
 * changed. */
AC_MUSTUSE int oci_open_lower(struct work *w, struct ac_err *err);
void oci_lower_free(struct oci_lower *l);
/* Their absolute paths, bottom first; DIR is that of .acbuild. */
AC_MUSTUSE int oci_lower_paths(struct work *w, const char *dir,
			       struct ac_strv *out, struct ac_err *err);

/* The image as appc sees it: the environment and so on. */
AC_MUSTUSE int oci_image(const struct work *w, struct ac_image *m,
			 struct ac_err *err);

/* Open the directory PATH (clean) of the image in the top layer, where it is
 * made, with its parents, as it is in the layers below, or new.  Links are
 * followed as a process in the image would.  *real gets its path without links
 * (caller frees).  Call oci_open_top before. */
AC_MUSTUSE int oci_open_dir(struct work *w, const char *path, char **real,
			    struct ac_err *err);
/* What PATH is in the image: 1 and *mode, 0 when nothing is there, -1. */
AC_MUSTUSE int oci_look(struct work *w, const char *path, unsigned int *mode,
			struct ac_err *err);
/* Move NAME in FROM to NEW in the directory TO of the top layer, where it hides
 * what was there. */
AC_MUSTUSE int oci_place(int from, const char *name, int to, const char *new,
			 struct ac_err *err);
/* Is there in the tree NAME in DIRFD what a layer cannot hold: names that begin
 * with ".wh.", and character devices 0:0? */
AC_MUSTUSE int oci_check_tree(int dirfd, const char *name, struct ac_err *err);

/* Pack the top layer if it is open: into a blob.  An empty one is passed over,
 * unless there is no other. */
AC_MUSTUSE int oci_seal(struct work *w, struct ac_err *err);
/* End the top layer: what changes from now on goes into a new one. */
AC_MUSTUSE int oci_new_layer(struct work *w, struct ac_err *err);
/* All layers become one. */
AC_MUSTUSE int oci_squash(struct work *w, struct ac_err *err);
/* Compress the layers that were made here anew. */
AC_MUSTUSE int oci_recompress(struct work *w, const struct ac_aci_build *how,
			      struct ac_err *err);

/* Write the image, and what else is in the layout, to PATH: a layout when it
 * ends in "/" or is a directory, else an archive of one. */
AC_MUSTUSE int oci_write(struct work *w, const char *path, bool overwrite,
			 bool gzip, struct ac_err *err);

/* The same over PATH, a layout or an archive that is there; an archive stays
 * compressed or not. */
AC_MUSTUSE int oci_put_back(struct work *w, const char *path,
			    struct ac_err *err);
/* `write` in OCI mode: seal, write to PATH, print the digest of the manifest.
 */
AC_MUSTUSE int oci_run_write(struct work *w, const char *path,
			     const struct write_opts *o, struct ac_err *err);

/* Is FILE, with ":TAG" at its end or without, an OCI layout or an archive of
 * one? */
bool oci_is_layout(const char *file);
/* The file that --modify-oci names, or --modify when it is one; else NULL. */
const char *oci_modify_file(const struct globals *g);
/* Apply FN to the image FILE[:TAG], and with KEEP put the result in its
 * place. */
AC_MUSTUSE int oci_modify(const struct ac_call *c, const char *file,
			  change_fn fn, bool keep, struct ac_err *err);

/* `layer`. */
int run_layer(struct ac_call *c, struct ac_err *err);

#endif
