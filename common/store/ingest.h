/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_INGEST_H
#define AC_STORE_INGEST_H

/*
 * One pass from the network to the disk.  Bytes as delivered are fed in; this
 * thread writes the blob and hashes it; of the ingest's own threads one
 * decrypts and inflates, one hashes the tar, one parses it and writes the
 * files.  Memory is bounded whatever the size.  All happens below ingest/, in a
 * directory that is locked while its process lives; whatever is unlocked there
 * is left over and is removed by the next one who opens the store to add.
 *
 *	in = ac_ingest_new(store, &opts, err);
 *	... ac_ingest_feed(in, p, n, err) ...
 *	ac_ingest_finish(in, err);	(all digests checked)
 *	ac_store_add_aci(store, in, &about, id, err);	(published)
 *	ac_ingest_free(in);		(what was not published is gone)
 *
 * Several ingests may run side by side in threads of one process.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/store/store.h"

struct ac_ingest;
struct ac_partial;
struct ac_secret;

struct ac_ingest_opts {
	enum ac_image_kind kind; /* ACI: an image archive; OCI: one layer */
	const struct ac_digest *blob; /* expected digest, or NULL */
	uint64_t size; /* expected size of the blob; 0: unknown */
	const struct ac_digest *diff; /* expected digest of the tar, or NULL */
	const char *what;             /* for messages: "layer 3 of 'x'" */
	struct ac_secret *secret;     /* opens an encrypted ACI; borrowed; NULL:
					 such a one is refused */
	/* Where the blob grows, so that a later process can go on with it
	 * (partial.h); taken over, also on failure.  It is removed with the
	 * ingest when the image is published or its bytes are bad, and is kept
	 * otherwise.  NULL: the blob is in ingest/ with all else. */
	struct ac_partial *partial;
	/* Limits; 0 means the default (spec/store.md): 64 GiB unpacked, 10
	 * million entries, ratio 1000 above 64 MiB. */
	uint64_t max_bytes, max_entries, max_ratio;
};

AC_MUSTUSE struct ac_ingest *ac_ingest_new(struct ac_store *s,
					   const struct ac_ingest_opts *opts,
					   struct ac_err *err);
/* With a partial, before the first byte: feed what an earlier process left
 * there.  *have gets how much that is, also on failure. */
AC_MUSTUSE int ac_ingest_resume(struct ac_ingest *in, uint64_t *have,
				struct ac_err *err);
/* What is wrong with the bytes may be told by a later call. */
AC_MUSTUSE int ac_ingest_feed(struct ac_ingest *in, const void *p, size_t n,
			      struct ac_err *err);
/* Feed all of FD, from its position. */
AC_MUSTUSE int ac_ingest_feed_fd(struct ac_ingest *in, int fd,
				 struct ac_err *err);
/* Feed all of the blob D of the store S, and finish. */
AC_MUSTUSE int ac_ingest_from_store(struct ac_ingest *in,
				    const struct ac_store *s,
				    const struct ac_digest *d,
				    struct ac_err *err);
/* No more bytes: wait for the other threads, check sizes and digests. */
AC_MUSTUSE int ac_ingest_finish(struct ac_ingest *in, struct ac_err *err);
void ac_ingest_free(struct ac_ingest *in);
/* The same, when the bytes turned out to be bad: nothing of them is kept. */
void ac_ingest_discard(struct ac_ingest *in);
/* Give the partial up, for another ingest from the beginning; NULL when there
 * is none. */
AC_MUSTUSE struct ac_partial *ac_ingest_take_partial(struct ac_ingest *in);
/* The partial, borrowed, or NULL. */
struct ac_partial *ac_ingest_partial(const struct ac_ingest *in);
/* Bytes that were fed. */
uint64_t ac_ingest_size(const struct ac_ingest *in);

/* Bytes that can be read from the file by now, while more are fed; the
 * descriptor is as below. */
uint64_t ac_ingest_stored(const struct ac_ingest *in);

/* After finish: the file as delivered (borrowed, readable, at any position),
 * the digest of the blob (the expected algorithm, SHA-256 without one), and for
 * an ACI its id and manifest. */
int ac_ingest_blob_fd(const struct ac_ingest *in);
const struct ac_digest *ac_ingest_blob(const struct ac_ingest *in);
const struct ac_digest *ac_ingest_diff(const struct ac_ingest *in);
const struct ac_image *ac_ingest_image(const struct ac_ingest *in);

/* What the record says beside the content. */
struct ac_about {
	const char *name;   /* canonical reference to add; NULL: none */
	const char *origin; /* or NULL */
	const struct ac_strv *signers; /* or NULL */
};

/* Publish an ACI.  Present already: its record is updated.  ID gets
 * "sha512-<hex>". */
AC_MUSTUSE int ac_store_add_aci(struct ac_store *s, struct ac_ingest *in,
				const struct ac_about *about,
				char id[AC_DIGEST_TEXT], struct ac_err *err);

/* An OCI image: its manifest and configuration as delivered, and for each
 * layer (bottom first) its ingest, or NULL where ac_store_has_layer said yes.
 * Layers are settled on those below them (missing attributes of implied
 * directories, hard links downwards, parents that are links below). */
struct ac_oci_parts {
	const char *manifest;
	size_t manifest_len;
	const char *config;
	size_t config_len;
	struct ac_ingest **layers;
	size_t n_layers;
	struct ac_json *appc; /* the converted manifest; borrowed */
};
AC_MUSTUSE int ac_store_add_oci(struct ac_store *s,
				const struct ac_oci_parts *parts,
				const struct ac_about *about,
				char id[AC_DIGEST_TEXT], struct ac_err *err);

/* Is the layer with this chain id here, unpacked, together with its blob? */
bool ac_store_has_layer(const struct ac_store *s, const struct ac_digest *chain,
			const struct ac_digest *blob);

/* Open the blob for reading: descriptor, or -1 with AC_E_NOT_FOUND. */
AC_MUSTUSE int ac_store_open_blob(const struct ac_store *s,
				  const struct ac_digest *d,
				  struct ac_err *err);

/* Add NAME to what an image is known by (another image loses it), and SIGNERS
 * (may be NULL) to those whose signatures of it were good. */
AC_MUSTUSE int ac_store_name(struct ac_store *s, const char *id,
			     const char *name, const struct ac_strv *signers,
			     struct ac_err *err);

/* Remove an image: its record, then what no other record needs.  AC_E_BUSY when
 * a pod uses it. */
AC_MUSTUSE int ac_store_remove(struct ac_store *s, const char *id,
			       struct ac_err *err);

/* The same for many, with one reading of the store.  FN is told of each, ERR is
 * NULL where it went. */
typedef void (*ac_store_removed_fn)(void *ctx, const char *id,
				    const struct ac_err *err);
AC_MUSTUSE int ac_store_remove_all(struct ac_store *s,
				   const struct ac_strv *ids,
				   ac_store_removed_fn fn, void *ctx,
				   struct ac_err *err);

/* Remove layers, blobs and ingests that nobody needs or holds.  *bytes (may be
 * NULL) gets what was freed. */
AC_MUSTUSE int ac_store_gc(struct ac_store *s, uint64_t *bytes,
			   struct ac_err *err);

/* The same, and before it images that were not used for long, or that are used
 * least until the store is small enough (store/used.h); never one that a pod
 * holds, and none before those that depend on it. */
enum ac_gone {
	AC_GONE_IMAGE,   /* its id */
	AC_GONE_LAYER,   /* its name */
	AC_GONE_BLOB,    /* "ALG/HEX" */
	AC_GONE_PARTIAL, /* its name: partial.h */
};
struct ac_gc_opts {
	bool by_age;
	int64_t unused_since; /* by_age: nanoseconds since 1970 */
	int64_t grace; /* by_age: seconds that unfinished downloads stay; never
			* more than a week */
	bool has_max;
	uint64_t max_bytes; /* has_max: of layers and blobs together */
	bool dry_run;       /* tell, and remove nothing */
	void (*tell)(void *ctx, enum ac_gone what, const char *name,
		     uint64_t bytes); /* or NULL; 0 bytes of images */
	void *ctx;
};
AC_MUSTUSE int ac_store_gc_with(struct ac_store *s, const struct ac_gc_opts *o,
				uint64_t *bytes, struct ac_err *err);

#endif
