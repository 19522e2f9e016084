/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_REPOS_H
#define AC_FETCH_REPOS_H

/*
 * Repositories of OCI images, as `acfetch serve` offers them: OCI layouts
 * (directories) under names given to them, and the OCI images of a store under
 * the names they were pulled by: docker://HOST/NAME is the repository NAME, and
 * also HOST/NAME (a port's ':' becomes '_').  Where several have the same
 * name, layouts come first, then the image that came last.
 *
 * What is on disk is looked at anew when it changed.  Safe from several
 * threads.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/codec/digest.h"
#include "common/store/store.h"

struct ac_err;
struct repos;

/* Images of a store (borrowed; NULL: none). */
AC_MUSTUSE struct repos *repos_new(const struct ac_store *store);
void repos_free(struct repos *r);

/* Add a layout: "NAME=DIR", or DIR alone (its last component is the name).  The
 * directory must hold a readable index.json. */
AC_MUSTUSE int repos_add_layout(struct repos *r, const char *spec,
				struct ac_err *err);

/* Is NAME one a repository may have (OCI distribution 1.1, "Pulling
 * manifests")?  And TEXT a tag? */
bool repo_name_ok(const char *name);
bool tag_ok(const char *text);

/* The names of all repositories, sorted. */
AC_MUSTUSE int repos_list(struct repos *r, struct ac_strv *out,
			  struct ac_err *err);

/* The tags of a repository, sorted: 1, 0 when there is none of that name. */
AC_MUSTUSE int repos_tags(struct repos *r, const char *name,
			  struct ac_strv *out, struct ac_err *err);

/* A manifest or index, by tag or digest: 1, 0 unknown. */
struct repo_manifest {
	struct ac_digest digest;
	char *type; /* media type; owned */
	struct ac_buf text;
};
#define REPO_MANIFEST_INIT \
	((struct repo_manifest){.text = AC_BUF_INIT(8 << 20)})
void repo_manifest_release(struct repo_manifest *m);
AC_MUSTUSE int repos_manifest(struct repos *r, const char *name,
			      const char *reference, struct repo_manifest *out,
			      struct ac_err *err);

/* A blob that belongs to the repository: 1 and an open descriptor of it, 0
 * unknown. */
AC_MUSTUSE int repos_blob(struct repos *r, const char *name,
			  const struct ac_digest *d, int *fd, uint64_t *size,
			  struct ac_err *err);

#endif
