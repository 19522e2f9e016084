/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_OCI_H
#define AC_IMAGE_OCI_H

/*
 * OCI image specification 1.0/1.1 and Docker schema 2: descriptors, indexes
 * (manifest lists), manifests, configurations, chain ids, and the mapping to
 * and from appc manifests.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/codec/digest.h"

struct ac_buf;
struct ac_err;
struct ac_json;

#define AC_OCI_MANIFEST  "application/vnd.oci.image.manifest.v1+json"
#define AC_OCI_INDEX     "application/vnd.oci.image.index.v1+json"
#define AC_OCI_CONFIG    "application/vnd.oci.image.config.v1+json"
#define AC_OCI_LAYER     "application/vnd.oci.image.layer.v1.tar"
#define AC_OCI_LAYER_GZ  AC_OCI_LAYER "+gzip"
#define AC_OCI_LAYER_ZST AC_OCI_LAYER "+zstd"

/* The annotation by which an index names an image. */
#define AC_OCI_REF_NAME "org.opencontainers.image.ref.name"
#define AC_DOCKER_MANIFEST \
	"application/vnd.docker.distribution.manifest.v2+json"
#define AC_DOCKER_LIST \
	"application/vnd.docker.distribution.manifest.list.v2+json"

struct ac_oci_desc {
	const char *media_type; /* borrowed from the document; "" if absent */
	struct ac_digest digest;
	uint64_t size;
	const char *os, *arch, *variant; /* platform; NULL when absent */
	const char *ref_name; /* annotation org.opencontainers.image.ref.name */
	const struct ac_json *doc; /* itself, borrowed */
};

struct ac_oci_index {
	struct ac_json *doc; /* owned */
	struct ac_oci_desc *v;
	size_t n;
};
struct ac_oci_manifest {
	struct ac_json *doc; /* owned */
	struct ac_oci_desc config;
	struct ac_oci_desc *layers; /* bottom first */
	size_t n_layers;
};
struct ac_oci_config {
	struct ac_json *doc; /* owned */
	const char *os, *arch, *variant, *created, *author;
	struct ac_digest *diff_ids;
	size_t n_diff_ids;
};

/* Is this text an index, or a manifest?  By its mediaType and members; both
 * `manifests` and `layers` in one document is refused (CVE-2021-41190), schema
 * 1 is AC_E_UNSUPPORTED.  Returns 1 for an index, 0 for a manifest, -1. */
AC_MUSTUSE int ac_oci_is_index(const struct ac_json *doc, struct ac_err *err);

AC_MUSTUSE int ac_oci_index_parse(struct ac_oci_index *x, const char *text,
				  size_t len, struct ac_err *err);
void ac_oci_index_release(struct ac_oci_index *x);
AC_MUSTUSE int ac_oci_manifest_parse(struct ac_oci_manifest *m,
				     const char *text, size_t len,
				     struct ac_err *err);
void ac_oci_manifest_release(struct ac_oci_manifest *m);
/* The number of diff ids must be N_LAYERS. */
AC_MUSTUSE int ac_oci_config_parse(struct ac_oci_config *c, const char *text,
				   size_t len, size_t n_layers,
				   struct ac_err *err);
void ac_oci_config_release(struct ac_oci_config *c);

/* The content that a descriptor itself has (its `data`), appended to OUT: 1, 0
 * when it has none, -1; of another size or digest than it says it is
 * AC_E_VERIFY. */
AC_MUSTUSE int ac_oci_desc_data(const struct ac_oci_desc *d, struct ac_buf *out,
				struct ac_err *err);
/* The places where it may be besides (its `urls`), behind what OUT has. */
AC_MUSTUSE int ac_oci_desc_urls(const struct ac_oci_desc *d,
				struct ac_strv *out, struct ac_err *err);
/* Is it a layer that registries often do not have (foreign, nondistributable)?
 */
bool ac_oci_is_foreign(const struct ac_oci_desc *d);

/* The entry for OS/ARCH/VARIANT (Go spellings; VARIANT may be NULL):
 * AC_E_NOT_FOUND lists what there is.  Attestations ("unknown/unknown") are
 * never it. */
AC_MUSTUSE const struct ac_oci_desc *ac_oci_pick(const struct ac_oci_index *x,
						 const char *os,
						 const char *arch,
						 const char *variant,
						 struct ac_err *err);

/* Chain ids (image-spec config.md, "Layer ChainID"): OUT[i] covers layers
 * 0..i. */
void ac_oci_chain_ids(const struct ac_digest *diff_ids, size_t n,
		      struct ac_digest *out);

/* Where a converted image came from, for its name and annotations. */
struct ac_oci_source {
	const char *name;     /* identifier, sanitised: "host/lib/busybox" */
	const char *tag;      /* NULL: none; becomes label version */
	const char *original; /* reference as given, or NULL */
	const char *registry, *repository;      /* or NULL */
	const char *manifest_digest, *image_id; /* "sha256:...", or NULL */
};
/* The appc image manifest for an OCI configuration (appc.md 4.3 with its bugs
 * mended).  Owned by the caller.  What has no place in appc is left out;
 * environment names appc cannot hold are dropped with a warning. */
AC_MUSTUSE struct ac_json *ac_oci_to_appc(const struct ac_oci_config *c,
					  const struct ac_oci_source *src,
					  struct ac_err *err);
/* The OCI configuration for an appc manifest and its layers.  Owned by the
 * caller. */
AC_MUSTUSE struct ac_json *ac_oci_from_appc(const struct ac_json *manifest,
					    const struct ac_digest *diff_ids,
					    size_t n, struct ac_err *err);

#endif
