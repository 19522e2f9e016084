/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_REPORT_H
#define ACTOOL_REPORT_H

/* What validate found out about one file, and how it is told. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/codec/digest.h"
#include "common/image/findings.h"
#include "common/image/manifest.h"
#include "common/image/pod.h"

struct ac_err;
struct ac_json;

struct report {
	const char *file;
	const char *type; /* as --type names it; NULL: not known */
	const char *what; /* "ImageManifest", ...; NULL: not valid */
	char id[AC_DIGEST_TEXT];
	struct ac_findings findings;
	/* What its errors are about ("invalid ImageManifest"); those of a
	 * manifest, from .inner on, have a context of their own. */
	const char *context, *inner_context;
	size_t inner;  /* index in .findings; SIZE_MAX: none */
	char *excerpt; /* the line that is no JSON, or NULL; owned */

	/* What the file is, when it is valid. */
	bool has_image, has_pod;
	struct ac_image image;
	struct ac_pod pod;
	char *text; /* of a pod manifest; owned */
	size_t len;
};

#define REPORT_INIT                               \
	((struct report){.findings = {.v = NULL}, \
			 .context = "",           \
			 .inner_context = "",     \
			 .inner = SIZE_MAX,       \
			 .image = AC_IMAGE_INIT,  \
			 .pod = AC_POD_INIT})

/* Keep the failure in *err as an error of the file. */
void report_fail(struct report *r, struct ac_err *err);

bool report_valid(const struct report *r, bool strict);
/* On standard error. */
void report_tell(const struct report *r, bool strict);
/* One element of --json's array.  Caller owns it. */
AC_MUSTUSE struct ac_json *report_json(const struct report *r, bool strict);

void report_release(struct report *r);

#endif
