/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_FETCH_PAGES_H
#define AC_FETCH_PAGES_H

/*
 * The pages of a site of images, made from the images that are in it.  For an
 * image "example.com/a/b" these are index.html, a/index.html and
 * a/b/index.html: where discovery asks for the name and then for its parents.
 * Each names the template of images and the keys (when there are any) for all
 * names at and below it, in meta tags, and lists the images for people.
 *
 * Also the aliases for requests without a version, which ask for "latest":
 * of each name, os and arch the newest release (or the newest pre-release where
 * there is no release), unless an image without a version is there.
 */

#include "common/base/attr.h"

struct ac_err;
struct ac_secret;
struct ac_strv;

/* Make all pages and aliases of the site in DIRFD, which is reached at URL (no
 * slash at its end) and has the files KEYS with public keys.  A page that
 * somebody else wrote is not overwritten: AC_E_EXISTS. */
AC_MUSTUSE int pages_make(int dirfd, const char *url,
			  const struct ac_strv *keys, struct ac_secret *secret,
			  struct ac_err *err);

/* The URL in the pages made before: 1 (caller frees *url), 0 when there are
 * none, -1. */
AC_MUSTUSE int pages_url(int dirfd, char **url, struct ac_err *err);

#endif
