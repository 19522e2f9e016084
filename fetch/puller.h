/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PULLER_H
#define AC_FETCH_PULLER_H

/*
 * Between the parts of `acfetch pull`: pull.c (the command), pull_ref.c (from a
 * reference and a policy to a source), pull_aci.c (an App Container Image from
 * a file or a URL), pull_docker.c and pull_layers.c (an image of a registry).
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/codec/digest.h"
#include "common/image/ref.h"
#include "common/net/http.h"
#include "common/store/ingest.h"
#include "common/store/store.h"
#include "common/sys/secret.h"
#include "fetch/cmd.h"
#include "fetch/credentials.h"
#include "fetch/pull.h"

struct ac_err;
struct ac_oci_config;
struct ac_oci_manifest;
struct ac_registry;

enum pull_policy {
	PULL_NEVER,  /* what is in the store, or nothing */
	PULL_NEW,    /* what is in the store, else fetch */
	PULL_UPDATE, /* ask again */
};

/* One run of the command. */
struct puller {
	const struct globals *g;
	const struct pull_opts *o;
	unsigned int insecure; /* enum ac_insecure */
	enum pull_policy policy;
	char *os, *arch, *variant; /* --platform in Go's spelling; NULL: this
				    * machine's */
	struct ac_store store;
	struct ac_http *http;
	struct credentials credentials;
	struct ac_secret secret; /* --passphrase-fd */
	struct ac_strv seen;     /* dependencies that were looked after */
};

/* What became of one image. */
struct pulled {
	char id[AC_DIGEST_TEXT];
	bool fetched; /* false: it was in the store */
};

/* Get the image that REF means by the policy, from wherever. */
AC_MUSTUSE int pull_ref(struct puller *p, const struct ac_ref *ref,
			struct pulled *out, struct ac_err *err);

/* What a source must turn out to be. */
struct pull_want {
	const char *name;              /* of the manifest; NULL: any */
	const struct ac_pairs *labels; /* NULL: any */
	bool any_platform;  /* os and arch in LABELS are defaults: an image
			     * without these labels will do */
	const char *record; /* the name to keep it by; NULL: none */
};

/* True when the image M is what is wanted, else *err says how it differs. */
AC_MUSTUSE int pull_check(const struct ac_image *m,
			  const struct pull_want *want, struct ac_err *err);

/* Where an App Container Image is: a file or a URL, and its signature beside
 * it. */
struct aci_source {
	const char *path, *path_asc; /* or NULL */
	const char *url, *url_asc;   /* or NULL */
};
AC_MUSTUSE int pull_aci(struct puller *p, const struct aci_source *src,
			const struct pull_want *want, struct pulled *out,
			struct ac_err *err);

AC_MUSTUSE int pull_docker(struct puller *p, const struct ac_ref *ref,
			   struct pulled *out, struct ac_err *err);

/* Fetch and unpack the layers of a manifest that the store does not have, three
 * at a time, the largest first.  OUT has n_layers places and gets an ingest
 * for each that was fetched; the caller frees them, also on failure. */
AC_MUSTUSE int pull_layers(struct puller *p, struct ac_registry *reg,
			   const char *what, const struct ac_oci_manifest *m,
			   const struct ac_oci_config *c,
			   struct ac_ingest **out, struct ac_err *err);

#endif
