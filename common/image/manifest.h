/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_MANIFEST_H
#define AC_IMAGE_MANIFEST_H

/*
 * Image manifests (appc 0.8.11, "aci", Image Manifest Schema).  The JSON
 * document is the truth: unknown fields are kept, editing happens on it
 * (acbuild, actool).  `struct ac_image` is a typed view for those who use an
 * image, filled by ac_image_parse, which also checks every rule: what the
 * original refuses is an error, what the specification forbids and the
 * original accepted becomes a finding.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/image/findings.h"

struct ac_buf;
struct ac_err;
struct ac_json;

struct ac_pair {
	const char *name, *value; /* borrowed from the document */
};
struct ac_pairs {
	struct ac_pair *v;
	size_t n;
};
/* The value of NAME, or NULL. */
const char *ac_pairs_get(const struct ac_pairs *p, const char *name);

struct ac_mount_point {
	const char *name, *path;
	bool read_only;
};
struct ac_port {
	const char *name, *protocol;
	unsigned int port, count;
	bool socket_activated;
};
struct ac_isolator {
	const char *name;
	const struct ac_json *value; /* NULL when absent */
};

/* An app: of an image, or the one a pod puts in its place. */
struct ac_app {
	struct ac_strv exec;
	const char *user, *group;
	int64_t *gids; /* supplementaryGIDs */
	size_t n_gids;
	struct ac_strv pre_start, post_stop; /* event handlers; empty: none */
	const char *working_directory;       /* NULL: "/" */
	struct ac_pairs environment;
	struct ac_isolator *isolators;
	size_t n_isolators;
	struct ac_mount_point *mounts;
	size_t n_mounts;
	struct ac_port *ports;
	size_t n_ports;
	struct ac_pairs user_annotations, user_labels;
};

struct ac_dependency {
	const char *name;
	const char *image_id; /* NULL: any */
	struct ac_pairs labels;
	uint64_t size; /* 0: any */
};

struct ac_image {
	struct ac_json *doc; /* owned */
	const char *name;
	struct ac_pairs labels;
	bool has_app;
	struct ac_app app;
	struct ac_dependency *deps;
	size_t n_deps;
	struct ac_strv whitelist; /* as written */
	struct ac_pairs annotations;
};

#define AC_IMAGE_INIT ((struct ac_image){.doc = NULL})

/* Parse and check.  F (may be NULL) collects findings with their places in the
 * text; with it, checking goes on behind errors, and *err is the first. */
AC_MUSTUSE int ac_image_parse(struct ac_image *m, const char *text, size_t len,
			      struct ac_findings *f, struct ac_err *err);
/* The same from a document, of which it takes ownership (also on failure). */
AC_MUSTUSE int ac_image_load(struct ac_image *m, struct ac_json *doc,
			     struct ac_findings *f, struct ac_err *err);
void ac_image_release(struct ac_image *m);

/* The view of an app object alone, as a pod manifest holds one; PATH says where
 * it stands.  With F, errors in it are collected there, and 0 is returned. */
AC_MUSTUSE int ac_app_load(struct ac_app *app, const struct ac_json *doc,
			   const char *path, struct ac_findings *f,
			   struct ac_err *err);
void ac_app_release(struct ac_app *app);

/* Append the document as the original serialised it: known keys in its order
 * (appc.md I9), unknown ones behind them, compact, HTML escapes. */
void ac_image_write(const struct ac_json *doc, struct ac_buf *out);

/* A new document: kind, version 0.8.11, NAME, and labels os and arch of this
 * host.  Owned by the caller. */
AC_MUSTUSE struct ac_json *ac_image_new(const char *name);

/* True when the image has every one of LABELS with the same value. */
bool ac_image_matches(const struct ac_image *m, const char *name,
		      const struct ac_pairs *labels);

/* A resource quantity (appc.md L9): "500m", "1Gi", "50M".  *milli gets
 * thousandths of the unit, rounded up. */
AC_MUSTUSE int ac_quantity_parse(const struct ac_json *v, int64_t *milli,
				 struct ac_err *err);

#endif
