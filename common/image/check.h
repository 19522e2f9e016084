/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_CHECK_H
#define AC_IMAGE_CHECK_H

/* The rules that image and pod manifests share.  Rule numbers of findings are
 * those of spec/image.md.  F may be NULL; PATH says where the value stands. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/image/manifest.h"

struct ac_err;
struct ac_json;

/* acKind must be KIND, acVersion a version (MUST_VERSION: present). */
AC_MUSTUSE int ac_check_head(const struct ac_json *doc, const char *kind,
			     bool must_version, struct ac_findings *f,
			     struct ac_err *err);

/* An AC Identifier or AC Name: an error when the original refused it, a finding
 * when the specification alone does. */
AC_MUSTUSE int ac_check_identifier(const char *s, const char *path,
				   struct ac_findings *f, struct ac_err *err);
AC_MUSTUSE int ac_check_name(const char *s, const char *path,
			     struct ac_findings *f, struct ac_err *err);

/* Member KEY as an AC Identifier (or AC Name when NAME): 1, 0 when absent, -1.
 * null is not absent here, it is an empty name. */
AC_MUSTUSE int ac_check_name_field(const struct ac_json *o, const char *path,
				   const char *key, bool name, const char **out,
				   struct ac_findings *f, struct ac_err *err);

/* "sha512-..." where a document names an image. */
AC_MUSTUSE int ac_check_image_id(const char *s, const char *path,
				 struct ac_findings *f, struct ac_err *err);

/* RFC 3339 and http(s) URLs, as leniently as the original. */
AC_MUSTUSE int ac_check_date(const char *s, const char *path,
			     struct ac_findings *f, struct ac_err *err);
AC_MUSTUSE int ac_check_url(const char *s, const char *path,
			    struct ac_findings *f, struct ac_err *err);

/* [A-Za-z_][A-Za-z_0-9.-]* */
bool ac_check_env_name(const char *s);

/* Labels and annotations of OBJECT's member; 0 when absent too.  The caller
 * frees out->v. */
AC_MUSTUSE int ac_check_labels(const struct ac_json *o, const char *path,
			       struct ac_pairs *out, struct ac_findings *f,
			       struct ac_err *err);
AC_MUSTUSE int ac_check_annotations(const struct ac_json *o, const char *path,
				    struct ac_pairs *out, struct ac_findings *f,
				    struct ac_err *err);

/* The member `isolators`; IN_POD relaxes what the original did not check
 * there.  0 when absent too; the caller frees *out. */
AC_MUSTUSE int ac_check_isolators(const struct ac_json *o, const char *path,
				  bool in_pod, struct ac_isolator **out,
				  size_t *n, struct ac_findings *f,
				  struct ac_err *err);

/* A port object. */
AC_MUSTUSE int ac_check_port(const struct ac_json *o, const char *path,
			     struct ac_port *out, struct ac_findings *f,
			     struct ac_err *err);

#endif
