/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_STORE_H
#define AC_STORE_STORE_H

/*
 * The store of images (spec/store.md).
 *
 *	blobs/<alg>/<hex>     bytes as delivered, named by their digest
 *	images/<id>.json      one record an image
 *	layers/<chain>/       rootfs/ (overlay-ready) and files (its list);
 *	                      <chain> is "sha256-<hex>" of an OCI chain id, the
 *	                      image id of an ACI, or a flattened tree's name
 *	ingest/               downloads and unpackings under way
 *	used/<id>             when it was used last (store/used.h)
 *	pods/                 acrun's
 *
 * Everything becomes visible by one rename after all of it reached the disk;
 * the record is last.  Locks: whoever adds holds `lock` shared; removal and
 * collection hold it exclusively; a user of an image (a pod) holds a shared
 * flock on each of its layer directories.
 *
 * This header is enough to use a store; store/ingest.h adds to it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/codec/digest.h"
#include "common/image/manifest.h"

struct ac_config;
struct ac_err;
struct ac_json;
struct ac_ref;

struct ac_store {
	char *path; /* absolute */
	int dirfd;  /* -1: there is none, but others to read */
	int lockfd; /* holds `lock` shared when open to add, else -1 */
	int layout; /* the number in `version`; 0: there is no store */
	struct ac_store *more; /* stores that are only read, owned */
	size_t n_more;
	bool offered; /* a member's additions to root's store (share.h) */
};

#define AC_STORE_INIT ((struct ac_store){.dirfd = -1, .lockfd = -1})

/* Where the store is: DIR, else $ACUTILS_DIR, else what the configuration C
 * (NULL: the default one) says in paths.d, else /var/lib/acutils for root,
 * $XDG_DATA_HOME/acutils or ~/.local/share/acutils for others.  The
 * configuration is looked at only where it counts.  The caller frees *path. */
AC_MUSTUSE int ac_store_path(const char *dir, const struct ac_config *c,
			     char **path, struct ac_err *err);

/* Make the directory PATH (of ac_store_path) if it is missing, give it to the
 * groups (share.h), and have its file system spread layers (spread.h), for who
 * opens it with less privileges than that takes. */
AC_MUSTUSE int ac_store_make(const char *path, struct ac_err *err);

/* Have every store that is opened after this read the stores in DIRS too, in
 * this order, before those of $ACUTILS_STORE_READ (directories separated by
 * colons), which is set to all of them, for the programs that we execute.  What
 * is not in a store itself is found there and used in place; they are never
 * written. */
void ac_store_read_also(const struct ac_strv *dirs);
/* Their directories, as absolute paths. */
void ac_store_more(struct ac_strv *out);

/* Open what ac_store_path(DIR, NULL) names: to read, or to add when CREATE:
 * then it is made (0700) if missing, one of an earlier layout is migrated
 * (S54), what dead processes left in ingest/ is removed, and `lock` is held
 * shared until release, so that nothing is collected that was found here.  Who
 * runs pods opens without CREATE.  Without CREATE a missing store is an empty
 * one: AC_E_NOT_FOUND.  A layout that is not known is AC_E_UNSUPPORTED. */
AC_MUSTUSE int ac_store_open(struct ac_store *s, const char *dir, bool create,
			     struct ac_err *err);
void ac_store_release(struct ac_store *s);

/* Open the file PATH of S for reading, without following a link and without
 * waiting: what is not a regular file is AC_E_INVALID, none AC_E_NOT_FOUND.
 * Returns the descriptor. */
AC_MUSTUSE int ac_store_open_file(const struct ac_store *s, const char *path,
				  struct ac_err *err);
/* All that was written so far reaches the disk: one call for thousands of
 * files, where one for each would wait thousands of times.  Whoever publishes
 * does it with a lock held: it is short then if it was done before. */
AC_MUSTUSE int ac_store_flush(const struct ac_store *s, struct ac_err *err);
/* Hold `lock` shared from now on, as with CREATE: nothing is collected that is
 * looked at. */
AC_MUSTUSE int ac_store_hold(struct ac_store *s, struct ac_err *err);
/* The same to write layers: one of an earlier layout is migrated. */
AC_MUSTUSE int ac_store_hold_to_write(struct ac_store *s, struct ac_err *err);

enum ac_image_kind {
	AC_IMAGE_ACI,
	AC_IMAGE_OCI,
};

struct ac_blob {
	struct ac_digest digest;
	uint64_t size;
	char *media_type;
};

/* One image, as its record says.  All owned. */
struct ac_record {
	char *id; /* "sha512-<128 hex>" */
	enum ac_image_kind kind;
	struct ac_image image; /* its appc manifest: an OCI image's converted */
	struct ac_strv names;  /* references it was fetched by, canonical */
	struct ac_strv layers; /* <chain> names, bottom first */
	struct ac_blob
		*blobs; /* ACI: the file; OCI: manifest, config, layers */
	size_t n_blobs;
	bool encrypted;         /* the blob of an ACI is */
	struct ac_strv signers; /* fingerprints of the good signatures */
	char *origin;           /* URL, path or reference; "" unknown */
	int64_t imported;       /* seconds since 1970, and */
	uint32_t imported_ns;   /* nanoseconds, for the order */
	uint64_t size;          /* of the unpacked files */
	char *brief;            /* strings of .image when it has no document */
};

#define AC_RECORD_INIT ((struct ac_record){.id = NULL})
void ac_record_release(struct ac_record *r);

/* Is the record of the full id ID in S itself, not in one read with it? */
bool ac_store_owns(const struct ac_store *s, const char *id);

/* May the layers of the image ID be used where they are?  Not those of a store
 * of root's that one may only read: `acfetch pull` of its id takes the image
 * into S. */
bool ac_store_usable(const struct ac_store *s, const char *id);

/* The record of a full id: 1, 0 when there is none, -1. */
AC_MUSTUSE int ac_store_get(const struct ac_store *s, const char *id,
			    struct ac_record *r, struct ac_err *err);

/* The image that REF means, by what is here alone: an id or unique prefix; a
 * reference it was fetched by; an appc name with labels (without a version the
 * latest one asked for without a version, then the newest).  1, 0, or -1 (an
 * ambiguous prefix is AC_E_INVALID and lists the candidates). */
AC_MUSTUSE int ac_store_find(const struct ac_store *s, const struct ac_ref *ref,
			     struct ac_record *r, struct ac_err *err);

/* Call FN for each record, oldest import first.  A record that cannot be read
 * is told by a warning and passed over. */
typedef int (*ac_store_each_fn)(void *ctx, const struct ac_record *r,
				struct ac_err *err);
AC_MUSTUSE int ac_store_each(const struct ac_store *s, ac_store_each_fn fn,
			     void *ctx, struct ac_err *err);

/* The same with as much of each record as lists of images show: of .image only
 * the name and the labels (no document, nothing else).  Much faster in a large
 * store (spec/store.md S26). */
AC_MUSTUSE int ac_store_each_brief(const struct ac_store *s,
				   ac_store_each_fn fn, void *ctx,
				   struct ac_err *err);
/* Was R fetched by its name without a version? */
bool ac_record_is_latest(const struct ac_record *r);

/* The layers that make the root of image R with its dependencies, bottom
 * first (appc "Filesystem Setup": dependencies in order, each before its
 * dependent; a later layer overrides): names below layers/.  Dependencies are
 * looked for in the store (imageID, name, labels): a missing one is
 * AC_E_NOT_FOUND, a cycle AC_E_INVALID.  Where an overlay cannot say it
 * (spec/store.md S42) the one layer is a flattened tree, made by
 * ac_store_prepare (render.h): AC_E_UNSUPPORTED with what to do when that has
 * not been done. */
AC_MUSTUSE int ac_store_layers(const struct ac_store *s,
			       const struct ac_record *r, struct ac_strv *out,
			       struct ac_err *err);

/* Open layers/<chain>/rootfs and hold the layer: it is not removed while the
 * lock descriptor lives.  *lock may be inherited by other processes. */
AC_MUSTUSE int ac_store_open_layer(const struct ac_store *s, const char *chain,
				   int *rootfs, int *lock, struct ac_err *err);

#endif
