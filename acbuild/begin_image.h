/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACBUILD_BEGIN_IMAGE_H
#define ACBUILD_BEGIN_IMAGE_H

/* Beginning with an image that is no file of its own: one of the store, of a
 * registry or of a site, an OCI layout, an archive of `docker save`.  Other
 * programs get and convert them (acfetch, acconvert). */

#include <stdbool.h>

#include "common/base/attr.h"

struct ac_err;
struct ac_obtain;
struct work;

/* Is the directory DIRFD an OCI layout, or what `docker save` archives? */
bool is_oci(int dirfd);

/* Convert FILE (a directory or an archive of these) to the ACI of the open
 * file that is returned.  IMAGE (may be NULL) is which one of several, by name
 * or tag. */
AC_MUSTUSE int convert_oci(struct work *w, const char *file, const char *image,
			   struct ac_err *err);

/* Fill the currentaci of W with the image START (an id, a name, docker://...,
 * a URL), and W->doc. */
AC_MUSTUSE int begin_image(struct work *w, struct ac_obtain *from,
			   const char *start, struct ac_err *err);

#endif
