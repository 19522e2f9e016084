/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_STORE_OCIIMG_H
#define AC_STORE_OCIIMG_H

/* The one image of a source that is to be converted. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/image/oci.h"
#include "common/store/ocisrc.h"

struct ac_err;

struct ac_ociimg_layer {
	bool has_digest; /* of the blob; else only the plain bytes have one */
	struct ac_digest digest;
	uint64_t size;
	char *path; /* of a file in a docker-archive, else NULL; owned */
	struct ac_digest diff;
	char *what; /* "layer 2 of 5"; owned */
};

struct ac_ociimg {
	struct ac_oci_config config;
	struct ac_ociimg_layer *layers; /* bottom first */
	size_t n_layers;
	/* All owned; NULL when not known. */
	char *name;     /* appc identifier */
	char *tag;      /* of the reference */
	char *original; /* the reference */
	char *registry, *repository;
	char *manifest_digest, *image_id;
};
#define AC_OCIIMG_INIT ((struct ac_ociimg){.name = NULL})
void ac_ociimg_release(struct ac_ociimg *im);

/* Which one. */
struct ac_ociimg_choice {
	const char *image;    /* --image, or NULL */
	const char *name;     /* --name, or NULL */
	const char *platform; /* --platform, or NULL: this machine's */
};

/* Find it, with all of it but the layers verified. */
AC_MUSTUSE int ac_ociimg_pick(struct ac_ociimg *im, const struct ac_ocisrc *s,
			      const struct ac_ociimg_choice *c,
			      struct ac_err *err);

/* Open layer I for reading. */
AC_MUSTUSE int ac_ociimg_layer(const struct ac_ociimg *im,
			       const struct ac_ocisrc *s, size_t i,
			       struct ac_part *out, struct ac_err *err);

/* Set the names from a reference as Docker writes it ("host/lib/name:tag"): 1,
 * 0 when TEXT is not one. */
int ac_ociimg_set_reference(struct ac_ociimg *im, const char *text);
/* Does the reference HAVE of an image answer to the WANT of a user?  A want
 * without a tag takes any. */
bool ac_ociimg_answers(const char *have, const char *want);

/* The image a docker-archive has; LIST is the text of its manifest.json. */
AC_MUSTUSE int ac_ociimg_pick_docker(struct ac_ociimg *im,
				     const struct ac_ocisrc *s,
				     const struct ac_ociimg_choice *c,
				     const struct ac_part *list,
				     struct ac_err *err);

/* Read the configuration: text, digest known to be right. */
AC_MUSTUSE int ac_ociimg_set_config(struct ac_ociimg *im, const char *text,
				    size_t len, size_t n_layers,
				    struct ac_err *err);
/* Names of candidates as an error: several, or none that was asked for. */
AC_MUSTUSE int ac_ociimg_list(const struct ac_strv *names, const char *want,
			      struct ac_err *err);

#endif
