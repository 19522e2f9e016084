/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_IMAGE_NAME_H
#define AC_IMAGE_NAME_H

/*
 * The small types of the appc specification (0.8.11, "types"): AC Identifier,
 * AC Name, AC Version, image ids, os and arch labels.
 *
 * Each check comes in two strengths: what the original tools accept is
 * accepted on reading (AC_NAME_READ; existing images must load); what we write,
 * and what becomes a path or a URL, must match the published grammar
 * (AC_NAME_STRICT: no "..", "--", empty segments).
 */

#include <stdbool.h>

#include "common/base/attr.h"

struct ac_err;

enum ac_name_rule {
	AC_NAME_READ,
	AC_NAME_STRICT,
};

/* Messages contain those of the original ("ACIdentifier cannot be empty"). */
AC_MUSTUSE int ac_identifier_check(const char *s, enum ac_name_rule rule,
				   struct ac_err *err);
AC_MUSTUSE int ac_name_check(const char *s, enum ac_name_rule rule,
			     struct ac_err *err);

/* The nearest valid identifier or name ("My Image" -> "my_image" or
 * "my-image"), or NULL when no character is left.  Caller frees. */
AC_MUSTUSE char *ac_identifier_sanitize(const char *s);
AC_MUSTUSE char *ac_name_sanitize(const char *s);

/* True when a segment between slashes is empty, "." or "..": what no path and
 * no URL may be made of. */
bool ac_identifier_climbs(const char *s);

/* Semantic version 2.0.0.  AC_NAME_READ takes leading zeros and an empty
 * pre-release or build as the original did ("SemVer is bad", "SemVer cannot be
 * zero" are its messages). */
AC_MUSTUSE int ac_version_check(const char *s, enum ac_name_rule rule,
				struct ac_err *err);

/* "sha512-" and hex digits.  FULL wants all 128; otherwise 2 to 128: an
 * abbreviation. */
bool ac_image_id_ok(const char *s, bool full);

/* 1 when known, 0 when not; the message lists what is known.  Either may be
 * NULL; an arch without an os is not judged. */
int ac_os_arch_known(const char *os, const char *arch, struct ac_err *err);

/* The appc spelling of a Go platform (linux, arm64, "" -> aarch64), NULL when
 * there is none (riscv64: keep Go's); VARIANT may be NULL.  And back: *variant
 * (may be NULL) gets "v7" or NULL.  And of this host.  Static strings. */
const char *ac_arch_from_go(const char *os, const char *arch,
			    const char *variant);
const char *ac_arch_to_go(const char *arch, const char **variant);
const char *ac_host_os(void);      /* "linux" */
const char *ac_host_arch(void);    /* appc: "amd64", "aarch64" */
const char *ac_host_go_arch(void); /* Go and OCI: "amd64", "arm64" */
/* "v7" of a 32-bit ARM; NULL where the architecture says enough. */
const char *ac_host_go_variant(void);

#endif
