/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PULLER_H
#define AC_FETCH_PULLER_H

/*
 * Between the parts of `acfetch pull`: pull.c (the command), pull_deps.c (an
 * image and what it stands on), pull_ref.c (from a reference and a policy to a
 * source), pull_aci.c (an App Container Image from a file or a URL), pull_web.c
 * (what a URL gives), pull_docker.c and pull_layers.c (an image of a registry).
 */

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/codec/digest.h"
#include "common/image/ref.h"
#include "common/net/http.h"
#include "common/store/ingest.h"
#include "common/store/obtain.h"
#include "common/store/store.h"
#include "common/sys/secret.h"
#include "fetch/cmd.h"
#include "fetch/credentials.h"
#include "fetch/pull.h"

struct ac_err;
struct ac_oci_config;
struct ac_oci_manifest;
struct ac_progress;
struct ac_registry;
struct events;

/* An image that this run got or found, and the edges to what it stands on. */
struct pull_node {
	char *id;
	char *shown;  /* "name:version", for messages */
	size_t from;  /* the image that led to it first; itself: asked for */
	size_t depth; /* dependencies between that and this one */
	size_t *to;
	size_t n_to;
	bool walked; /* its dependencies were looked after */
};
/* Which of them a name, its labels and pins (as one text) turned out to be. */
struct pull_answer {
	char *key;
	size_t node;
};
struct pull_graph {
	struct pull_node *nodes;
	size_t n;
	struct pull_answer *answers;
	size_t n_answers;
};

/* One run of the command. */
struct puller {
	const struct globals *g;
	const struct pull_opts *o;
	unsigned int insecure; /* enum ac_insecure */
	enum ac_obtain_policy policy;
	char *os, *arch, *variant; /* --platform in Go's spelling; NULL: this
				    * machine's */
	struct ac_store store;
	struct ac_http *http;
	struct credentials credentials;
	struct ac_secret secret; /* --passphrase-fd */
	struct pull_graph graph; /* the images of this run */
	struct events *events;   /* --events; NULL: nobody watches */
};

/* How far a transfer is, for people; NULL (which is fine with ac_progress_*)
 * where the events are. */
AC_MUSTUSE struct ac_progress *pull_progress(const struct puller *p,
					     const char *label);

/* An event: the image is in the store. */
void pull_tell_cached(const struct puller *p, const char *id);

/* What became of one image. */
struct pulled {
	char id[AC_DIGEST_TEXT];
	bool fetched; /* false: it was in the store */
};

/* Get the image that REF means by the policy, from wherever, and all that it
 * stands on, breadth first, each once in a run. */
AC_MUSTUSE int pull_image(struct puller *p, const struct ac_ref *ref,
			  struct pulled *out, struct ac_err *err);
void pull_graph_release(struct pull_graph *g);

/* Get the image that REF means, and no other.  PIN (may be NULL) is the
 * dependency that asks for it: its imageID and size are insisted on. */
AC_MUSTUSE int pull_ref(struct puller *p, const struct ac_ref *ref,
			const struct ac_dependency *pin, struct pulled *out,
			struct ac_err *err);

/* Look for REF in the store: 1, 0, -1. */
AC_MUSTUSE int pull_find(struct puller *p, const struct ac_ref *ref,
			 const struct ac_dependency *pin, struct pulled *out,
			 struct ac_err *err);

/* What there is beside the store (spec/store.md S93, S94): an image that
 * another store has and whose layers are not for us, or that a member of the
 * group offers root.  Take ID from the stores that are read with ours: 0, -1.
 */
AC_MUSTUSE int pull_take(struct puller *p, const struct ac_record *r,
			 struct pulled *out, struct ac_err *err);
/* Look for REF among the offers, as pull_ref does elsewhere: 1, 0, -1. */
AC_MUSTUSE int pull_offered(struct puller *p, const struct ac_ref *ref,
			    const struct ac_dependency *pin, struct pulled *out,
			    struct ac_err *err);
/* Where the store is a member's additions to root's: keep the signatures of
 * image ID for root to verify. */
struct verify;
AC_MUSTUSE int pull_keep_signatures(const struct puller *p,
				    const struct verify *v, const char *id,
				    struct ac_err *err);

/* A name and labels, by the spelling that can say every label.  Caller
 * frees. */
AC_MUSTUSE char *pull_spell(const char *name, const struct ac_pairs *labels);

/* The name REF with the labels of --platform, or those of this machine, where
 * it says nothing; *defaulted: the latter. */
AC_MUSTUSE int pull_with_platform(const struct puller *p,
				  const struct ac_ref *ref, struct ac_ref *out,
				  bool *defaulted, struct ac_err *err);

/* What a source must turn out to be. */
struct pull_want {
	const char *name;              /* of the manifest; NULL: any */
	const struct ac_pairs *labels; /* NULL: any */
	bool any_platform;  /* os and arch in LABELS are defaults: an image
			     * without these labels will do */
	const char *record; /* the name to keep it by; NULL: none */
	const struct ac_dependency *pin; /* who asks for it; NULL: no one */
	const struct ac_ref *ref;        /* what was asked for */
};

/* 0 when the image M is what is wanted, else *err says how it differs. */
AC_MUSTUSE int pull_check(const struct ac_image *m,
			  const struct pull_want *want, struct ac_err *err);

/* The same for the imageID and the size that a dependency insists on: of the
 * image with this ID and so many bytes as delivered.  PIN may be NULL. */
AC_MUSTUSE int pull_check_pin(const struct ac_dependency *pin, const char *id,
			      uint64_t size, struct ac_err *err);

/* Where an App Container Image is: a file or a URL, and its OpenPGP signature
 * beside it (others have its place and another suffix). */
struct aci_source {
	const char *path, *path_asc; /* or NULL */
	const char *url, *url_asc;   /* or NULL */
};
/* Where the signature of the image file PATH is.  Caller frees. */
AC_MUSTUSE char *pull_file_asc(const char *path);

AC_MUSTUSE int pull_aci(struct puller *p, const struct aci_source *src,
			const struct pull_want *want, struct pulled *out,
			struct ac_err *err);

/* A server may want to be asked for a signature once more, after the image
 * (status 202). */
struct pull_deferred {
	bool asked;    /* it does */
	int64_t ready; /* and not before (CLOCK_MONOTONIC, ms) */
};
/* Wait until then; more than a minute is an error. */
AC_MUSTUSE int pull_deferred_wait(const struct pull_deferred *d,
				  struct ac_err *err);

/* Get the signatures of the image at SRC, called WHAT in messages, into V
 * (VERIFY_INIT), and fail when they cannot be enough.  1 when a server defers
 * them: to be called again after the image, with the same D and another V; to
 * defer them then is an error. */
struct verify;
AC_MUSTUSE int pull_signatures(struct puller *p, const struct aci_source *src,
			       const struct pull_want *want, const char *what,
			       struct verify *v, struct pull_deferred *d,
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
